// Which worker count is recommended, from numbers made up; that the sweep itself runs is bench/'s other tests' part.

import { expect, test } from 'vitest';
import { drawSweep, recommend, type SweepRow } from '../../bench/sweep.ts';
import { defaultCounts } from '../../src/cli/commands/bench.ts';

function row(workers: number, rate: number): SweepRow {
  return {
    workers,
    megabytesPerSecond: rate,
    requestsPerSecond: rate * 100,
    connectionsPerSecond: rate * 10,
    cpuSecondsPerGb: 1.5,
    p99Micros: 900,
  };
}

test('the count that carries the most is recommended, with what the others carry', () => {
  const { recommended, why } = recommend([row(0, 100), row(1, 150), row(2, 200)]);
  expect(recommended).toBe(2);
  expect(why).toBe(
    '--workers 2 carries the most by bytes, requests and connections a second together; against it, the others carry 0: 50 %, 1: 75 %',
  );
});

test('of counts within 5 % the smallest is recommended', () => {
  expect(recommend([row(0, 96), row(1, 90), row(2, 100)])).toMatchObject({ recommended: 0 });
  expect(recommend([row(0, 94), row(1, 90), row(2, 100)])).toMatchObject({ recommended: 2 });
});

test('a table shows what is not measured yet as such', () => {
  const empty = { ...row(1, 1), megabytesPerSecond: null, p99Micros: null };
  expect(drawSweep([row(0, 100), empty]).split('\n')[2]).toMatch(/^ {2}1 +… +100 +10 +1\.50 +…$/);
});

test('by default every count up to the number of cores, in few steps', () => {
  expect(defaultCounts(1)).toEqual([0, 1]);
  expect(defaultCounts(2)).toEqual([0, 1, 2]);
  expect(defaultCounts(64)).toEqual([0, 1, 2, 3, 4, 6, 8, 12]);
});
