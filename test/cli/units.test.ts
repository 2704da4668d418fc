import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/base/userError.ts';
import {
  formatBytes,
  formatDuration,
  formatRate,
  parseDuration,
  parseSize,
  roundDuration,
} from '../../src/cli/units.ts';

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
  expect(() => parseDuration('0s', '--ttl', 1_000, 60_000)).toThrow('not between 1s and 1m');
  expect(() => parseDuration('61s', '--ttl', 1_000, 60_000)).toThrow('not between 1s and 1m');
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

describe('sizes', () => {
  test('decimal units, with or without a blank, in any case', () => {
    const texts = ['1', '12345', '50GB', '50 gb', '1.5TB', '0.5kb', '999B', '2PB'];
    expect(texts.map((text) => parseSize(text, '--quota'))).toEqual([
      1, 12_345, 50e9, 50e9, 1.5e12, 500, 999, 2e15,
    ]);
  });

  test.each(['', '0', '0GB', '-1', '1e9', '1GiB', 'GB', '1 000', '10PBs', '999999PB', '1,5GB', '0.1B'])(
    '%j is none',
    (text) => {
      expect(() => parseSize(text, '--quota')).toThrow(UserError);
      expect(() => parseSize(text, '--quota')).toThrow(/^--quota: .* is not an amount of bytes/);
    },
  );

  test('three figures and a unit', () => {
    const shown = [
      0, 1, 999, 1_000, 1_234, 9_994, 9_996, 12_345, 99_940, 99_960, 999_400, 999_600, 50e9, 1.5e12, 3e18,
    ];
    expect(shown.map(formatBytes)).toEqual([
      '0 B',
      '1 B',
      '999 B',
      '1.00 kB',
      '1.23 kB',
      '9.99 kB',
      '10.0 kB',
      '12.3 kB',
      '99.9 kB',
      '100 kB',
      '999 kB',
      '1.00 MB',
      '50.0 GB',
      '1.50 TB',
      '3000 PB',
    ]);
    expect(formatBytes(-5)).toBe('0 B');
    expect(formatRate(1_500)).toBe('1.50 kB/s');
  });

  test('printed figures read back as they were, to three digits', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9e14 }), (bytes) => {
        const text = formatBytes(bytes);
        expect(text.length).toBeLessThanOrEqual(7);
        expect(Math.abs(parseSize(text, '-') - bytes)).toBeLessThanOrEqual(bytes * 0.0051);
      }),
    );
  });
});
