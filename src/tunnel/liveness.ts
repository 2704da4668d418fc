// When to send a PING, and when to call a session dead. Pure: time is an argument.

import { SESSION } from '../limits/session.ts';

const NONE = -1;

/**
 * Before the first record no byte counts as life, so that who proves nothing keeps nothing. Afterwards part of a record does as well, for
 * as long as a slow link needs for the whole of it.
 */
export class Liveness {
  readonly #startedMs: number;
  #heardMs = NONE;
  /** When the record began of which a part has arrived, or -1. */
  #partSinceMs = NONE;
  /** When the PING that waits for an answer was sent, or -1. */
  #pingedMs = NONE;

  constructor(nowMs: number) {
    this.#startedMs = nowMs;
  }

  /** Bytes came. `completed`: a record among them; `holdsPart`: they end inside a record. */
  heard(nowMs: number, completed: boolean, holdsPart: boolean): void {
    if (completed || this.#partSinceMs < 0) this.#partSinceMs = holdsPart ? nowMs : NONE;
    if (!completed) {
      if (this.#heardMs < 0) return;
      if (this.#partSinceMs >= 0 && nowMs - this.#partSinceMs >= SESSION.recordMs) return;
    }
    this.#heardMs = nowMs;
    this.#pingedMs = NONE;
  }

  /** 'ping': send one now; 'dead': end the session; 'wait': nothing to do yet. */
  check(nowMs: number): 'ping' | 'dead' | 'wait' {
    if (this.#heardMs < 0) return nowMs - this.#startedMs >= SESSION.firstRecordMs ? 'dead' : 'wait';
    if (this.#pingedMs >= 0) return nowMs - this.#pingedMs >= SESSION.deadAfterPingMs ? 'dead' : 'wait';
    if (nowMs - this.#heardMs < SESSION.pingAfterSilenceMs) return 'wait';
    this.#pingedMs = nowMs;
    return 'ping';
  }

  /** Milliseconds until check() may say something other than 'wait'. */
  dueInMs(nowMs: number): number {
    return Math.max(0, this.#dueMs() - nowMs);
  }

  #dueMs(): number {
    if (this.#heardMs < 0) return this.#startedMs + SESSION.firstRecordMs;
    if (this.#pingedMs >= 0) return this.#pingedMs + SESSION.deadAfterPingMs;
    return this.#heardMs + SESSION.pingAfterSilenceMs;
  }
}
