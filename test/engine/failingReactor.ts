// A reactor in front of a MemoryReactor in which one call of one kind fails, as curl's torture tests do with malloc: each engine has one,
// and they count together.

import type { Endpoint } from '../../src/base/endpoint.ts';
import type { IpAddress } from '../../src/base/ipAddress.ts';
import type { Slab } from '../../src/base/slab.ts';
import type { Datagrams, UdpHandler, UdpId } from '../../src/reactor/datagrams.ts';
import { ERRNO } from '../../src/reactor/errno.ts';
import type {
  ConnHandler,
  ConnId,
  Doorbell,
  DoorbellHandler,
  ListenerId,
  ListenHandler,
  Reactor,
  TimerHandler,
  TimerId,
  TurnHandler,
} from '../../src/reactor/reactor.ts';
import { WOULD_BLOCK } from '../../src/reactor/reactor.ts';
import type { MemoryReactor } from './memoryReactor.ts';

export const KINDS = ['read', 'write', 'connect', 'accept', 'adopt', 'detach'] as const;
export const UDP_KINDS = ['bind', 'send', 'receive'] as const;
export type Kind = (typeof KINDS)[number] | (typeof UDP_KINDS)[number];

/** How a call fails: with an errno that ends the connection, or with less than was asked for. */
export const WAYS: Readonly<Record<Kind, readonly (number | 'would block' | 'one byte' | 'vanished')[]>> = {
  read: [ERRNO.ECONNRESET, 'would block', 'one byte'],
  write: [ERRNO.EPIPE, 'would block', 'one byte'],
  connect: [ERRNO.EMFILE, ERRNO.ETIMEDOUT],
  accept: [ERRNO.EMFILE],
  adopt: [ERRNO.ENFILE, 'vanished'],
  detach: ['vanished'],
  bind: [ERRNO.EMFILE, ERRNO.EADDRINUSE],
  send: [ERRNO.EPERM, ERRNO.ENOBUFS, 'would block'],
  receive: [ERRNO.ECONNREFUSED, ERRNO.EINTR, 'would block'],
};

export interface Failure {
  readonly kind: Kind;
  /** Which call of its kind, from 1. */
  readonly call: number;
  readonly way: (typeof WAYS)[Kind][number];
}

/** Counts the calls of all engines, and says which one fails. */
export class Plan {
  readonly counts: Record<Kind, number> = {
    read: 0,
    write: 0,
    connect: 0,
    accept: 0,
    adopt: 0,
    detach: 0,
    bind: 0,
    send: 0,
    receive: 0,
  };
  readonly #failure: Failure | null;

  constructor(failure: Failure | null) {
    this.#failure = failure;
  }

  /** null: this one goes well. */
  next(kind: Kind): Failure['way'] | null {
    const call = ++this.counts[kind];
    const failure = this.#failure;
    return failure !== null && failure.kind === kind && failure.call === call ? failure.way : null;
  }
}

export class FailingReactor implements Reactor {
  readonly kind = 'net';
  readonly udp: Datagrams;
  readonly #inner: MemoryReactor;
  readonly #plan: Plan;

  constructor(inner: MemoryReactor, plan: Plan) {
    this.#inner = inner;
    this.#plan = plan;
    this.udp = new FailingUdp(inner, plan);
  }

  get nowMs(): number {
    return this.#inner.nowMs;
  }

  get connections(): number {
    return this.#inner.connections;
  }

  get doorbell(): Doorbell {
    return this.#inner.doorbell;
  }

  read(conn: ConnId, slab: Slab, offset: number, length: number): number {
    const way = this.#plan.next('read');
    if (way === null) return this.#inner.read(conn, slab, offset, length);
    if (way === 'would block') return WOULD_BLOCK;
    if (way === 'one byte') return this.#inner.read(conn, slab, offset, Math.min(1, length));
    this.#inner.breakOff(conn, way as number);
    return this.#inner.read(conn, slab, offset, length);
  }

  write(conn: ConnId, slab: Slab, offset: number, length: number): number {
    const way = this.#plan.next('write');
    if (way === null) return this.#inner.write(conn, slab, offset, length);
    if (typeof way === 'number') {
      this.#inner.breakOff(conn, way);
      return -way;
    }
    const taken = way === 'would block' ? 0 : this.#inner.write(conn, slab, offset, Math.min(1, length));
    if (taken >= 0 && taken < length) this.#inner.promiseWritable(conn);
    return taken;
  }

  connect(address: IpAddress, port: number, timeoutMs: number, handler: ConnHandler, tag: number): ConnId {
    const way = this.#plan.next('connect');
    if (way === null) return this.#inner.connect(address, port, timeoutMs, handler, tag);
    // Nobody listens on port 0, so this fails as well, with another errno.
    const failed: ConnHandler = {
      onConnected() {},
      onReadable() {},
      onWritable() {},
      onBroken() {},
      onConnectFailed: (conn) => handler.onConnectFailed(conn, tag, way as number),
    };
    return this.#inner.connect(address, 0, timeoutMs, failed, tag);
  }

