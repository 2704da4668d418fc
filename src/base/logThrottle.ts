// Log lines that strangers and clients can cause: a few at once, then one now and then that says how many were left out. Pure: time is
// an argument.

import { STRANGER } from '../limits/strangers.ts';
import { Bucket } from './tokenBucket.ts';

export class LogThrottle {
  readonly #bucket: Bucket;
  #leftOut = 0;

  constructor(nowMs: number) {
    this.#bucket = new Bucket(STRANGER.logLinesBurst, nowMs);
  }

  /** What to add to this line, or null: leave it out. */
  line(nowMs: number): { leftOut?: number } | null {
    if (!this.#bucket.take(STRANGER.logLinesPerSecond, STRANGER.logLinesBurst, nowMs)) {
      this.#leftOut++;
      return null;
    }
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    return leftOut === 0 ? {} : { leftOut };
  }
}
