// A reactor without sockets: connections are pairs of queues, time is virtual, everything happens in one order. Several engines, their
// clients and their targets share one, so that a whole hub with its node runs in a test, the same way every time.

import type { IpAddress } from '../../src/base/ipAddress.ts';
import type { Slab } from '../../src/base/slab.ts';
import { ERRNO } from '../../src/reactor/errno.ts';
import type {
  ConnHandler,
  ConnId,
  Doorbell,
  ListenerId,
  ListenHandler,
  Reactor,
  TimerHandler,
  TimerId,
  TurnHandler,
} from '../../src/reactor/reactor.ts';
import { END, WOULD_BLOCK } from '../../src/reactor/reactor.ts';
import { testSlab } from '../noise/cipherTwin.ts';
import { MemoryUdp } from './memoryUdp.ts';

/** What a connection holds that its reader has not taken: small, so that every writer has to wait now and then. */
const USUAL_ROOM_BYTES = 24_000;

class Conn {
  readonly id: ConnId;
  readonly remote: string;
  readonly local: string;
  handler: ConnHandler | null = null;
  tag = 0;
  peer: Conn | null = null;
  readonly unread: Uint8Array[] = [];
  unreadBytes = 0;
  paused = false;
  open = true;
  /** Taken out by detach() and not adopted yet. */
  detached = false;
  /** The peer's FIN is behind its bytes. */
  ended = false;
  endRead = false;
  /** We have sent FIN. */
  finished = false;
  wantsToWrite = false;
  /** The network is gone, and nobody has heard: what either side writes is lost. */
  lost = false;
  acknowledgedBytes = 0;
  unsentMaxBytes = Number.POSITIVE_INFINITY;
  errno = 0;
  toldBroken = false;

  constructor(id: ConnId, remote: string, local: string) {
    this.id = id;
    this.remote = remote;
    this.local = local;
  }
}

interface Timer {
  readonly dueMs: number;
  readonly handler: TimerHandler;
  readonly tag: number;
}

export class MemoryReactor implements Reactor {
  readonly kind = 'net';
  nowMs = 1_000;
  /** Of each connection. */
  roomBytes = USUAL_ROOM_BYTES;
  /** What handlers threw. */
  readonly faults: unknown[] = [];
  /** A ring brings another turn. */
  readonly doorbell = {
    kind: 'port',
    port: { postMessage: () => this.later(() => {}) },
  } as unknown as Doorbell;
  readonly udp = new MemoryUdp(
    (act) => this.later(act),
    (act) => this.#guarded(0, act),
  );
  readonly #conns = new Map<ConnId, Conn>();
  readonly #listeners = new Map<ListenerId, { address: string; port: number; handler: ListenHandler }>();
  readonly #timers = new Map<TimerId, Timer>();
  readonly #turnHandlers: TurnHandler[] = [];
  #answers: (() => void)[] = [];
  #lastId = 0;
  #moved = false;

  get connections(): number {
    let open = 0;
    for (const conn of this.#conns.values()) if (conn.open) open++;
    return open;
  }

  /** Every open connection, to find a leak. */
  describe(): string[] {
    return [...this.#conns.values()].map((conn) => {
      const { id, remote, handler, paused, unreadBytes, ended, endRead, errno, finished, wantsToWrite } =
        conn;
      const who = handler?.constructor.name ?? 'nobody';
      return `${id} ${remote} of ${who} ${JSON.stringify({ paused, unreadBytes, ended, endRead, errno, finished, wantsToWrite })}`;
    });
  }

  // --- Time --------------------------------------------------------------------------------------------------------------------

