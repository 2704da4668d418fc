import { describe, expect, it } from 'vitest';
import { NODE } from '../../src/limits/bounds.ts';
import { Backoff } from '../../src/node/backoff.ts';

const ALMOST_ONE = 1 - Number.EPSILON;

function ceilings(backoff: Backoff, count: number): number[] {
  return Array.from({ length: count }, () => Math.ceil(backoff.failed(ALMOST_ONE) + 1));
}

describe('Backoff', () => {
  it('doubles its ceiling up to the cap and stays there', () => {
    expect(ceilings(new Backoff(), 9)).toEqual([
      500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000,
    ]);
    const backoff = new Backoff();
    ceilings(backoff, 5_000);
    expect(backoff.failed(0.5)).toBe(NODE.backoffMaxMs / 2);
  });

  it('has full jitter: anything from nothing to the ceiling', () => {
    const backoff = new Backoff();
    expect(backoff.failed(0)).toBe(0);
    expect(backoff.failed(0.25)).toBe(250);
  });

  it('starts over after a session that carried a record, however short', () => {
    const backoff = new Backoff();
    ceilings(backoff, 4);
    for (let session = 0; session < 3; session++) {
      backoff.startOver();
      expect(backoff.failed(0.5)).toBe(250);
    }
    expect(backoff.failed(0.5)).toBe(500);
  });
});
