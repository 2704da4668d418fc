// What passed, as rows: nothing is doubled or lost, whatever the clock does and however much the memory has to be joined.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ALL_NODES,
  HOUR_MS,
  MINUTE_MS,
  Rollup,
  type Row,
  type Sample,
} from '../../src/hub/traffic/rollup.ts';

/** Days of a zone without summer time, for tests that run anywhere. */
const utcDay = (atMs: number) => new Date(atMs).toISOString().slice(0, 10);
const NOW = Date.UTC(2026, 1, 28, 23, 50);

const sample = fc.record<Sample>({
  nodeId: fc.constantFrom('one', 'two', 'three'),
  downBytes: fc.nat(1e9),
  upBytes: fc.nat(1e9),
  succeeded: fc.nat(100),
  failed: fc.nat(100),
  streams: fc.nat(1_000),
});
/** Samples of one moment: each node once. */
const samples = fc.uniqueArray(sample, { selector: ({ nodeId }) => nodeId, maxLength: 3 });
/** The clock goes on by seconds, stands still, and jumps hours ahead and back. */
const course = fc.array(
  fc.tuple(
    fc.oneof(
      { weight: 9, arbitrary: fc.integer({ min: 0, max: 90_000 }) },
      fc.integer({ min: -9e7, max: 9e7 }),
    ),
    samples,
  ),
  { maxLength: 60 },
);

type Sums = { downBytes: number; upBytes: number; succeeded: number; failed: number };

function sumsOf(rows: readonly (Sums & { nodeId: string })[], nodeId: string): Sums {
  const sums = { downBytes: 0, upBytes: 0, succeeded: 0, failed: 0 };
  for (const row of rows) {
    if (row.nodeId !== nodeId) continue;
    sums.downBytes += row.downBytes;
    sums.upBytes += row.upBytes;
    sums.succeeded += row.succeeded;
    sums.failed += row.failed;
  }
  return sums;
}

describe('any course of the clock', () => {
  test.each([
    ['with room', 20_000],
    ['joined to hours and days', 9],
    ['joined to the last', 1],
  ])('%s: minutes, hours and days hold what was fed, per node and for all', (_, rowsMax) => {
    fc.assert(
      fc.property(course, (steps) => {
        const rollup = new Rollup(utcDay, rowsMax);
        const fed: Sample[] = [];
        let most = 0;
        let nowMs = NOW;
        for (const [passedMs, moment] of steps) {
          nowMs += passedMs;
          rollup.feed(nowMs, moment);
          fed.push(...moment);
          most = Math.max(
            most,
            moment.reduce((sum, { streams }) => sum + streams, 0),
          );
        }
        const rows = rollup.rows();
        for (const kind of ['minutes', 'hours', 'days'] as const) {
          const kept: readonly Row<number | string>[] = rows[kind];
          for (const nodeId of ['one', 'two', 'three']) {
            expect(sumsOf(kept, nodeId)).toEqual(sumsOf(fed, nodeId));
            const streams = fed.filter((one) => one.nodeId === nodeId).map((one) => one.streams);
            const peaks = kept.filter((one) => one.nodeId === nodeId).map((one) => one.streams);
            expect(Math.max(0, ...peaks)).toBe(Math.max(0, ...streams));
          }
          const all = fed.map((one) => ({ ...one, nodeId: ALL_NODES }));
          expect(sumsOf(kept, ALL_NODES)).toEqual(sumsOf(all, ALL_NODES));
          expect(
            Math.max(0, ...kept.filter((one) => one.nodeId === ALL_NODES).map((one) => one.streams)),
          ).toBe(most);
          expect(new Set(kept.map(({ nodeId, at }) => `${nodeId} ${at}`)).size).toBe(kept.length);
          for (const row of kept) {
            for (const figure of [row.downBytes, row.upBytes, row.succeeded, row.failed, row.streams]) {
              expect(figure).toBeGreaterThanOrEqual(0);
            }
          }
        }
        for (const { at } of rows.minutes) expect(at % MINUTE_MS).toBe(0);
        for (const { at } of rows.hours) expect(at % HOUR_MS).toBe(0);
        // Nodes of one moment, and all, can never be fewer.
        expect(rows.minutes.length).toBeLessThanOrEqual(Math.max(rowsMax, 4));
        expect(rollup.take()).toEqual(rows);
        expect(rollup.rows()).toEqual(rows);
        rollup.written();
        expect([rollup.isEmpty, rollup.isTaken]).toEqual([true, false]);
        expect(rollup.rows()).toEqual({ minutes: [], hours: [], days: [] });
      }),
    );
  });

  test('what is fed during writes that succeed and fail is counted once', () => {
    const fate = fc.array(fc.constantFrom('written', 'notWritten'), { minLength: 60, maxLength: 60 });
    fc.assert(
      fc.property(course, fate, (steps, fates) => {
        const rollup = new Rollup(utcDay);
        const fed: Sample[] = [];
        const disk: Row<string>[] = [];
        let nowMs = NOW;
        for (const [at, [passedMs, moment]] of steps.entries()) {
          const { days } = rollup.take();
          nowMs += passedMs;
          rollup.feed(nowMs, moment);
          fed.push(...moment);
          const before = sumsOf([...disk, ...rollup.rows().days], 'one');
          expect(before).toEqual(sumsOf(fed, 'one'));
          if (fates[at] === 'written') {
            rollup.written();
            disk.push(...days);
          } else rollup.notWritten();
          expect(sumsOf([...disk, ...rollup.rows().days], 'one')).toEqual(before);
        }
      }),
    );
  });
});

