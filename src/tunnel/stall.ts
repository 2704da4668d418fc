// Whether a peer still takes what waits for it. Pure: time is an argument.

import { SESSION } from '../limits/session.ts';

export class Stall {
  /** What the socket had taken at the last check. */
  #seenSentBytes = 0;
  /** When that last grew, or nothing waited. */
  #movedMs: number;

  constructor(nowMs: number) {
    this.#movedMs = nowMs;
  }

  /** `sentBytes`: all that the socket ever took; `queuedBytes`: what waits for it now. */
  isStuck(sentBytes: number, queuedBytes: number, nowMs: number): boolean {
    if (queuedBytes === 0 || sentBytes !== this.#seenSentBytes) {
      this.#seenSentBytes = sentBytes;
      this.#movedMs = nowMs;
    }
    return nowMs - this.#movedMs >= SESSION.stalledMs;
  }
}
