// Closes a connection in stages, so that the last bytes to it arrive: FIN, then reading on for a moment (RFC 9112 section 9.6). A close
// over unread bytes would send an RST, and the client's system would throw the answer away.

import type { Slab } from '../base/slab.ts';
import { CLIENT } from '../limits/bounds.ts';
import {
  type ConnHandler,
  type ConnId,
  type Reactor,
  type TimerHandler,
  WOULD_BLOCK,
} from '../reactor/reactor.ts';

export class StagedClose implements ConnHandler, TimerHandler {
  readonly #reactor: Reactor;
  readonly #discard: Slab;
  /** Half-closed connections and their deadlines. Oldest first: all have equally long. */
  readonly #closing = new Map<ConnId, number>();
  #ticking = false;

  constructor(reactor: Reactor) {
    this.#reactor = reactor;
    this.#discard = reactor.slab(CLIENT.stagedCloseReadBytes);
  }

  close(conn: ConnId): void {
    this.#reactor.attach(conn, this, 0);
    this.#reactor.resumeRead(conn);
    this.#reactor.shutdownWrite(conn);
    this.#closing.set(conn, this.#reactor.nowMs + CLIENT.stagedCloseMs);
    if (this.#ticking) return;
    this.#ticking = true;
    this.#reactor.setTimer(CLIENT.stagedCloseMs, this, 0);
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
    for (const [conn, deadlineMs] of this.#closing) {
      if (deadlineMs > this.#reactor.nowMs) {
        this.#reactor.setTimer(deadlineMs - this.#reactor.nowMs, this, 0);
        return;
      }
      this.#finish(conn);
    }
    this.#ticking = false;
  }

  #finish(conn: ConnId): void {
    this.#closing.delete(conn);
    this.#reactor.close(conn);
  }

  onConnected(): void {}
  onConnectFailed(): void {}
  onWritable(): void {}
}
