// Closes a connection in stages, so that the last bytes to it arrive: FIN, then reading on until the client is quiet (RFC 9112 section 9.6).
// A close over unread bytes would send an RST, and the client's system would throw the answer away.

import type { Slab } from '../base/slab.ts';
import { CLIENT } from '../limits/clients.ts';
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
  /** Half-closed connections. */
  readonly #closing = new Map<ConnId, { readonly sinceMs: number; heardMs: number }>();
  #ticking = false;

  constructor(reactor: Reactor) {
    this.#reactor = reactor;
    this.#discard = reactor.slab(CLIENT.stagedCloseReadBytes);
  }

  close(conn: ConnId): void {
    this.#reactor.attach(conn, this, 0);
    this.#reactor.resumeRead(conn);
    this.#reactor.shutdownWrite(conn);
    const { nowMs } = this.#reactor;
    this.#closing.set(conn, { sinceMs: nowMs, heardMs: nowMs });
    if (!this.#ticking) this.#tick();
  }

  #tick(): void {
    this.#ticking = true;
    this.#reactor.setTimer(CLIENT.stagedCloseIdleMs / 2, this, 0);
  }

  onReadable(conn: ConnId): void {
    const read = this.#reactor.read(conn, this.#discard, 0, this.#discard.bytes.length);
    const entry = this.#closing.get(conn);
    if (read > 0 && entry !== undefined) entry.heardMs = this.#reactor.nowMs;
    else if (read !== WOULD_BLOCK) this.#finish(conn);
  }

  onBroken(conn: ConnId): void {
    this.#finish(conn);
  }

  onTimer(): void {
    this.#ticking = false;
    const quietMs = this.#reactor.nowMs - CLIENT.stagedCloseIdleMs;
    const oldMs = this.#reactor.nowMs - CLIENT.stagedCloseMaxMs;
    for (const [conn, { heardMs, sinceMs }] of this.#closing)
      if (heardMs <= quietMs || sinceMs <= oldMs) this.#finish(conn);
    if (this.#closing.size > 0) this.#tick();
  }

  #finish(conn: ConnId): void {
    this.#closing.delete(conn);
    this.#reactor.close(conn);
  }

  onConnected(): void {}
  onConnectFailed(): void {}
  onWritable(): void {}
}
