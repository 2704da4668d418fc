// The round trip of a session, measured with PING and PONG. Pure: time is an argument.

import { WINDOW } from '../limits/path.ts';

const NONE = -1;

export class RoundTrip {
  #counter = 0;
  /** When the PING that waits for its PONG was sent, or -1. */
  #askedMs = NONE;
  /** When the last PING was sent. */
  #lastMs: number;
  /** Of answered PINGs, leaning to the shortest; -1 before the first. */
  ms = NONE;
  /** Leaning to the longest: with our own bytes in front of the PING. */
  loadedMs = NONE;

  constructor(nowMs: number) {
    this.#lastMs = nowMs;
  }

  /** A PING goes out now. Returns the counter for it. */
  ask(nowMs: number): number {
    this.#askedMs = nowMs;
    this.#lastMs = nowMs;
    this.#counter = (this.#counter + 1) >>> 0;
    return this.#counter;
  }

  /** False for a PONG without a PING that waits for it. */
  answer(high: number, low: number, nowMs: number): boolean {
    if (this.#askedMs < 0 || high !== 0 || low !== this.#counter) return false;
    const sampleMs = nowMs - this.#askedMs;
    // A longer one mostly measures our own bytes in front of the PING.
    this.ms = this.ms < 0 || sampleMs < this.ms ? sampleMs : this.ms + (sampleMs - this.ms) / 8;
    this.loadedMs = sampleMs > this.loadedMs ? sampleMs : this.loadedMs + (sampleMs - this.loadedMs) / 8;
    this.#askedMs = NONE;
    return true;
  }

  get unanswered(): boolean {
    return this.#askedMs >= 0;
  }

  /** Whether it is time to measure again, as now and then while bytes flow. */
  isDue(nowMs: number): boolean {
    return nowMs - this.#lastMs >= WINDOW.measureEveryMs;
  }
}
