// When to send a PING, and when to call a session dead. Any byte is a sign of life, so a busy slow link is never killed. Pure: time is an
// argument.

import { SESSION } from '../limits/bounds.ts';

export class Liveness {
  #heardMs: number;
  /** When the PING that waits for an answer was sent, or -1. */
  #pingedMs = -1;

  constructor(nowMs: number) {
    this.#heardMs = nowMs;
  }

  heard(nowMs: number): void {
    this.#heardMs = nowMs;
    this.#pingedMs = -1;
  }

  /** 'ping': send one now; 'dead': end the session; 'wait': nothing to do yet. */
  check(nowMs: number): 'ping' | 'dead' | 'wait' {
    if (this.#pingedMs >= 0) return nowMs - this.#pingedMs >= SESSION.deadAfterPingMs ? 'dead' : 'wait';
    if (nowMs - this.#heardMs < SESSION.pingAfterSilenceMs) return 'wait';
    this.#pingedMs = nowMs;
    return 'ping';
  }

  /** Milliseconds until check() may say something other than 'wait'. */
  dueInMs(nowMs: number): number {
    const dueMs =
      this.#pingedMs >= 0
        ? this.#pingedMs + SESSION.deadAfterPingMs
        : this.#heardMs + SESSION.pingAfterSilenceMs;
    return Math.max(0, dueMs - nowMs);
  }
}
