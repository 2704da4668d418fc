// Widths, sizes, bars and tables: the pure parts of what the commands draw.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/base/userError.ts';
import { formatBytes, formatRate, parseSize } from '../../src/cli/arguments/sizes.ts';
import { sparkline } from '../../src/cli/output/barRow.ts';
import { cellsOf, cut, fill, printable } from '../../src/cli/output/cells.ts';
import { rotationText } from '../../src/cli/output/nodeText.ts';
import { drawTable } from '../../src/cli/output/table.ts';
import { anyText } from './anyText.ts';

test('a new address, and one that is the old one', () => {
  const rotation = { nodeId: '1', oldAddress: '192.0.2.1', newAddress: '192.0.2.2', tookMs: 3_400 };
  expect(rotationText('phone', rotation)).toBe('phone went from 192.0.2.1 to 192.0.2.2 in 3s\n');
  expect(rotationText('phone', { ...rotation, newAddress: '192.0.2.1' })).toBe(
    'phone did what it does for a new address in 3s, but still comes from 192.0.2.1\n',
  );
});

describe('cells', () => {
  test('wide, narrow and combining characters', () => {
    expect(['', 'phone', '电话', 'ﾊﾝ', 'é', 'e\u0301x', '📱', '🇩🇪', '한글', '▁█', 'Ｆ'].map(cellsOf)).toEqual(
      [0, 5, 4, 2, 1, 2, 2, 4, 4, 2, 2],
    );
  });

  test('what could move the cursor or turn the line around is gone', () => {
    expect(printable('a\u001b[2Jb\u0007\u202ec\u200bd\u2066\u009b31m')).toBe('a[2Jbcd31m');
    expect(printable('two\nlines\tand\u2028more')).toBe('two lines and more');
    expect(printable('❤\ufe0f')).toBe('❤');
  });

  test('cut never breaks a wide character, fill is exact', () => {
    expect(cut('phone', 5)).toBe('phone');
    expect(cut('phone', 4)).toBe('pho…');
    expect(cut('电话机', 5)).toBe('电话…');
    expect(cut('电话机', 4)).toBe('电…');
    expect(cut('ab', 1)).toBe('…');
    expect(cut('ab', 0)).toBe('');
    expect(fill('电话机', 4)).toBe('电… ');
    expect(fill('7', 3, 'right')).toBe('  7');
  });

  test('any text at any width', () => {
    fc.assert(
      fc.property(anyText(30), fc.nat(20), (text, width) => {
        const clean = printable(text);
        expect(clean).not.toMatch(/\p{C}/u);
        expect(cellsOf(cut(clean, width))).toBeLessThanOrEqual(width);
        expect(cellsOf(fill(clean, width))).toBe(width);
      }),
    );
  });
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

  test('what is printed reads as what it was, to three figures', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9e14 }), (bytes) => {
        const text = formatBytes(bytes);
        expect(text.length).toBeLessThanOrEqual(7);
        expect(Math.abs(parseSize(text, '-') - bytes)).toBeLessThanOrEqual(bytes * 0.0051);
      }),
    );
  });
});

describe('sparklines', () => {
  test('from nothing to the most, the last values, blanks in front', () => {
    expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8)).toBe('▁▂▃▄▅▆▇█');
    expect(sparkline([900, 0, 0.001, 100], 3)).toBe('▁▂█');
    expect(sparkline([5], 4)).toBe('   █');
    expect(sparkline([0, 0], 2)).toBe('▁▁');
    expect(sparkline([], 3)).toBe('   ');
    expect(sparkline([1, 2], 0)).toBe('');
  });

  test('any values: as wide as asked, never lower for more', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1e12, noNaN: true })), fc.nat(40), (values, width) => {
        const line = sparkline(values, width);
        expect(line).toMatch(/^ *[▁-█]*$/);
        expect(line.length).toBe(width);
        const shown = width === 0 ? [] : values.slice(-width);
        const bars = [...line.trimStart()];
        for (let at = 1; at < shown.length; at++) {
          if (shown[at]! >= shown[at - 1]!) expect(bars[at]! >= bars[at - 1]!).toBe(true);
        }
      }),
    );
  });
});

test('tables line up under wide names and let no control character through', () => {
  const table = drawTable([
    ['NAME', 'STATE'],
    ['电话', 'away'],
    ['a\u001b[31m', 'x\n'],
  ]);
  expect(table).toBe('NAME   STATE\n电话   away\na[31m  x\n');
});
