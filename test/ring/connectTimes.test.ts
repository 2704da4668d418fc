// The log scale of connect times against counting by hand.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CONNECT_TIME_BOUNDS_MS, connectTimeBucket, percentiles } from '../../src/ring/connectTimes.ts';

const LAST = CONNECT_TIME_BOUNDS_MS.length - 1;

function naiveBucket(ms: number): number {
  const at = CONNECT_TIME_BOUNDS_MS.findIndex((bound) => ms <= bound);
  return at < 0 ? LAST : at;
}

function counted(times: readonly number[]): Uint32Array {
  const counts = new Uint32Array(LAST + 1);
  for (const ms of times) counts[connectTimeBucket(ms)]!++;
  return counts;
}

describe('connect times', () => {
  test('go into the first bucket whose bound is not below them', () => {
    const anyTime = fc.oneof(
      fc.double({ min: 0, max: 1e6, noNaN: true }),
      fc.constantFrom(...CONNECT_TIME_BOUNDS_MS),
      fc.constantFrom(...CONNECT_TIME_BOUNDS_MS).map((bound) => bound * (1 + Number.EPSILON)),
      fc.constantFrom(...CONNECT_TIME_BOUNDS_MS).map((bound) => bound * (1 - Number.EPSILON)),
    );
    fc.assert(
      fc.property(anyTime, (ms) => {
        expect(connectTimeBucket(ms)).toBe(naiveBucket(ms));
      }),
    );
    expect(connectTimeBucket(-5)).toBe(0);
    expect(connectTimeBucket(Number.NaN)).toBe(0);
  });

  test('have no percentiles when nothing was counted', () => {
    expect(percentiles(new Uint32Array(LAST + 1))).toBeNull();
  });

  test('have percentiles within one bucket of those found by sorting', () => {
    const times = fc.array(fc.double({ min: 1, max: 40_000, noNaN: true }), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(times, (list) => {
        const sorted = [...list].sort((a, b) => a - b);
        const exact = (share: number) => sorted[Math.ceil(share * sorted.length) - 1]!;
        const { p50, p90, p99 } = percentiles(counted(list))!;
        for (const [found, share] of [
          [p50, 0.5],
          [p90, 0.9],
          [p99, 0.99],
        ] as const) {
          expect(found / exact(share)).toBeGreaterThan(1 / Math.SQRT2 - 1e-9);
          expect(found / exact(share)).toBeLessThan(Math.SQRT2 + 1e-9);
        }
        expect(p50).toBeLessThanOrEqual(p90);
        expect(p90).toBeLessThanOrEqual(p99);
      }),
    );
  });
});
