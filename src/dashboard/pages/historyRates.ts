// From what a history counted to what a chart draws: bytes per second. Pure.

import type { History } from '../../model/fleet.ts';

/** Times in seconds since 1970; down and up in bytes per second. */
export type Rates = [times: number[], down: number[], up: number[]];

/** What a hub counts in this time enters a step whole. */
const SAMPLE_MS = 1_000;

/**
 * The last step is still being counted. Its point covers a whole step all the same, the one that ends now: part of the step before
 * belongs to it. So it is as smooth as the others, and becomes the next of them when its step is over.
 */
export function ratesOf({ points, stepMs }: History, nowMs: number): Rates {
  const rates: Rates = [[], [], []];
  const add = (atMs: number, downBytes: number, upBytes: number): void => {
    rates[0].push(atMs / 1000);
    rates[1].push((downBytes * 1000) / stepMs);
    rates[2].push((upBytes * 1000) / stepMs);
  };
  for (const { at, downBytes, upBytes } of points.slice(0, -1)) add(Date.parse(at), downBytes, upBytes);
  const [before, last] = points.slice(-2);
  if (before === undefined || last === undefined) return rates;
  const startMs = Date.parse(last.at);
  const samples = 1 + Math.floor((nowMs - startMs) / SAMPLE_MS);
  // A clock behind the hub's knows nothing of what has passed.
  const countedMs = samples < 1 ? stepMs : Math.min(stepMs, samples * SAMPLE_MS);
  const share = 1 - countedMs / stepMs;
  add(
    startMs + countedMs - stepMs,
    last.downBytes + share * before.downBytes,
    last.upBytes + share * before.upBytes,
  );
  return rates;
}

/** A history that goes on: what was counted until `nowMs` joins its step, and as many old steps leave as new ones begin. */
export function extended(history: History, nowMs: number, downBytes: number, upBytes: number): History {
  const { stepMs } = history;
  const points = [...history.points];
  const last = points.at(-1);
  if (last === undefined) return history;
  let startMs = Date.parse(last.at);
  for (let more = 0; nowMs >= startMs + stepMs && more < history.points.length; more++) {
    startMs += stepMs;
    points.shift();
    points.push({ ...EMPTY, at: new Date(startMs).toISOString() });
  }
  const current = points.pop()!;
  const { downBytes: down, upBytes: up } = current;
  points.push({ ...current, downBytes: down + downBytes, upBytes: up + upBytes });
  return { ...history, points };
}

const EMPTY = { downBytes: 0, upBytes: 0, succeeded: 0, failed: 0, streams: 0 };
