// NATS servers and hubs of a whole cluster are killed, frozen and cut off at random: node scripts/clusterStorm.ts [seconds] [seed]
// Needs Linux, root and nats-server.

import { needs } from '../test/require.ts';
import { clusterStorm } from '../test/system/clusterStorm.ts';
import { networksMissing } from '../test/system/networks.ts';

const seconds = Number(process.argv[2] ?? 80);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000_000);
if (!(seconds > 0) || !Number.isInteger(seed)) {
  console.error('usage: node scripts/clusterStorm.ts [seconds] [seed]');
  process.exit(2);
}
const missing = needs('nats-server').why || networksMissing();
if (missing !== '') {
  console.error(`a storm over a cluster ${missing}`);
  process.exit(1);
}
// Programs and networks go with the process.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
const startMs = performance.now();
const say = (line: string) =>
  console.log(`${((performance.now() - startMs) / 1_000).toFixed(1).padStart(6)} s  ${line}`);
say(`seed ${seed}`);
try {
  await clusterStorm({ seed, seconds, say });
  say('every promise was kept');
  process.exit(0);
} catch (error) {
  console.error(error);
  for (const line of (error instanceof Error ? error.message : String(error)).split('\n'))
    console.log(`failed: ${line}`);
  say(`again: node scripts/clusterStorm.ts ${seconds} ${seed}`);
  process.exit(1);
}
