// Which rows of a long list are drawn: all that the view shows, few besides, wherever it is and however high the rows are.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RowHeights, rowsAround } from '../../src/dashboard/pages/rowWindow.ts';

const SCREEN = 900;

test('whatever is in view is drawn, and little more than a screen above and below', () => {
  const list = fc.array(fc.integer({ min: 30, max: 300 }), { minLength: 1, maxLength: 400 });
  fc.assert(
    fc.property(list, fc.integer({ min: -2_000, max: 100_000 }), (measured, top) => {
      const ids = measured.map((_, at) => `id-${at}`);
      const heights = new RowHeights();
      for (const [at, height] of measured.entries()) heights.set(`id-${at}`, height);
      const { first, end } = rowsAround(ids, heights, top, top + SCREEN);
      let y = 0;
      for (const [at, height] of measured.entries()) {
        const isInView = y + height > top && y < top + SCREEN;
        if (isInView) expect(at >= first && at < end).toBe(true);
        y += height;
      }
      expect(heights.between(ids, first, end)).toBeLessThanOrEqual(3 * SCREEN + 22 * 300);
    }),
  );
});

test('rows that were never drawn are as high as the others on average, and a row that changes counts once', () => {
  const heights = new RowHeights();
  const first = heights.of('a');
  heights.set('a', 100);
  heights.set('b', 200);
  heights.set('b', 300);
  heights.set('hidden', 0);
  expect([heights.of('a'), heights.of('b'), heights.of('c')]).toEqual([100, 300, 200]);
  expect(heights.between(['a', 'b', 'c'], 1, 3)).toBe(500);
  heights.clear();
  expect(heights.of('a')).toBe(first);
});
