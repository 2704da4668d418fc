// Local sockets whose stream is over while bytes for them still wait: writes the bytes as the socket takes them, then closes it. A
// socket that takes nothing for a while is reset, and so is one whose bytes need too much memory (relief.ts).

import { ENGINE } from '../limits/engine.ts';
import type { ConnHandler, ConnId, Reactor, TimerHandler } from '../reactor/reactor.ts';
import type { Holder, Pending } from './backlog.ts';
import type { PendingPool } from './pending.ts';

interface Entry {
  readonly conn: ConnId;
  readonly pending: Pending;
  readonly user: number;
}

export class Lingering implements ConnHandler, TimerHandler, Holder {
  readonly #reactor: Reactor;
  readonly #pool: PendingPool;
  readonly #waiting = new Map<number, Entry>();
  readonly #left: (user: number) => void;
  #nextTag = 0;
  #ticking = false;

  /** `left`: a socket of this user is closed. */
  constructor(reactor: Reactor, pool: PendingPool, left: (user: number) => void) {
    this.#reactor = reactor;
    this.#pool = pool;
    this.#left = left;
  }

  get count(): number {
    return this.#waiting.size;
  }

  /** Takes over the connection and what waits for it, and its place among the streams of `user` (0: of nobody with a limit). */
  adopt(conn: ConnId, pending: Pending, user: number): void {
    const tag = this.#nextTag++;
    pending.holder = this;
    pending.tag = tag;
    pending.backlog.progressed(pending, this.#reactor.nowMs);
    this.#waiting.set(tag, { conn, pending, user });
    this.#reactor.attach(conn, this, tag);
    this.#reactor.pauseRead(conn);
    if (this.#ticking) return;
    this.#ticking = true;
    this.#reactor.setTimer(ENGINE.lingerMs, this, 0);
  }

  onWritable(conn: ConnId, tag: number): void {
    const entry = this.#waiting.get(tag)!;
    const { pending } = entry;
    const taken = this.#reactor.write(conn, pending.slab, pending.head, pending.bytes);
    if (taken < 0) {
      this.#finish(tag, true);
      return;
    }
    this.#pool.advance(pending, taken);
    if (pending.bytes === 0) this.#finish(tag, false);
  }

  onBroken(_conn: ConnId, tag: number): void {
    this.#finish(tag, true);
  }

  onTimer(): void {
    const stalledMs = this.#reactor.nowMs - ENGINE.lingerMs;
    for (const [tag, entry] of this.#waiting)
      if (entry.pending.progressMs <= stalledMs) this.#finish(tag, true);
    this.#ticking = this.#waiting.size > 0;
    if (this.#ticking) this.#reactor.setTimer(ENGINE.lingerMs, this, 0);
  }

  giveUp(tag: number): void {
    this.#finish(tag, true);
  }

  /** The thread ends: a half-written answer must not look like a whole one. */
  resetAll(): void {
    for (const tag of [...this.#waiting.keys()]) this.#finish(tag, true);
  }

  onConnected(): void {}
  onConnectFailed(): void {}
  onReadable(conn: ConnId): void {
    this.#reactor.pauseRead(conn);
  }

  #finish(tag: number, broken: boolean): void {
    const entry = this.#waiting.get(tag)!;
    this.#waiting.delete(tag);
    this.#pool.drop(entry.pending);
    if (broken) this.#reactor.reset(entry.conn);
    else this.#reactor.close(entry.conn);
    if (entry.user > 0) this.#left(entry.user);
  }
}
