// Lines of the log that strangers can bring about.

import { expect, test } from 'vitest';
import { LogThrottle } from '../../src/base/logThrottle.ts';
import { STRANGER } from '../../src/limits/strangers.ts';

test('a few lines at once, then one now and then that tells how many were left out', () => {
  const throttle = new LogThrottle(0);
  const lines = Array.from({ length: 1_000 }, () => throttle.line(0)).filter((line) => line !== null);
  expect(lines).toEqual(new Array(STRANGER.logLinesBurst).fill({}));
  expect(throttle.line(1_000)).toEqual({ leftOut: 1_000 - STRANGER.logLinesBurst });
  expect(throttle.line(1_000)).toBeNull();
  expect(throttle.line(3_600_000)).toEqual({ leftOut: 1 });
  expect(throttle.line(3_600_000)).toEqual({});
});
