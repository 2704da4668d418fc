// Seeded simulations of a hub and a node over a bad link. RESTUNNEL_SIM_SEED=n replays one; scripts/simulate.ts goes on for ever.

import { expect, test } from 'vitest';
import { simulate } from './simulation.ts';

const SEEDS = 2_000;

test.skipIf(process.env.RESTUNNEL_SIM_SEED !== undefined)(`${SEEDS} seeds`, () => {
  let streams = 0;
  let deliveredBytes = 0;
  let cuts = 0;
  let grown = 0;
  let paced = 0;
  let tight = 0;
  let datagrams = 0;
  for (let seed = 0; seed < SEEDS; seed++) {
    const summary = simulate(seed);
    streams += summary.streams;
    datagrams += summary.datagrams;
    deliveredBytes += summary.deliveredBytes;
    if (summary.cut) cuts++;
    if (summary.grown) grown++;
    if (summary.paced) paced++;
    if (summary.tight) tight++;
  }
  // They did something.
  expect(streams).toBeGreaterThan(10 * SEEDS);
  expect(deliveredBytes).toBeGreaterThan(10_000 * SEEDS);
  expect(datagrams).toBeGreaterThan(SEEDS);
  expect(grown).toBeGreaterThan(SEEDS / 20);
  expect(paced).toBeGreaterThan(SEEDS / 4);
  expect(tight).toBeGreaterThan(SEEDS / 20);
  expect(cuts).toBeGreaterThan(SEEDS / 20);
});

test.skipIf(process.env.RESTUNNEL_SIM_SEED === undefined)('the seed of RESTUNNEL_SIM_SEED', () => {
  expect(simulate(Number(process.env.RESTUNNEL_SIM_SEED)).streams).toBeGreaterThan(0);
});
