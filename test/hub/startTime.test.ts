import { expect, test } from 'vitest';
import { StartTime } from '../../src/hub/fleet/startTime.ts';

const DAY_MS = 86_400_000;

test('a clock that is set changes when the hub started, not how long it has run', () => {
  const start = new StartTime({ wallMs: 5_000, runMs: 100 });
  expect(start.at({ wallMs: 65_000, runMs: 60_100 })).toBe(5_000);
  const stepped = 65_000 + 40 * DAY_MS;
  expect(stepped - start.at({ wallMs: stepped, runMs: 60_100 })).toBe(60_000);
  expect(5_000 - start.at({ wallMs: 5_000, runMs: 90_100 })).toBe(90_000);
});

test('clocks that drift apart a little do not move it', () => {
  const start = new StartTime({ wallMs: 5_000, runMs: 100 });
  expect(start.at({ wallMs: 65_300, runMs: 60_100 })).toBe(5_000);
});
