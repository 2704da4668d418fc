// Durations (10m) and amounts of bytes (50GB) as text: read from options, written into tables. Pure.

import { quote, UserError } from '../base/userError.ts';

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
      `${flag}: ${text} is not between ${formatDuration(minMs)} and ${formatDuration(maxMs)}`,
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

/** Decimal, as providers sell them. */
const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** Bytes of `50GB`, `1.5 TB`, `200mb` or `12345`. Throws UserError (exit code 2) with a sentence that names `flag`. */
export function parseSize(text: string, flag: string): number {
  const match = /^(\d{1,15}(?:\.\d{1,6})?) ?(b|kb|mb|gb|tb|pb)?$/i.exec(text);
  const unit = BYTE_UNITS.findIndex((name) => name.toLowerCase() === (match?.[2] ?? 'B').toLowerCase());
  const bytes = match === null ? Number.NaN : Math.round(Number(match[1]) * 1_000 ** unit);
  if (!(bytes >= 1 && Number.isSafeInteger(bytes))) {
    throw new UserError(`${flag}: ${quote(text)} is not an amount of bytes such as 500MB, 50GB or 1.5TB`, 2);
  }
  return bytes;
}

/** Three figures and a unit: `0 B`, `999 B`, `1.00 kB`, `12.3 MB`, `50.0 GB`. */
export function formatBytes(bytes: number): string {
  let value = Math.max(0, bytes);
  let unit = 0;
  // What would be printed as 1000 belongs to the next unit.
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1_000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${BYTE_UNITS[unit]}`;
}

export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}
