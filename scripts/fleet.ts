// A hub with a large fleet of nodes that answer streams themselves, which leave and come back all the time, and sessions that are held
// to their promises: node scripts/fleet.ts [--nodes 200] [--sessions 5000] [--rounds 3] [--workers 1] [--seed 1]

import { parseArgs } from 'node:util';
import { seededRandom } from '../test/seededRandom.ts';
import { storm } from '../test/system/fleetStorm.ts';
import { endAll, startHub } from '../test/system/harness.ts';
import { startFleet } from '../test/system/lightFleet.ts';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '200' },
    sessions: { type: 'string', default: '5000' },
    rounds: { type: 'string', default: '3' },
    workers: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
  },
});
const number = (name: keyof typeof values): number => Number(values[name]);
const seed = number('seed');

const hub = await startHub({ workers: number('workers') });
try {
  const nodes = await startFleet(hub, number('nodes'));
  console.log(`${nodes.length} nodes are connected; seed ${seed}`);
  const startedMs = performance.now();
  const outcome = await storm({
    hub,
    nodes,
    sessions: number('sessions'),
    rounds: number('rounds'),
    atOnce: 64,
    awayShare: 0.1,
    random: seededRandom(seed),
  });
  const { broken, ...counts } = outcome;
  console.log({
    ...counts,
    broken: broken.length,
    seconds: Math.round((performance.now() - startedMs) / 1_000),
  });
  for (const promise of broken.slice(0, 20)) console.error(promise);
  if (broken.length > 0 || hub.faults().length > 0) process.exitCode = 1;
} finally {
  await endAll();
}
