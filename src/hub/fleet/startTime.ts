// When the hub started, by the clock as it is now: after the clock was set, how long the hub has run is still right. Pure.

import type { Moment } from '../traffic/history.ts';

/** Smaller differences are the two clocks drifting apart: two reads give the same time. */
const STEP_MS = 1_000;

export class StartTime {
  readonly #runMs: number;
  #wallMs: number;

  constructor(now: Moment) {
    this.#runMs = now.runMs;
    this.#wallMs = now.wallMs;
  }

  /** Milliseconds since the Unix epoch. */
  at(now: Moment): number {
    const wallMs = now.wallMs - (now.runMs - this.#runMs);
    if (Math.abs(wallMs - this.#wallMs) >= STEP_MS) this.#wallMs = wallMs;
    return this.#wallMs;
  }
}
