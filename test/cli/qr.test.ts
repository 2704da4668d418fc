import { encode } from 'uqr';
import { expect, test } from 'vitest';
import { drawQr } from '../../src/cli/output/terminalQr.ts';

const LINK = `restunnel://hub.example.org:9000/?k=${'A'.repeat(43)}&t=${'B'.repeat(43)}`;
const LIGHT_HALVES: Record<string, [boolean, boolean]> = {
  '█': [true, true],
  '▀': [true, false],
  '▄': [false, true],
  ' ': [false, false],
};

/** Dark modules, row by row, as a camera would see them. */
function darkModules(drawing: string): boolean[][] {
  const rows: boolean[][] = [];
  for (const line of drawing.trimEnd().split('\n')) {
    const halves = [...line].map((character) => LIGHT_HALVES[character]!);
    rows.push(halves.map(([top]) => !top));
    rows.push(halves.map(([, bottom]) => !bottom));
  }
  return rows;
}

test('the drawing holds exactly the modules of the code within four light ones', () => {
  const bare = encode(LINK, { ecc: 'L', border: 0 });
  const rows = darkModules(drawQr(LINK, false));
  const width = bare.size + 8;
  expect(rows.length === width || rows.length === width + 1).toBe(true);
  rows.forEach((row, y) => {
    expect(row.length).toBe(width);
    row.forEach((dark, x) => {
      expect(dark).toBe(bare.data[y - 4]?.[x - 4] === true);
    });
  });
});

test('three finder patterns stand in the corners', () => {
  const rows = darkModules(drawQr(LINK, false));
  const last = rows[0]!.length - 4 - 7;
  const finder = ['1111111', '1000001', '1011101', '1011101', '1011101', '1000001', '1111111'];
  for (const [top, left] of [
    [4, 4],
    [4, last],
    [last, 4],
  ] as const) {
    const seen = rows.slice(top, top + 7).map((row) =>
      row
        .slice(left, left + 7)
        .map(Number)
        .join(''),
    );
    expect(seen).toEqual(finder);
  }
});

test('colours wrap whole lines and change nothing else', () => {
  const esc = '\x1b';
  const bare = drawQr(LINK, true).replaceAll(`${esc}[97;40m`, '').replaceAll(`${esc}[0m`, '');
  expect(bare).toBe(drawQr(LINK, false));
  expect(drawQr(LINK, true).split('\n')[0]).toMatch(new RegExp(`^${esc}\\[97;40m.*${esc}\\[0m$`));
});
