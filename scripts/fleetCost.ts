// What a connection costs a hub with many devices: CPU time, and memory before, under load and after a rest. The devices answer streams
// themselves: node scripts/fleetCost.ts [--nodes 100] [--connections 5000] [--at-once 64] [--rounds 3] [--rest-ms 30000]

import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { askOnce } from '../bench/fleet/ask.ts';
import { spentBetween, usageOf } from '../bench/machine/usage.ts';
import { endAll, type Hub, startHub } from '../test/system/harness.ts';
import { startFleet } from '../test/system/lightFleet.ts';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '100' },
    connections: { type: 'string', default: '5000' },
    'at-once': { type: 'string', default: '64' },
    rounds: { type: 'string', default: '3' },
    'rest-ms': { type: 'string', default: '30000' },
  },
});
const connections = Number(values.connections);

async function connectAll(hub: Hub): Promise<void> {
  let left = connections;
  const client = async () => {
    while (left-- > 0) await askOnce(hub);
  };
  await Promise.all(Array.from({ length: Number(values['at-once']) }, client));
}

const megabytes = (bytes: number): number => Math.round(bytes / 1e6);

const hub = await startHub({ workers: 0 });
try {
  await startFleet(hub, Number(values.nodes));
  const { rssBytes: before } = usageOf([hub.pid]);
  // Code is compiled.
  await connectAll(hub);
  const costs: number[] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    const start = usageOf([hub.pid]);
    await connectAll(hub);
    costs.push(Math.round((spentBetween(start, usageOf([hub.pid])).cpuMs * 1_000) / connections));
  }
  const { rssBytes: loaded } = usageOf([hub.pid]);
  await delay(Number(values['rest-ms']));
  const { rssBytes: rested } = usageOf([hub.pid]);
  const rssMb = { before: megabytes(before), loaded: megabytes(loaded), rested: megabytes(rested) };
  console.log(JSON.stringify({ nodes: Number(values.nodes), cpuMicrosEach: costs, rssMb }));
} finally {
  await endAll();
}