describe('rows', () => {
  const one = { nodeId: 'one', downBytes: 10, upBytes: 1, succeeded: 2, failed: 3, streams: 4 };

  test('belong to the minute, hour and local day in which they were fed', () => {
    const rollup = new Rollup(utcDay);
    rollup.feed(NOW + 59_999, [one]);
    rollup.feed(NOW + 60_000, [{ ...one, streams: 9 }]);
    rollup.feed(NOW + 11 * 60_000, [{ ...one, streams: 1 }]);
    const { minutes, hours, days } = rollup.rows();
    const own = <At extends number | string>(rows: readonly Row<At>[]) =>
      rows
        .filter(({ nodeId }) => nodeId === 'one')
        .map(({ at, downBytes, streams }) => [at, downBytes, streams]);
    expect(own(minutes)).toEqual([
      [NOW, 10, 4],
      [NOW + 60_000, 10, 9],
      [NOW + 11 * 60_000, 10, 1],
    ]);
    expect(own(hours)).toEqual([
      [Date.UTC(2026, 1, 28, 23), 20, 9],
      [Date.UTC(2026, 2, 1, 0), 10, 1],
    ]);
    expect(own(days)).toEqual([
      ['2026-02-28', 20, 9],
      ['2026-03-01', 10, 1],
    ]);
    expect(rollup.unwritten('one')).toBe(33);
    expect(rollup.unwritten('two')).toBe(0);
  });

  test('are not made for nodes that did nothing', () => {
    const rollup = new Rollup(utcDay);
    rollup.feed(NOW, [{ nodeId: 'one', downBytes: 0, upBytes: 0, succeeded: 0, failed: 0, streams: 0 }]);
    expect(rollup.isEmpty).toBe(true);
    rollup.feed(NOW, [{ nodeId: 'one', downBytes: 0, upBytes: 0, succeeded: 0, failed: 0, streams: 1 }]);
    expect(rollup.rows().minutes.length).toBe(2);
  });

  test('that are joined keep the hour first, then the day', () => {
    const rollup = new Rollup(utcDay, 4);
    for (const minute of [0, 1, 2]) rollup.feed(NOW + minute * MINUTE_MS, [one]);
    expect(rollup.rows().minutes.map(({ at }) => at)).toEqual([
      NOW,
      NOW,
      NOW + 2 * MINUTE_MS,
      NOW + 2 * MINUTE_MS,
    ]);
    rollup.feed(NOW + 20 * MINUTE_MS, [one]);
    rollup.feed(NOW + 40 * MINUTE_MS, [one]);
    rollup.feed(NOW + 100 * MINUTE_MS, [one]);
    expect(
      rollup
        .rows()
        .days.filter(({ nodeId }) => nodeId === 'one')
        .map(({ at, downBytes }) => [at, downBytes]),
    ).toEqual([
      ['2026-02-28', 30],
      ['2026-03-01', 30],
    ]);
  });
});
