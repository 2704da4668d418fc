// Closing a connection so that its last words arrive: closing over unread bytes would send an RST, and the client's system would then
// throw the answer away unread. So we send FIN and read on for a moment. Used by client.ts.

import type { Slab } from '../base/slab.ts';
import { CLIENT } from '../limits/bounds.ts';
import {
  type ConnHandler,
  type ConnId,
  type Reactor,
  type TimerHandler,
  WOULD_BLOCK,
} from '../reactor/reactor.ts';

export class Farewell implements ConnHandler, TimerHandler {
  readonly #reactor: Reactor;
  readonly #discard: Slab;
  /** Oldest first: every one waits equally long. */
  readonly #leaving = new Map<ConnId, number>();
  #ticking = false;

  constructor(reactor: Reactor) {
    this.#reactor = reactor;
    this.#discard = reactor.slab(CLIENT.farewellReadBytes);
  }

  leave(conn: ConnId): void {
    this.#reactor.attach(conn, this, 0);
    this.#reactor.resumeRead(conn);
    this.#reactor.shutdownWrite(conn);
    this.#leaving.set(conn, this.#reactor.nowMs + CLIENT.farewellMs);
    if (this.#ticking) return;
    this.#ticking = true;
    this.#reactor.setTimer(CLIENT.farewellMs, this, 0);
  }

  onReadable(conn: ConnId): void {
    const read = this.#reactor.read(conn, this.#discard, 0, this.#discard.bytes.length);
    if (read > 0 || read === WOULD_BLOCK) return;
    this.#finish(conn);
  }

  onBroken(conn: ConnId): void {
    this.#finish(conn);
  }

  onTimer(): void {
    for (const [conn, deadlineMs] of this.#leaving) {
      if (deadlineMs > this.#reactor.nowMs) {
        this.#reactor.setTimer(deadlineMs - this.#reactor.nowMs, this, 0);
        return;
      }
      this.#finish(conn);
    }
    this.#ticking = false;
  }

  onConnected(): void {}
  onConnectFailed(): void {}
  onWritable(): void {}

  #finish(conn: ConnId): void {
    this.#leaving.delete(conn);
    this.#reactor.close(conn);
  }
}
