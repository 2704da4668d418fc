// Seeded simulations of the hubs of a cluster. RESTUNNEL_SIM_SEED=n replays one; `node scripts/simulate.ts cluster` goes on for ever.

import { expect, test } from 'vitest';
import { simulateCluster } from './simulateCluster.ts';

const SEEDS = 12;
/** Stores are opened and written for real: long for a machine that is busy. */
const LIMIT_MS = 240_000;

test.skipIf(process.env.RESTUNNEL_SIM_SEED !== undefined)(
  `${SEEDS} seeds`,
  async () => {
    const sums = {
      admitted: 0,
      refused: 0,
      revoked: 0,
      changed: 0,
      kills: 0,
      cuts: 0,
      strict: 0,
      movedBytes: 0,
    };
    for (let seed = 0; seed < SEEDS; seed++) {
      const summary = await simulateCluster(seed);
      for (const key of Object.keys(sums) as (keyof typeof sums)[]) sums[key] += summary[key];
    }
    // They did something.
    for (const [what, sum] of Object.entries(sums)) expect([what, sum > SEEDS / 2]).toEqual([what, true]);
  },
  LIMIT_MS,
);

test.skipIf(process.env.RESTUNNEL_SIM_SEED === undefined)(
  'the seed of RESTUNNEL_SIM_SEED',
  async () => {
    expect((await simulateCluster(Number(process.env.RESTUNNEL_SIM_SEED))).movedBytes).toBeGreaterThan(-1);
  },
  LIMIT_MS,
);
