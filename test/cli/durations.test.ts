import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UserError } from '../../src/base/userError.ts';
import { formatDuration, parseDuration, roundDuration } from '../../src/cli/arguments/durations.ts';

const FOREVER_MS = 1e15;

test('every whole number of seconds reads back from what is printed', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e8 }), (seconds) => {
      expect(parseDuration(formatDuration(seconds * 1_000), '--ttl', 0, FOREVER_MS)).toBe(seconds * 1_000);
    }),
  );
});

test.each([
  ['90s', 90_000],
  ['10m', 600_000],
  ['2h', 7_200_000],
  ['1d', 86_400_000],
])('%s', (text, durationMs) => {
  expect(parseDuration(text, '--ttl', 0, FOREVER_MS)).toBe(durationMs);
});

test.each(['', '10', 'm', '10 m', '-1m', '1.5h', '10M', '10min', '1h30m', '9999999999s', '10m\n'])(
  'refuses %j in one line that names the flag',
  (text) => {
    let caught: unknown;
    try {
      parseDuration(text, '--ttl', 1_000, FOREVER_MS);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(UserError);
    expect(caught).toMatchObject({ exitCode: 2, message: expect.stringMatching(/^--ttl: [^\n]*$/) });
  },
);

test('bounds are inclusive', () => {
  expect(parseDuration('1s', '--ttl', 1_000, 60_000)).toBe(1_000);
  expect(parseDuration('1m', '--ttl', 1_000, 60_000)).toBe(60_000);
  expect(() => parseDuration('0s', '--ttl', 1_000, 60_000)).toThrow('outside 1s to 1m');
  expect(() => parseDuration('61s', '--ttl', 1_000, 60_000)).toThrow('outside 1s to 1m');
});

test('for people, the largest unit alone', () => {
  expect([0, -5, 59_999, 60_000, 3_599_999, 7_300_000, 86_400_000 * 12.9].map(roundDuration)).toEqual([
    '0s',
    '0s',
    '59s',
    '1m',
    '59m',
    '2h',
    '12d',
  ]);
});