  listen(address: string, port: number, handler: ListenHandler): ListenerId {
    return this.#inner.listen(address, port, {
      onListening: (listener, bound, boundPort) => handler.onListening(listener, bound, boundPort),
      onListenFailed: (listener, errno) => handler.onListenFailed(listener, errno),
      onAcceptFailed: (listener, errno) => handler.onAcceptFailed(listener, errno),
      onAccept: (conn, listener) => {
        const way = this.#plan.next('accept');
        if (way === null) {
          handler.onAccept(conn, listener);
          return;
        }
        this.#inner.reset(conn);
        handler.onAcceptFailed(listener, way as number);
      },
    });
  }

  detach(conn: ConnId): number {
    const way = this.#plan.next('detach');
    if (way !== null) this.#inner.reset(conn);
    return this.#inner.detach(conn);
  }

  /** As epoll does: 'vanished' is a full table, whose id is nobody's; an errno comes as onBroken. */
  adopt(fd: number, handler: ConnHandler, tag: number): ConnId {
    const way = this.#plan.next('adopt');
    if (way === 'vanished') this.#inner.reset(fd);
    const conn = this.#inner.adopt(fd, handler, tag);
    if (typeof way === 'number') {
      this.#inner.pauseRead(conn);
      this.#inner.breakOff(conn, way);
    }
    return conn;
  }

  slab(bytes: number): Slab {
    return this.#inner.slab(bytes);
  }

  borrowSlab(bytes: number): Slab {
    return this.#inner.borrowSlab(bytes);
  }

  returnSlab(slab: Slab): void {
    this.#inner.returnSlab(slab);
  }

  unlisten(listener: ListenerId): void {
    this.#inner.unlisten(listener);
  }

  attach(conn: ConnId, handler: ConnHandler, tag: number): void {
    this.#inner.attach(conn, handler, tag);
  }

  pauseRead(conn: ConnId): void {
    this.#inner.pauseRead(conn);
  }

  resumeRead(conn: ConnId): void {
    this.#inner.resumeRead(conn);
  }

  shutdownWrite(conn: ConnId): void {
    this.#inner.shutdownWrite(conn);
  }

  close(conn: ConnId): void {
    this.#inner.close(conn);
  }

  reset(conn: ConnId): void {
    this.#inner.reset(conn);
  }

  remoteAddress(conn: ConnId): string {
    return this.#inner.remoteAddress(conn);
  }

  localAddress(conn: ConnId): string {
    return this.#inner.localAddress(conn);
  }

  limitUnsent(conn: ConnId, bytes: number): void {
    this.#inner.limitUnsent(conn, bytes);
  }

  unsentBytes(conn: ConnId): number {
    return this.#inner.unsentBytes(conn);
  }

  awaitSent(conn: ConnId): void {
    this.#inner.awaitSent(conn);
  }

  acknowledgedBytes(conn: ConnId): number {
    return this.#inner.acknowledgedBytes(conn);
  }

  descriptor(conn: ConnId): number {
    return this.#inner.descriptor(conn);
  }

  setTimer(delayMs: number, handler: TimerHandler, tag: number): TimerId {
    return this.#inner.setTimer(delayMs, handler, tag);
  }

  clearTimer(timer: TimerId): void {
    this.#inner.clearTimer(timer);
  }

  onTurnEnd(handler: TurnHandler): void {
    this.#inner.onTurnEnd(handler);
  }

  onDoorbell(_handler: DoorbellHandler): void {}
  onFault(): void {}
  run(): void {}
  stop(): void {}
}

/** The UDP sockets of a FailingReactor. */
class FailingUdp implements Datagrams {
  readonly #inner: MemoryReactor;
  readonly #plan: Plan;
  /** Sockets that will be told of their failure. */
  readonly #unbound = new Set<UdpId>();

  constructor(inner: MemoryReactor, plan: Plan) {
    this.#inner = inner;
    this.#plan = plan;
  }

  get count(): number {
    return this.#inner.udp.count;
  }

  bind(address: string, port: number, handler: UdpHandler, tag: number): UdpId {
    const way = this.#plan.next('bind');
    const udp = this.#inner.udp.bind(address, port, handler, tag);
    if (way === null) return udp;
    this.#inner.udp.close(udp);
    this.#unbound.add(udp);
    this.#inner.later(() => {
      if (this.#unbound.delete(udp)) handler.onBindFailed(udp, tag, way as number);
    });
    return udp;
  }

  receive(udp: UdpId, slab: Slab, offset: number, length: number, from: Endpoint): number {
    const way = this.#plan.next('receive');
    if (way === null) return this.#inner.udp.receive(udp, slab, offset, length, from);
    return way === 'would block' ? WOULD_BLOCK : -(way as number);
  }

  send(udp: UdpId, slab: Slab, offset: number, length: number, to: Endpoint): number {
    const way = this.#plan.next('send');
    if (way === null) return this.#inner.udp.send(udp, slab, offset, length, to);
    return way === 'would block' ? WOULD_BLOCK : -(way as number);
  }

  close(udp: UdpId): void {
    this.#unbound.delete(udp);
    this.#inner.udp.close(udp);
  }
}