  /** Turns until `done` says so; false when it has not by `untilMs`. */
  runUntil(done: () => boolean, untilMs: number): boolean {
    while (!done()) {
      if (this.#turn()) continue;
      let nextMs = Number.POSITIVE_INFINITY;
      for (const { dueMs } of this.#timers.values()) nextMs = Math.min(nextMs, dueMs);
      if (nextMs > untilMs) {
        this.nowMs = Math.max(this.nowMs, untilMs);
        return done();
      }
      this.nowMs = Math.max(this.nowMs, nextMs);
    }
    return true;
  }

  /** In a later turn. */
  later(act: () => void): void {
    this.#answers.push(act);
  }

  /** Whether anything happened. */
  #turn(): boolean {
    this.#moved = false;
    const answers = this.#answers;
    this.#answers = [];
    for (const answer of answers) this.#guarded(0, answer);
    for (const conn of [...this.#conns.values()]) this.#tell(conn);
    this.udp.tellAll();
    for (const [id, { dueMs, handler, tag }] of [...this.#timers]) {
      if (dueMs > this.nowMs || !this.#timers.delete(id)) continue;
      this.#guarded(0, () => handler.onTimer(tag));
    }
    const moved = this.#moved;
    this.#moved = false;
    for (const handler of this.#turnHandlers) this.#guarded(0, () => handler.onTurnEnd(), false);
    return moved || this.#moved || this.#answers.length > 0;
  }

  #tell(conn: Conn): void {
    const { id } = conn;
    if (!conn.open || conn.detached || conn.handler === null) return;
    const something = conn.unreadBytes > 0 || conn.ended || conn.errno > 0;
    if (something && !conn.paused && !conn.endRead) {
      this.#guarded(id, () => conn.handler!.onReadable(id, conn.tag));
    } else if (conn.errno > 0 && !conn.toldBroken) {
      conn.toldBroken = true;
      this.#guarded(id, () => conn.handler!.onBroken(id, conn.tag, conn.errno));
    }
    if (!conn.open || conn.detached || !conn.wantsToWrite) return;
    const fullBytes = Math.min(this.roomBytes, conn.unsentMaxBytes) / 2;
    if (conn.errno === 0 && conn.peer!.open && conn.peer!.unreadBytes >= fullBytes) return;
    conn.wantsToWrite = false;
    this.#guarded(id, () => conn.handler!.onWritable(id, conn.tag));
  }

  #guarded(conn: ConnId, act: () => void, isEvent = true): void {
    if (isEvent) this.#moved = true;
    try {
      act();
    } catch (error) {
      this.faults.push(error);
      if (conn !== 0) this.reset(conn);
    }
  }

  // --- Connections ---------------------------------------------------------------------------------------------------------------

  slab(bytes: number): Slab {
    return testSlab(bytes);
  }

  borrowSlab(bytes: number): Slab {
    return testSlab(bytes);
  }

  /** Whoever uses it still is found out. */
  returnSlab(slab: Slab): void {
    slab.bytes.fill(0xdd);
  }

  listen(address: string, port: number, handler: ListenHandler): ListenerId {
    const listener = ++this.#lastId;
    this.#listeners.set(listener, { address, port, handler });
    this.later(() => handler.onListening(listener, address, port));
    return listener;
  }

  unlisten(listener: ListenerId): void {
    this.#listeners.delete(listener);
  }

  connect(to: IpAddress, port: number, _timeoutMs: number, handler: ConnHandler, tag: number): ConnId {
    const address = to.toString();
    const conn = this.#add(address, '127.0.0.1');
    this.attach(conn.id, handler, tag);
    conn.paused = true;
    this.later(() => {
      if (!conn.open) return;
      const listening = [...this.#listeners].find(([, one]) => one.address === address && one.port === port);
      if (listening === undefined) {
        this.#forget(conn);
        conn.handler!.onConnectFailed(conn.id, conn.tag, ERRNO.ECONNREFUSED);
        return;
      }
      const accepted = this.#add('127.0.0.1', address);
      conn.peer = accepted;
      accepted.peer = conn;
      conn.paused = false;
      const [listener, { handler: acceptor }] = listening;
      this.#guarded(accepted.id, () => acceptor.onAccept(accepted.id, listener));
      if (conn.open) conn.handler!.onConnected(conn.id, conn.tag);
    });
    return conn.id;
  }

  #add(remote: string, local: string): Conn {
    const conn = new Conn(++this.#lastId, remote, local);
    this.#conns.set(conn.id, conn);
    return conn;
  }

  attach(id: ConnId, handler: ConnHandler, tag: number): void {
    const conn = this.#conns.get(id);
    if (conn === undefined) return;
    conn.handler = handler;
    conn.tag = tag;
    conn.paused = false;
    this.#moved = true;
  }

  read(id: ConnId, slab: Slab, offset: number, length: number): number {
    const conn = this.#conns.get(id);
    if (conn === undefined) return -ERRNO.EBADF;
    if (conn.errno > 0) {
      conn.endRead = true;
      conn.toldBroken = true;
      return -conn.errno;
    }
    const first = conn.unread[0];
    if (first === undefined) {
      if (!conn.ended) return WOULD_BLOCK;
      conn.endRead = true;
      return END;
    }
    const bytes = Math.min(length, first.length);
    slab.bytes.set(first.subarray(0, bytes), offset);
    if (bytes === first.length) conn.unread.shift();
    else conn.unread[0] = first.subarray(bytes);
    conn.unreadBytes -= bytes;
    return bytes;
  }

  write(id: ConnId, slab: Slab, offset: number, length: number): number {
    const conn = this.#conns.get(id);
    if (conn === undefined) return -ERRNO.EBADF;
    if (conn.errno > 0 || conn.finished) return -ERRNO.EPIPE;
    const peer = conn.peer!;
    if (conn.lost) return length;
    if (!peer.open) {
      // Taken, and answered with an RST.
      this.breakOff(id, ERRNO.ECONNRESET);
      return length;
    }
    const bytes = Math.min(length, Math.max(0, this.roomBytes - peer.unreadBytes));
    conn.acknowledgedBytes += bytes;
    if (bytes > 0) {
      peer.unread.push(slab.bytes.slice(offset, offset + bytes));
      peer.unreadBytes += bytes;
      this.#moved = true;
    }
    if (bytes < length) conn.wantsToWrite = true;
    return bytes;
  }

  /** onWritable is to come, as after a write that took too little. */
  promiseWritable(id: ConnId): void {
    const conn = this.#conns.get(id);
    if (conn === undefined) return;
    conn.wantsToWrite = true;
    this.#moved = true;
  }

  /** Nothing comes through any more, in either direction, and nobody hears of it. */
  lose(id: ConnId): void {
    const conn = this.#conns.get(id);
    if (conn === undefined) return;
    for (const one of [conn, conn.peer!]) one.lost = true;
  }

  /** The far TCP has acknowledged so much more of a lost connection's bytes. */
  acknowledge(id: ConnId, bytes: number): void {
    const conn = this.#conns.get(id);
    if (conn !== undefined) conn.acknowledgedBytes += bytes;
  }

  acknowledgedBytes(id: ConnId): number {
    return this.#conns.get(id)?.acknowledgedBytes ?? -1;
  }

  limitUnsent(id: ConnId, bytes: number): void {
    const conn = this.#conns.get(id);
    if (conn !== undefined) conn.unsentMaxBytes = bytes;
  }

  /** What the far end has not read yet: this network sends nothing ahead. */
  unsentBytes(id: ConnId): number {
    const conn = this.#conns.get(id);
    return conn === undefined ? -1 : (conn.peer?.unreadBytes ?? 0);
  }

  awaitSent(id: ConnId): void {
    this.promiseWritable(id);
  }

  /** The connection breaks, for both sides. */
  breakOff(id: ConnId, errno: number): void {
    const conn = this.#conns.get(id);
    if (conn === undefined) return;
    for (const one of [conn, conn.peer]) {
      if (one === null || !one.open || one.errno > 0 || (one.lost && one !== conn)) continue;
      one.errno = errno;
      one.unread.length = 0;
      one.unreadBytes = 0;
    }
    this.#moved = true;
  }

  pauseRead(id: ConnId): void {
    const conn = this.#conns.get(id);
    if (conn !== undefined) conn.paused = true;
  }

  resumeRead(id: ConnId): void {
    const conn = this.#conns.get(id);
    if (conn === undefined || !conn.paused) return;
    conn.paused = false;
    this.#moved = true;
  }

  shutdownWrite(id: ConnId): void {
    const conn = this.#conns.get(id);
    if (conn === undefined || conn.finished) return;
    conn.finished = true;
    if (conn.peer !== null && !conn.lost) conn.peer.ended = true;
    this.#moved = true;
  }

  /** As the kernel does: over unread bytes a close is an RST. */
  close(id: ConnId): void {
    const conn = this.#conns.get(id);
    if (conn === undefined) return;
    if (conn.unreadBytes > 0) this.breakOff(id, ERRNO.ECONNRESET);
    else this.shutdownWrite(id);
    this.#forget(conn);
  }

  reset(id: ConnId): void {
    const conn = this.#conns.get(id);
    if (conn === undefined) return;
    this.breakOff(id, ERRNO.ECONNRESET);
    this.#forget(conn);
  }

  #forget(conn: Conn): void {
    conn.open = false;
    this.#conns.delete(conn.id);
    this.#moved = true;
  }

  remoteAddress(id: ConnId): string {
    return this.#conns.get(id)?.remote ?? '';
  }

  localAddress(id: ConnId): string {
    return this.#conns.get(id)?.local ?? '';
  }

  /** The id does for a descriptor here. */
  descriptor(id: ConnId): number {
    return this.#conns.has(id) ? id : -1;
  }

  detach(id: ConnId): number {
    const conn = this.#conns.get(id);
    if (conn === undefined) return -1;
    conn.detached = true;
    conn.handler = null;
    this.#moved = true;
    return id;
  }

  adopt(fd: number, handler: ConnHandler, tag: number): ConnId {
    const conn = this.#conns.get(fd);
    if (conn === undefined) return ++this.#lastId;
    conn.detached = false;
    this.attach(fd, handler, tag);
    return fd;
  }

  // --- The rest --------------------------------------------------------------------------------------------------------------------

  setTimer(delayMs: number, handler: TimerHandler, tag: number): TimerId {
    const timer = ++this.#lastId;
    this.#timers.set(timer, { dueMs: this.nowMs + delayMs, handler, tag });
    return timer;
  }

  clearTimer(timer: TimerId): void {
    this.#timers.delete(timer);
  }

  onTurnEnd(handler: TurnHandler): void {
    this.#turnHandlers.push(handler);
  }

  onDoorbell(): void {}
  onFault(): void {}
  run(): void {}
  stop(): void {}
}
