// The round trip of a session, by PING and PONG: which PING waits for its answer, and what the answers said. Pure: time is an argument.
// Called by session.ts.

import { WINDOW } from '../limits/bounds.ts';

const NONE = -1;

export class RoundTrip {
  #counter = 0;
  /** Of the PING that waits for its PONG, or -1. */
  #askedMs = NONE;
  /** When the last PING was asked for. */
  #lastMs: number;
  /** Of answered PINGs, leaning to the shortest; -1 before the first. */
  ms = NONE;

  constructor(nowMs: number) {
    this.#lastMs = nowMs;
  }

  /** A PING goes out now: the counter it carries. */
  ask(nowMs: number): number {
    this.#askedMs = nowMs;
    this.#lastMs = nowMs;
    this.#counter = (this.#counter + 1) >>> 0;
    return this.#counter;
  }

  /** False for a PONG that nobody asked for, or that was answered already. */
  answer(high: number, low: number, nowMs: number): boolean {
    if (this.#askedMs < 0 || high !== 0 || low !== this.#counter) return false;
    const sampleMs = nowMs - this.#askedMs;
    // A longer one is mostly our own bytes in front of the PING.
    this.ms = this.ms < 0 || sampleMs < this.ms ? sampleMs : this.ms + (sampleMs - this.ms) / 8;
    this.#askedMs = NONE;
    return true;
  }

  get unanswered(): boolean {
    return this.#askedMs >= 0;
  }

  /** While bytes flow, it is measured now and then. */
  isDue(nowMs: number): boolean {
    return nowMs - this.#lastMs >= WINDOW.measureEveryMs;
  }
}
