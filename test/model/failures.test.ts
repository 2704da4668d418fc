// The table of failures.

import { expect, test } from 'vitest';
import { FAILURES, type FailureName, failureOfReason } from '../../src/model/failures.ts';

const names = Object.keys(FAILURES) as FailureName[];

test('no two failures share a reason byte', () => {
  const reasons = names.map((name) => FAILURES[name].reason);
  expect(new Set(reasons).size).toBe(reasons.length);
});

test('a node can say its own failures, not the hub’s', () => {
  for (const name of names) {
    const { reason } = FAILURES[name];
    expect(failureOfReason(reason)).toBe(reason < 0xe0 ? name : 'internal');
  }
});
