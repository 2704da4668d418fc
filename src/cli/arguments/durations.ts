// Reads and prints durations such as 90s, 10m, 2h, 1d. Pure; called by the option parsers and the tables.

import { quote, UserError } from '../../base/userError.ts';

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/**
 * Milliseconds of `90s`, `10m`, `2h` or `1d`; between `minMs` and `maxMs`.
 * Throws UserError (exit code 2) with a sentence that names `flag`.
 */
export function parseDuration(text: string, flag: string, minMs: number, maxMs: number): number {
  const match = /^(\d{1,9})([smhd])$/.exec(text);
  if (match === null) {
    throw new UserError(`${flag}: ${quote(text)} is not a duration such as 90s, 10m, 2h or 1d`, 2);
  }
  const durationMs = Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS];
  if (durationMs < minMs || durationMs > maxMs) {
    throw new UserError(
      `${flag}: ${text} is outside ${formatDuration(minMs)} to ${formatDuration(maxMs)}`,
      2,
    );
  }
  return durationMs;
}

/** The largest unit that divides it evenly (whole seconds; the rest is dropped): 600000 is `10m`, 90000 is `90s`. */
export function formatDuration(durationMs: number): string {
  const wholeMs = Math.floor(durationMs / 1_000) * 1_000;
  for (const unit of ['d', 'h', 'm'] as const) {
    if (wholeMs > 0 && wholeMs % UNIT_MS[unit] === 0) return `${wholeMs / UNIT_MS[unit]}${unit}`;
  }
  return `${wholeMs / 1_000}s`;
}

/** For people: the largest unit alone, rounded down: `42s`, `3m`, `5h`, `12d`. */
export function roundDuration(durationMs: number): string {
  const positiveMs = Math.max(0, durationMs);
  for (const unit of ['d', 'h', 'm'] as const) {
    if (positiveMs >= UNIT_MS[unit]) return `${Math.floor(positiveMs / UNIT_MS[unit])}${unit}`;
  }
  return `${Math.floor(positiveMs / 1_000)}s`;
}
