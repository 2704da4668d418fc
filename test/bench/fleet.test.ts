// The bench of fleets, small: every phase happens, every device takes part, and the table shows what was measured.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { drawFleets } from '../../bench/fleet/command.ts';
import { measureFleet } from '../../bench/fleet/measure.ts';

vi.setConfig({ testTimeout: 120_000 });
const folder = mkdtempSync(join(tmpdir(), 'restunnel-fleet-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a small fleet is paired, rests, serves, returns after kill -9, loses its connections, comes and goes', async () => {
  const figures = await measureFleet({
    folder,
    devices: 3,
    perAddress: 2,
    lanes: 2,
    connections: 20,
    atOnce: 4,
    workers: 0,
    restMs: 20,
    liveMs: 60,
    livePath: '/api/v1/live?deltas=true',
    churnMs: 300,
    churnPerSecond: 4,
    churnBackMs: 20,
    nodeOptions: ['--disable-warning=ExperimentalWarning'],
    progress: () => {},
  });
  expect(figures.listed).toBe(3);
  expect(figures.dropLogLines).toBe(0);
  expect(figures.churned).toBeGreaterThan(0);
  expect(figures.asked).toBeGreaterThan(0);
  expect(Object.entries(figures).filter(([, value]) => !Number.isFinite(value))).toEqual([]);
  const [head, , ...rows] = drawFleets([figures]).trim().split('\n');
  expect(head).toBe('| devices | 3 |');
  expect(rows).toHaveLength(13);
});
