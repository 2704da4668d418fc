// Clocks of hubs that are apart: the owner hears of it once, and not because of a word that was late.

import { expect, test } from 'vitest';
import { HubClocks } from '../../src/cluster/hubClocks.ts';
import { CLOCKS } from '../../src/limits/cluster.ts';

const AWAY_MS = CLOCKS.apartMs + 1;

test('a hub whose clock stays apart is told of once, and again when it was right meanwhile', () => {
  const clocks = new HubClocks();
  for (const aheadMs of [AWAY_MS, -AWAY_MS]) {
    expect(clocks.hear('a', aheadMs, 0)).toBe(false);
    expect(clocks.hear('a', aheadMs, CLOCKS.apartForMs - 1)).toBe(false);
    expect(clocks.hear('a', aheadMs, CLOCKS.apartForMs)).toBe(true);
    expect(clocks.hear('a', aheadMs, 2 * CLOCKS.apartForMs)).toBe(false);
    expect(clocks.hear('b', 0, CLOCKS.apartForMs)).toBe(false);
    expect(clocks.hear('a', CLOCKS.apartMs, 3 * CLOCKS.apartForMs)).toBe(false);
  }
});

test('words that were held up and come all at once say nothing', () => {
  const clocks = new HubClocks();
  for (let late = 60; late > 0; late--) expect(clocks.hear('a', -late * 1_000, 60_000)).toBe(false);
  expect(clocks.hear('a', 0, 61_000)).toBe(false);
  expect(clocks.hear('a', -AWAY_MS, 61_000 + CLOCKS.apartForMs)).toBe(false);
});
