// The reactor: what an engine thread asks of the operating system. Two implementations: epoll/ (Linux) and net/ (everywhere).
// Handlers see level-triggered readiness, whatever the implementation does below: onReadable is called again on the next turn for as
// long as something is unread and reading is not paused.

import type { IpAddress } from '../base/ipAddress.ts';
import type { Slab } from '../base/slab.ts';
import type { Datagrams } from './datagrams.ts';

/** Generation × SLOTS_MAX + slot: the id of a closed connection never names a later one. Always > 0. */
export type ConnId = number;
/** Likewise for timers. Always > 0. */
export type TimerId = number;
/** Slots of connections, and of timers, in one reactor. */
export const SLOTS_MAX = 2 ** 20;

/** read(): the peer has finished sending. */
export const END = 0;
/** read() and write() return -errno on failure. This one (-EAGAIN) is no failure. */
export const WOULD_BLOCK = -11;

export interface ConnHandler {
  /** connect() succeeded. The connection is writable, and reading is on. */
  onConnected(conn: ConnId, tag: number): void;
  /** connect() failed or timed out (errno > 0, e.g. 111 ECONNREFUSED, 110 ETIMEDOUT). The id is already closed. */
  onConnectFailed(conn: ConnId, tag: number, errno: number): void;
  /** Bytes, the end or an error can be read. Never called while reading is paused, nor after read() returned END. */
  onReadable(conn: ConnId, tag: number): void;
  /** There is room again after a write() that took less than it was given. */
  onWritable(conn: ConnId, tag: number): void;
  /** The connection broke (reset, timed out) while reading was paused or after its end was read. The id is still open: close() it. */
  onBroken(conn: ConnId, tag: number, errno: number): void;
}

export interface ListenHandler {
  /** The address that is really bound (port 0 resolved). */
  onListening(listener: ListenerId, address: string, port: number): void;
  onListenFailed(listener: ListenerId, errno: number): void;
  /** A new connection. It has no handler yet: call attach() or close() before returning. */
  onAccept(conn: ConnId, listener: ListenerId): void;
  /** accept() failed (EMFILE, ENFILE, ENOBUFS, ENOMEM). The reactor rests this listener for a moment, then goes on. */
  onAcceptFailed(listener: ListenerId, errno: number): void;
}
export type ListenerId = number;

export interface TimerHandler {
  onTimer(tag: number): void;
}

/** Called once at the end of every turn, after all events and timers, before the thread sleeps. */
export interface TurnHandler {
  onTurnEnd(): void;
}

/** Called on the reactor's thread some time after its doorbell rang. Several rings may lead to one call. */
export interface DoorbellHandler {
  onDoorbell(): void;
}

/** Posted to other threads (structured clone), which ring it with ringDoorbell(). */
export type Doorbell =
  | { readonly kind: 'eventfd'; readonly fd: number }
  | { readonly kind: 'port'; readonly port: import('node:worker_threads').MessagePort };

export interface Reactor {
  readonly kind: 'epoll' | 'net';
  /** Monotonic milliseconds, read once a turn. */
  readonly nowMs: number;
  /** Open connections, listeners not counted. */
  readonly connections: number;

  /** Its UDP sockets; `connections` does not count them. */
  readonly udp: Datagrams;

  slab(bytes: number): Slab;
  /** A slab for a while, of a power of two from 4 KiB to 16 MiB: returnSlab() gives its memory back to the system. */
  borrowSlab(bytes: number): Slab;
  /** What borrowSlab() lent. It must not be used any more, and nor must its address. */
  returnSlab(slab: Slab): void;

  /**
   * Bind and listen on an IP literal, or on an absolute path: a Unix socket that only this user can ever connect to. The answer comes
   * to the handler, always in a later turn. The caller removes the path after use.
   */
  listen(address: string, port: number, handler: ListenHandler): ListenerId;
  /** Stop accepting and close the listening socket. Its connections live on. */
  unlisten(listener: ListenerId): void;

  /**
   * Dial an address, which is not kept. The answer comes to the handler in a later turn, never from inside connect(). close() cancels.
   * Without a free descriptor the answer is onConnectFailed with EMFILE.
   */
  connect(address: IpAddress, port: number, timeoutMs: number, handler: ConnHandler, tag: number): ConnId;
  /** Set the handler and tag of a connection. Reading is on from now. */
  attach(conn: ConnId, handler: ConnHandler, tag: number): void;

  /** Up to `length` bytes into slab.bytes[offset..]: bytes read (> 0), END, WOULD_BLOCK, or another -errno. */
  read(conn: ConnId, slab: Slab, offset: number, length: number): number;
  /** Bytes taken, 0..length. Less than length (0 for WOULD_BLOCK) means that onWritable will be called. -errno when broken. */
  write(conn: ConnId, slab: Slab, offset: number, length: number): number;
  /** No onReadable until resumeRead(). Idempotent. */
  pauseRead(conn: ConnId): void;
  resumeRead(conn: ConnId): void;

  /** Send FIN after what was written. Reading goes on. */
  shutdownWrite(conn: ConnId): void;
  /** Close in order. The id is void at once, and no callback for it follows. Safe inside any callback, and twice. */
  close(conn: ConnId): void;
  /** Close with RST. */
  reset(conn: ConnId): void;

  /** The far address as an IP literal ("" when it is no longer known). IPv4-mapped IPv6 becomes IPv4. */
  remoteAddress(conn: ConnId): string;
  /** Our own address of this connection as an IP literal. */
  localAddress(conn: ConnId): string;
  /** Of what was written, what the peer's TCP has acknowledged; -1 where the system does not say. */
  acknowledgedBytes(conn: ConnId): number;
  /**
   * The system should hold about so many bytes of what was written and it has not sent, at least 1; Infinity: as many as it likes. It may
   * take more all the same: ask unsentBytes() before a write.
   */
  limitUnsent(conn: ConnId, bytes: number): void;
  /** Of what was written, what the system has never sent; -1 where it does not say. */
  unsentBytes(conn: ConnId): number;
  /** onWritable is called in a later turn, once less than half of limitUnsent() is unsent. Only where unsentBytes() says something. */
  awaitSent(conn: ConnId): void;
  /** Its file descriptor, for looking at only; -1 where there is none. */
  descriptor(conn: ConnId): number;

  /** epoll only: take the descriptor out of this reactor, so that another thread's can adopt it. The id is void. */
  detach(conn: ConnId): number;
  /** epoll only: take over a connected, non-blocking descriptor. It may already be readable. */
  adopt(fd: number, handler: ConnHandler, tag: number): ConnId;

  /** One shot. Never early. */
  setTimer(delayMs: number, handler: TimerHandler, tag: number): TimerId;
  clearTimer(timer: TimerId): void;

  onTurnEnd(handler: TurnHandler): void;
  readonly doorbell: Doorbell;
  onDoorbell(handler: DoorbellHandler): void;
  /** Where an exception goes that a handler threw. The reactor resets the connection that it was called for, and goes on. */
  onFault(report: (error: unknown) => void): void;

  /** epoll: blocks this thread until stop(). net: returns, and the thread's own event loop drives the reactor. */
  run(): void;
  /** Close everything and make run() return. From another thread: ring the doorbell and call it in onDoorbell. */
  stop(): void;
}
