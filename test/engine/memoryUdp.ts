// The UDP sockets of a MemoryReactor: every address is this one machine, nothing is lost but what a full receiver drops.

import type { Endpoint } from '../../src/base/endpoint.ts';
import type { Slab } from '../../src/base/slab.ts';
import type { Datagrams, UdpHandler, UdpId } from '../../src/reactor/datagrams.ts';
import { ERRNO } from '../../src/reactor/errno.ts';
import { WOULD_BLOCK } from '../../src/reactor/reactor.ts';

const WAITING_MAX = 64;
const FIRST_PORT = 40_000;

interface Udp {
  readonly address: string;
  readonly port: number;
  readonly handler: UdpHandler;
  readonly tag: number;
  readonly waiting: { data: Uint8Array; address: string; port: number }[];
}

export class MemoryUdp implements Datagrams {
  readonly #later: (act: () => void) => void;
  readonly #guarded: (act: () => void) => void;
  readonly #open = new Map<UdpId, Udp>();
  #last = 0;

  constructor(later: (act: () => void) => void, guarded: (act: () => void) => void) {
    this.#later = later;
    this.#guarded = guarded;
  }

  get count(): number {
    return this.#open.size;
  }

  bind(address: string, port: number, handler: UdpHandler, tag: number): UdpId {
    const id = ++this.#last;
    const udp = { address, port: port === 0 ? FIRST_PORT + id : port, handler, tag, waiting: [] };
    this.#open.set(id, udp);
    this.#later(() => {
      if (this.#open.has(id)) handler.onBound(id, tag, address, udp.port);
    });
    return id;
  }

  tellAll(): void {
    for (const [id, udp] of [...this.#open]) {
      if (udp.waiting.length > 0) this.#guarded(() => udp.handler.onDatagrams(id, udp.tag));
    }
  }

  receive(id: UdpId, slab: Slab, offset: number, length: number, from: Endpoint): number {
    const udp = this.#open.get(id);
    if (udp === undefined) return -ERRNO.EBADF;
    const first = udp.waiting.shift();
    if (first === undefined) return WOULD_BLOCK;
    from.address.parse(first.address);
    from.port = first.port;
    slab.bytes.set(first.data.subarray(0, length), offset);
    return first.data.length;
  }

  send(id: UdpId, slab: Slab, offset: number, length: number, to: Endpoint): number {
    const udp = this.#open.get(id);
    if (udp === undefined) return -ERRNO.EBADF;
    const address = to.address.toString();
    const target = [...this.#open.values()].find(
      (one) => one.port === to.port && (one.address === address || one.address === '0.0.0.0'),
    );
    if (target === undefined || target.waiting.length >= WAITING_MAX) return length;
    const own = udp.address === '0.0.0.0' ? '127.0.0.1' : udp.address;
    target.waiting.push({ data: slab.bytes.slice(offset, offset + length), address: own, port: udp.port });
    return length;
  }

  close(id: UdpId): void {
    this.#open.delete(id);
  }
}
