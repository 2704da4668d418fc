// Reads and prints amounts of bytes, in decimal units as providers sell them. Pure. Called by the option parsers, the tables and the
// live view.

import { quote, UserError } from '../../base/userError.ts';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** Bytes of `50GB`, `1.5 TB`, `200mb` or `12345`. Throws UserError (exit code 2) with a sentence that names `flag`. */
export function parseSize(text: string, flag: string): number {
  const match = /^(\d{1,15}(?:\.\d{1,6})?) ?(b|kb|mb|gb|tb|pb)?$/i.exec(text);
  const unit = UNITS.findIndex((name) => name.toLowerCase() === (match?.[2] ?? 'B').toLowerCase());
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
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1_000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}
