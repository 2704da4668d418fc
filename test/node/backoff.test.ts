import { describe, expect, it } from 'vitest';
import { NODE } from '../../src/limits/node.ts';
import { Backoff } from '../../src/node/backoff.ts';

const ALMOST_ONE = 1 - Number.EPSILON;

function ceilings(backoff: Backoff, count: number): number[] {
  return Array.from({ length: count }, () => Math.ceil(backoff.failed(0, ALMOST_ONE) + 1));
}

describe('Backoff', () => {
  it('doubles its ceiling up to the cap and stays there', () => {
    expect(ceilings(new Backoff(), 9)).toEqual([
      500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000,
    ]);
    const backoff = new Backoff();
    ceilings(backoff, 5_000);
    expect(backoff.failed(0, 0.5)).toBe(NODE.backoffMaxMs / 2);
  });

  it('has full jitter: anything from nothing to the ceiling', () => {
    const backoff = new Backoff();
    expect(backoff.failed(0, 0)).toBe(0);
    expect(backoff.failed(0, 0.25)).toBe(250);
  });

  it('starts over after sessions of seconds, and not after those that end at once', () => {
    const backoff = new Backoff();
    ceilings(backoff, 4);
    backoff.connected(1_000);
    expect(backoff.failed(1_000 + NODE.backoffResetMs - 1, 0.5)).toBe(4_000);
    for (let nowMs = 50_000; nowMs < 80_000; nowMs += 10_000) {
      backoff.connected(nowMs);
      expect(backoff.failed(nowMs + NODE.backoffResetMs, 0.5)).toBe(250);
    }
    // The time between two failures is no session.
    expect(backoff.failed(10_000_000, 0.5)).toBe(500);
    backoff.forget();
    expect(backoff.failed(10_000_000, 0.5)).toBe(250);
  });
});
