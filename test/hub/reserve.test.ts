// Room kept on the disk, and what is written when there is little room left.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Reserve } from '../../src/hub/store/reserve.ts';
import { Store } from '../../src/hub/store/store.ts';
import { RESERVE } from '../../src/limits/owner.ts';
import { modeOf } from '../windows.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'restunnel-reserve-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test('it is really there, private, used once and filled again', () => {
  const reserve = new Reserve(dir);
  const path = join(dir, 'hub.reserve');
  expect(reserve.use()).toBe(false);
  for (let round = 0; round < 2; round++) {
    reserve.fill();
    reserve.fill();
    const { size, mode, blocks } = statSync(path);
    expect([size, mode & 0o777]).toEqual([RESERVE.bytes, modeOf(0o600)]);
    expect(blocks * 512).toBeGreaterThanOrEqual(RESERVE.bytes);
    expect(reserve.use()).toBe(true);
    expect(existsSync(path)).toBe(false);
  }
});

test('what cannot be made leaves nothing behind', () => {
  mkdirSync(join(dir, 'hub.reserve.tmp', 'not empty'), { recursive: true });
  const reserve = new Reserve(dir);
  expect(() => reserve.fill()).not.toThrow();
  expect(readdirSync(dir)).toEqual([]);
  expect(reserve.use()).toBe(false);
});

test('days are written step by step, whole, and added to what is there', () => {
  const store = new Store(dir);
  const figures = { downBytes: 1, upBytes: 2, succeeded: 0, failed: 0, streams: 0 };
  const days = Array.from({ length: 3 * RESERVE.rowsPerStep + 1 }, (_, at) => ({
    nodeId: `node-${at}`,
    at: '2026-06-15',
    ...figures,
  }));
  for (let round = 1; round <= 2; round++) {
    expect(store.history.writeDays(days)).toBe(days.length);
    const sums = store.history.sums('2026-06', '2026-06-15');
    expect(sums.size).toBe(days.length);
    expect(sums.get('node-0')!.month).toEqual({ downBytes: round, upBytes: 2 * round });
  }
  store.close();
});
