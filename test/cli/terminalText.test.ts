// Widths, bars and tables: the pure parts of what the commands draw.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rotationText } from '../../src/cli/output/nodeText.ts';
import { sparkline } from '../../src/cli/output/statusView.ts';
import { cellsOf, cut, drawTable, fill, printable } from '../../src/cli/output/terminalText.ts';
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
      [0, 5, 4, 2, 1, 2, 2, 2, 4, 2, 2],
    );
  });

  test('characters that could move the cursor or turn the line around are gone', () => {
    expect(printable('a\u001b[2Jb\u0007\u202ec\u200bd\u2066\u009b31m')).toBe('a[2Jbcd31m');
    expect(printable('two\nlines\tand\u2028more')).toBe('two lines and more');
    expect(printable('❤\ufe0f')).toBe('❤');
  });

  test('cut never breaks a wide character, fill is exact', () => {
    expect(cut('phone', 5)).toBe('phone');
    expect(cut('phone', 4)).toBe('pho…');
    expect(cut('电话机', 5)).toBe('电话…');
    expect(cut('电话机', 4)).toBe('电…');
    expect(cut('a👍🏽b', 3)).toBe('a…');
    expect(cut('🇩🇪🇫🇷', 3)).toBe('🇩🇪…');
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
