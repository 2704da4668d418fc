// The bytes of every transfer in the kill and restart tests: each position has its own value, so a lost, doubled or moved piece shows.

import { createHash } from 'node:crypto';

/** A prime, so that no buffer or record size divides it. */
const PERIOD_BYTES = 65_521;
const LONGEST_BYTES = 1 << 17;

const PATTERN = makePattern(PERIOD_BYTES + LONGEST_BYTES);

function makePattern(bytes: number): Buffer {
  const period = createHash('shake256', { outputLength: PERIOD_BYTES }).update('pattern').digest();
  return Buffer.alloc(bytes, period);
}

/** The bytes at [position, position + length); at most 128 KiB. */
export function patternAt(position: number, length: number): Buffer {
  const start = position % PERIOD_BYTES;
  return PATTERN.subarray(start, start + length);
}

export function isPattern(position: number, data: Buffer): boolean {
  for (let at = 0; at < data.length; at += LONGEST_BYTES) {
    const piece = data.subarray(at, at + LONGEST_BYTES);
    if (!piece.equals(patternAt(position + at, piece.length))) return false;
  }
  return true;
}
