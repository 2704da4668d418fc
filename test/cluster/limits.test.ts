// Limits of a fleet that several hubs share: a quota in slices, rates and streams by use.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type QuotaRecord,
  runsShort,
  wantedBytes,
  withoutSlice,
  withSlice,
} from '../../src/cluster/quotaLimits.ts';
import { rateShare, streamShare } from '../../src/cluster/shares.ts';
import { QUOTA } from '../../src/limits/cluster.ts';

const MB = QUOTA.sliceMinBytes;
const MONTH = '2026-11';

describe('a quota in slices', () => {
  const asked = { hub: 'a', month: MONTH, usedBytes: 0, quotaBytes: 100 * MB, wantedBytes: 10 * MB, hubs: 3 };

  test('gives a hub what it wants while there is plenty, and a share while there is little', () => {
    expect(withSlice(null, asked).limits).toEqual({ a: 10 * MB });
    const { limits } = withSlice(null, { ...asked, quotaBytes: 12 * MB });
    expect(limits.a).toBe(2 * MB);
  });

  test('gives nothing when nothing is left, and counts what a hub has used beyond its limit', () => {
    const full: QuotaRecord = { month: MONTH, limits: { a: 40 * MB, b: 60 * MB } };
    expect(withSlice(full, { ...asked, usedBytes: 41 * MB }).limits).toEqual({ a: 41 * MB, b: 60 * MB });
  });

  test('begins anew with the month, and never goes back to an old one', () => {
    const old: QuotaRecord = { month: '2026-10', limits: { a: 90 * MB, b: 5 * MB } };
    expect(withSlice(old, asked)).toEqual({ month: MONTH, limits: { a: 10 * MB } });
    const newer: QuotaRecord = { month: '2026-12', limits: { b: 5 * MB } };
    expect(withSlice(newer, { ...asked, usedBytes: 60 * MB })).toEqual(newer);
    expect(withoutSlice(newer, 'a', MONTH, 60 * MB)).toEqual(newer);
  });

  test('a hub that gives back keeps what it has used, and others find the rest', () => {
    const record = withSlice(null, asked);
    const after = withoutSlice(record, 'a', MONTH, 3 * MB);
    expect(after.limits).toEqual({ a: 3 * MB });
    expect(withSlice(after, { ...asked, hub: 'b', quotaBytes: 4 * MB }).limits).toEqual({ a: 3 * MB, b: MB });
  });

  test('whatever hubs do, the limits are within the quota, and hubs that go on asking come to use all of it', () => {
    const step = fc.record({
      hub: fc.constantFrom('a', 'b', 'c'),
      does: fc.constantFrom('move', 'move', 'move', 'giveBack'),
      rate: fc.integer({ min: 0, max: 50 * MB }),
    });
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 0, max: 500 * MB }),
        (steps, quotaBytes) => {
          let record: QuotaRecord | null = null;
          const used: Record<string, number> = { a: 0, b: 0, c: 0 };
          const ask = (hub: string, wanted: number) => {
            const usedBytes = used[hub]!;
            record = withSlice(record, {
              hub,
              month: MONTH,
              usedBytes,
              quotaBytes,
              wantedBytes: wanted,
              hubs: 3,
            });
          };
          for (const { hub, does, rate } of steps) {
            if (does === 'giveBack') record = withoutSlice(record, hub, MONTH, used[hub]!);
            else {
              const limit = record?.limits[hub] ?? 0;
              if (runsShort(limit, used[hub]!, wantedBytes(rate))) ask(hub, wantedBytes(rate));
              used[hub] = Math.min(used[hub]! + rate, record?.limits[hub] ?? 0);
            }
            const limits: number[] = Object.values(record?.limits ?? {});
            expect(limits.reduce((all, limit) => all + limit, 0)).toBeLessThanOrEqual(quotaBytes);
          }
          // One hub alone takes what is left, slice by slice.
          record = withoutSlice(withoutSlice(record, 'b', MONTH, used.b!), 'c', MONTH, used.c!);
          for (let round = 0; round < 2_000; round++) {
            ask('a', 10 * MB);
            used.a = record.limits.a!;
          }
          expect(used.a! + used.b! + used.c!).toBe(quotaBytes);
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('a rate by use', () => {
  test('is divided evenly among the idle', () => {
    expect(rateShare(90, 0, [0, 0, 0])).toBeCloseTo(30);
    expect(rateShare(90, 0, [])).toBe(90);
  });

  test('settles within a few rounds: a busy hub has nearly all of it, two busy ones have half each', () => {
    const settle = (wants: readonly number[]) => {
      let uses = wants.map(() => 0);
      let shares = wants.map(() => 0);
      for (let round = 0; round < 5; round++) {
        shares = uses.map((use) => rateShare(100, use, uses));
        uses = wants.map((want, at) => Math.min(want, shares[at]!));
      }
      return shares;
    };
    expect(settle([1_000, 0, 0])[0]).toBeGreaterThan(85);
    const [one, other, idle] = settle([1_000, 1_000, 0]);
    expect(Math.abs(one! - other!)).toBeLessThan(1);
    expect(one).toBeGreaterThan(44);
    expect(idle).toBeGreaterThan(1);
  });

  test('is never more than the limit over all hubs that say the same', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1, max: 1e9, noNaN: true }),
        fc.array(fc.nat(1e9), { minLength: 1 }),
        (limit, uses) => {
          const sum = uses.reduce((all, use) => all + rateShare(limit, use, uses), 0);
          expect(sum / limit).toBeCloseTo(1, 6);
        },
      ),
    );
  });
});

test('streams are divided in whole ones, all of them, and alike everywhere; a hub may open one while some are free', () => {
  const uses = fc.dictionary(fc.stringMatching(/^[a-f]{1,3}$/), fc.nat(500), { minKeys: 1, maxKeys: 12 });
  fc.assert(
    fc.property(fc.nat(300), uses, (limit, used) => {
      const entries = Object.entries(used);
      const shareOf = (hub: string, order: typeof entries) => streamShare(limit, hub, new Map(order));
      const shares = entries.map(([hub]) => shareOf(hub, entries));
      const sum = shares.reduce((all, share) => all + share, 0);
      const open = entries.reduce((all, [, use]) => all + use, 0);
      if (open >= limit) expect(sum).toBe(limit);
      else {
        for (const [at, [, use]] of entries.entries()) expect(shares[at]).toBeGreaterThan(use);
        expect(sum).toBeGreaterThanOrEqual(limit);
        expect(sum).toBeLessThanOrEqual(limit + entries.length);
        expect(Math.max(...shares)).toBeLessThanOrEqual(limit);
      }
      expect(entries.map(([hub]) => shareOf(hub, entries.toReversed()))).toEqual(shares);
    }),
  );
  expect(streamShare(10, 'a', new Map([['b', 1]]))).toBe(0);
  const small = new Map([
    ['a', 4],
    ['b', 0],
  ]);
  expect([streamShare(6, 'a', small), streamShare(6, 'b', small)]).toEqual([6, 1]);
  expect(streamShare(4, 'b', small)).toBe(0);
  // Sums of these in another order differ in their last bit, which is all that decides about the last stream.
  const close: [string, number][] = [
    ['a', 0],
    ['b', 21],
    ['c', 21],
  ];
  for (const [hub] of close)
    expect(streamShare(21, hub, new Map(close.toReversed()))).toBe(streamShare(21, hub, new Map(close)));
});
