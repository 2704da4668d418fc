// The UDP sockets of a net reactor: node:dgram, whose datagrams wait in a short queue until the handler takes them.

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIP } from 'node:net';
import type { Endpoint } from '../../base/endpoint.ts';
import { isPort } from '../../base/hostPort.ts';
import { IpAddress, withoutZone } from '../../base/ipAddress.ts';
import { assertInSlab, type Slab } from '../../base/slab.ts';
import { UDP } from '../../limits/datagrams.ts';
import type { Datagrams, UdpHandler, UdpId } from '../datagrams.ts';
import { ERRNO, errnoOfCode } from '../errno.ts';
import { WOULD_BLOCK } from '../reactor.ts';
import type { NetTurn } from './netTurn.ts';

interface Udp {
  readonly socket: Socket;
  readonly handler: UdpHandler;
  readonly tag: number;
  readonly family: 4 | 6;
  bound: boolean;
  /** Received and not yet taken. */
  waiting: { data: Uint8Array; from: RemoteInfo }[];
  waitingBytes: number;
  /** Given to the socket and not yet sent. */
  sendingBytes: number;
  queued: boolean;
}

export class UdpNet implements Datagrams {
  readonly #turn: NetTurn;
  readonly #open = new Map<UdpId, Udp>();
  #last = 0;

  constructor(turn: NetTurn) {
    this.#turn = turn;
  }

  get count(): number {
    return this.#open.size;
  }

  bind(address: string, port: number, handler: UdpHandler, tag: number): UdpId {
    const id = ++this.#last;
    const local = IpAddress.parse(address);
    const family = local?.family ?? 4;
    const socket = createSocket({ type: `udp${family}`, ipv6Only: family === 6, lookup: noLookup });
    const udp: Udp = {
      socket,
      handler,
      tag,
      family,
      bound: false,
      waiting: [],
      waitingBytes: 0,
      sendingBytes: 0,
      queued: false,
    };
    this.#open.set(id, udp);
    socket.on('error', (error: NodeJS.ErrnoException) => this.#fail(id, errnoOfCode(error.code)));
    socket.on('message', (data, from) => this.#received(id, udp, data, from));
    if (local === null || !isPort(port)) {
      this.#turn.answerLater(() => this.#fail(id, ERRNO.EINVAL));
      return id;
    }
    socket.bind({ address: local.toString(), port, exclusive: true }, () => {
      udp.bound = true;
      // Later, because node may bind at once.
      this.#turn.answerLater(() => this.#reportBound(id));
    });
    return id;
  }

  #reportBound(id: UdpId): void {
    const udp = this.#open.get(id);
    if (udp === undefined) return;
    const { address, port } = udp.socket.address();
    this.#call(id, () => udp.handler.onBound(id, udp.tag, address, port));
  }

  #fail(id: UdpId, errno: number): void {
    const udp = this.#open.get(id);
    // No error ends a bound socket.
    if (udp === undefined || udp.bound) return;
    this.close(id);
    this.#turn.call(() => udp.handler.onBindFailed(id, udp.tag, errno));
  }

  #received(id: UdpId, udp: Udp, data: Uint8Array, from: RemoteInfo): void {
    if (this.#open.get(id) !== udp) return;
    if (udp.waiting.length >= UDP.netReceiveMax || udp.waitingBytes + data.length > UDP.netReceiveBytes)
      return;
    udp.waiting.push({ data, from });
    udp.waitingBytes += data.length;
    if (!udp.queued) this.#deliver(id, udp);
  }

  #deliver(id: UdpId, udp: Udp): void {
    udp.queued = false;
    if (this.#open.get(id) !== udp || udp.waiting.length === 0) return;
    this.#call(id, () => udp.handler.onDatagrams(id, udp.tag));
    if (udp.waiting.length === 0 || this.#open.get(id) !== udp) return;
    udp.queued = true;
    this.#turn.answerLater(() => this.#deliver(id, udp));
  }

  /** A handler that throws loses its socket. */
  #call(id: UdpId, callback: () => void): void {
    if (!this.#turn.call(callback)) this.close(id);
  }

  receive(id: UdpId, slab: Slab, offset: number, length: number, from: Endpoint): number {
    const udp = this.#open.get(id);
    if (udp === undefined) return -ERRNO.EBADF;
    assertInSlab(slab, offset, length);
    const first = udp.waiting.shift();
    if (first === undefined) return WOULD_BLOCK;
    udp.waitingBytes -= first.data.length;
    from.address.parse(withoutZone(first.from.address));
    from.port = first.from.port;
    slab.bytes.set(first.data.subarray(0, length), offset);
    return first.data.length;
  }

  send(id: UdpId, slab: Slab, offset: number, length: number, to: Endpoint): number {
    const udp = this.#open.get(id);
    if (udp === undefined) return -ERRNO.EBADF;
    assertInSlab(slab, offset, length);
    if (to.address.family !== udp.family) return -ERRNO.EAFNOSUPPORT;
    if (udp.sendingBytes + length > UDP.netSendBytes) return WOULD_BLOCK;
    udp.sendingBytes += length;
    udp.socket.send(slab.bytes.slice(offset, offset + length), to.port, to.address.toString(), () => {
      udp.sendingBytes -= length;
    });
    return length;
  }

  close(id: UdpId): void {
    const udp = this.#open.get(id);
    if (udp === undefined) return;
    this.#open.delete(id);
    udp.waiting = [];
    udp.socket.close();
  }

  closeAll(): void {
    for (const id of [...this.#open.keys()]) this.close(id);
  }
}

/** Every address is a literal, and node's own lookup would delay each datagram by a turn. */
function noLookup(
  address: string,
  _options: unknown,
  done: (error: Error | null, address: string, family: number) => void,
): void {
  done(null, address, isIP(address));
}
