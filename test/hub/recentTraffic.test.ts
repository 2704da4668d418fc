// The last ten minutes in memory: against a list of everything that was fed.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RecentTraffic } from '../../src/hub/traffic/recentTraffic.ts';
import { ALL_NODES, type Sample } from '../../src/hub/traffic/rollup.ts';
import { HISTORY } from '../../src/limits/owner.ts';

const { recentStepMs: STEP_MS, recentSteps: STEPS } = HISTORY;
const WALL = Date.UTC(2026, 4, 1);

const sample = (nodeId: string, downBytes: number, streams = 1): Sample => ({
  nodeId,
  downBytes,
  upBytes: 2 * downBytes,
  succeeded: 1,
  failed: 0,
  streams,
});

test('holds what was fed within its time, in steps without gaps', () => {
  const course = fc.array(
    fc.record({
      passedMs: fc.oneof({ weight: 9, arbitrary: fc.nat(12_000) }, fc.nat(2_000_000)),
      nodes: fc.uniqueArray(fc.constantFrom('one', 'two'), { maxLength: 2 }),
      bytes: fc.nat(1e6),
    }),
    { maxLength: 80 },
  );
  fc.assert(
    fc.property(course, (steps) => {
      const recent = new RecentTraffic();
      const fed: { step: number; sample: Sample }[] = [];
      let nowMs = 77_777;
      for (const { passedMs, nodes, bytes } of steps) {
        nowMs += passedMs;
        const samples = nodes.map((nodeId) => sample(nodeId, bytes));
        recent.feed(nowMs, samples);
        for (const one of samples) fed.push({ step: Math.floor(nowMs / STEP_MS), sample: one });
      }
      const last = Math.floor(nowMs / STEP_MS);
      for (const nodeId of ['one', 'two', ALL_NODES, 'never']) {
        const points = recent.points(nodeId, nowMs, WALL + nowMs);
        expect(points.map(({ atMs }) => atMs - points[0]!.atMs)).toEqual(
          Array.from({ length: STEPS }, (_, at) => at * STEP_MS),
        );
        expect(points.at(-1)!.atMs).toBeLessThanOrEqual(WALL + nowMs);
        expect(points.at(-1)!.atMs).toBeGreaterThan(WALL + nowMs - 2 * STEP_MS);
        const expected = Array.from({ length: STEPS }, (_, at) => {
          const ofStep = fed.filter(
            ({ step, sample }) =>
              step === last - STEPS + 1 + at && (nodeId === ALL_NODES || sample.nodeId === nodeId),
          );
          return ofStep.reduce((sum, { sample }) => sum + sample.downBytes, 0);
        });
        expect(points.map(({ downBytes }) => downBytes)).toEqual(expected);
      }
    }),
  );
});

test('counts streams at their peak', () => {
  const recent = new RecentTraffic();
  recent.feed(0, [sample('one', 1, 3), sample('two', 1, 4)]);
  recent.feed(1_000, [sample('one', 1, 5)]);
  expect(recent.points('one', 1_000, WALL).at(-1)!.streams).toBe(5);
  expect(recent.points(ALL_NODES, 1_000, WALL).at(-1)!.streams).toBe(7);
});

test('small corrections of the clock do not move the steps', () => {
  const recent = new RecentTraffic();
  const before = recent.points('one', 1_000_000, WALL).map(({ atMs }) => atMs);
  expect(recent.points('one', 1_000_000, WALL + 1_900).map(({ atMs }) => atMs)).toEqual(before);
  const after = recent.points('one', 1_000_000, WALL - 3_600_000).map(({ atMs }) => atMs);
  expect(after).toEqual(before.map((atMs) => atMs - 3_600_000));
});

test('remembers a bounded number of nodes: idle ones go first, and the sum of all stays', () => {
  const recent = new RecentTraffic(3);
  recent.feed(0, [sample('one', 1)]);
  recent.feed(STEP_MS, [sample('two', 1)]);
  recent.feed(2 * STEP_MS, [sample('one', 1)]);
  recent.feed(3 * STEP_MS, [sample('three', 1)]);
  const total = (nodeId: string) =>
    recent.points(nodeId, 3 * STEP_MS, WALL).reduce((sum, { downBytes }) => sum + downBytes, 0);
  expect(['one', 'two', 'three', ALL_NODES].map(total)).toEqual([2, 0, 1, 4]);
});
