// From what a history counted to what a chart draws: bytes per second. Pure.

import type { History } from '../../model/fleet.ts';

/** Times in seconds since 1970; down and up in bytes per second. */
export type Rates = [times: number[], down: number[], up: number[]];

/** A step that has only begun says little: it is left out until this share of it has passed. */
const STEP_SHARE_MIN = 0.25;

/** The last step is still being counted: only the part that has passed counts. */
export function ratesOf({ points, stepMs }: History, nowMs: number): Rates {
  const rates: Rates = [[], [], []];
  for (const { at, downBytes, upBytes } of points) {
    const startMs = Date.parse(at);
    const passedMs = nowMs >= startMs ? Math.min(stepMs, nowMs - startMs) : stepMs;
    if (passedMs < stepMs * STEP_SHARE_MIN) continue;
    rates[0].push(startMs / 1000);
    rates[1].push((downBytes * 1000) / passedMs);
    rates[2].push((upBytes * 1000) / passedMs);
  }
  return rates;
}
