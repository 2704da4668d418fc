// The UDP sockets of an epoll reactor: recvfrom and sendto on non-blocking descriptors, watched level-triggered.

import type { Endpoint } from '../../base/endpoint.ts';
import { assertInSlab, type Slab } from '../../base/slab.ts';
import type { Answers } from '../answers.ts';
import type { Datagrams, UdpHandler, UdpId } from '../datagrams.ts';
import { ERRNO } from '../errno.ts';
import { EPOLLIN, type Libc, MSG_NOSIGNAL, MSG_TRUNC } from '../libc.ts';
import { readSockaddr, SOCKADDR_MAX_BYTES, writeSockaddr } from '../sockaddr.ts';
import { type Poller, UDP_WORD } from './poller.ts';
import type { Sockets } from './sockets.ts';

/** Layout of the scratch bytes: the far address, its length. */
const LENGTH_AT = 32;
const SCRATCH_BYTES = 64;
const ID_MAX = 0x7fff_ffff;

interface Udp {
  /** Or -errno when it could not be bound, until its handler has heard of it. */
  readonly fd: number;
  readonly handler: UdpHandler;
  readonly tag: number;
}

export class UdpEpoll implements Datagrams {
  readonly #libc: Libc;
  readonly #poller: Poller;
  readonly #sockets: Sockets;
  readonly #answers: Answers;
  readonly #open = new Map<UdpId, Udp>();
  #last = 0;
  readonly #bytes = new Uint8Array(new ArrayBuffer(SCRATCH_BYTES));
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #address: number;

  constructor(libc: Libc, poller: Poller, sockets: Sockets, answers: Answers) {
    this.#libc = libc;
    this.#poller = poller;
    this.#sockets = sockets;
    this.#answers = answers;
    this.#address = libc.addressOf(this.#bytes);
  }

  get count(): number {
    return this.#open.size;
  }

  bind(address: string, port: number, handler: UdpHandler, tag: number): UdpId {
    const id = this.#nextId();
    let fd = this.#sockets.bindUdp(address, port);
    if (fd >= 0 && this.#poller.watch(fd, EPOLLIN, UDP_WORD, id) < 0) {
      const errno = this.#libc.errno();
      this.#libc.close(fd);
      fd = -errno;
    }
    this.#open.set(id, { fd, handler, tag });
    this.#answers.owe(() => this.#reportBound(id));
    return id;
  }

  #nextId(): UdpId {
    do this.#last = (this.#last % ID_MAX) + 1;
    while (this.#open.has(this.#last));
    return this.#last;
  }

  #reportBound(id: UdpId): void {
    const udp = this.#open.get(id);
    if (udp === undefined) return;
    const { fd, handler, tag } = udp;
    if (fd < 0) {
      this.#open.delete(id);
      handler.onBindFailed(id, tag, -fd);
    } else handler.onBound(id, tag, this.#sockets.localAddress(fd), this.#sockets.localPort(fd));
  }

  /** The descriptor became readable. A handler that throws loses its socket. */
  handleReadable(id: UdpId): void {
    const udp = this.#open.get(id);
    if (udp === undefined) return;
    try {
      udp.handler.onDatagrams(id, udp.tag);
    } catch (error) {
      this.close(id);
      throw error;
    }
  }

  receive(id: UdpId, slab: Slab, offset: number, length: number, from: Endpoint): number {
    const fd = this.#open.get(id)?.fd ?? -1;
    if (fd < 0) return -ERRNO.EBADF;
    assertInSlab(slab, offset, length);
    this.#view.setInt32(LENGTH_AT, SOCKADDR_MAX_BYTES, true);
    const lengthAddress = this.#address + LENGTH_AT;
    const count = this.#libc.recvfrom(
      fd,
      slab.address + offset,
      length,
      MSG_TRUNC,
      this.#address,
      lengthAddress,
    );
    if (count < 0) return -this.#libc.errno();
    readSockaddr(this.#bytes, from);
    return count;
  }

  send(id: UdpId, slab: Slab, offset: number, length: number, to: Endpoint): number {
    const fd = this.#open.get(id)?.fd ?? -1;
    if (fd < 0) return -ERRNO.EBADF;
    assertInSlab(slab, offset, length);
    const addressBytes = writeSockaddr(this.#bytes, to.address, to.port);
    const start = slab.address + offset;
    const count = this.#libc.sendto(fd, start, length, MSG_NOSIGNAL, this.#address, addressBytes);
    return count < 0 ? -this.#libc.errno() : count;
  }

  close(id: UdpId): void {
    const udp = this.#open.get(id);
    if (udp === undefined) return;
    this.#open.delete(id);
    if (udp.fd >= 0) this.#poller.closeLater(udp.fd);
  }

  closeAll(): void {
    for (const id of [...this.#open.keys()]) this.close(id);
  }
}
