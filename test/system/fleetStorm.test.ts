// Sticky sessions across a whole fleet on a real hub while its nodes come and go. scripts/fleet.ts does the same with 200 nodes and 5,000
// sessions.

import { expect, test } from 'vitest';
import { seededRandom } from '../seededRandom.ts';
import { storm } from './fleetStorm.ts';
import { startHub } from './harness.ts';
import { startFleet } from './lightFleet.ts';

test.each([0, 2])(
  'every sticky session keeps its promise while nodes leave and return, %i workers',
  async (workers) => {
    const hub = await startHub({ workers });
    const nodes = await startFleet(hub, 40);
    const random = seededRandom(workers + 1);
    const outcome = await storm({ hub, nodes, sessions: 400, rounds: 3, atOnce: 32, awayShare: 0.2, random });
    expect(outcome.broken).toEqual([]);
    expect(outcome.asked).toBe(1_200);
    // It did happen.
    expect(outcome.kept).toBeGreaterThan(100);
    expect(outcome.moved).toBeGreaterThan(0);
    expect(outcome.departures).toBeGreaterThan(5);
    expect(hub.faults()).toEqual([]);
    for (const node of nodes) node.vanish();
    await hub.stop();
  },
);
