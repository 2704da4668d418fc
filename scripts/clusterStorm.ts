// NATS servers and hubs of a whole cluster are killed, frozen and cut off at random: node scripts/clusterStorm.ts [seconds] [seed]
// Needs Linux, root and nats-server.

import { needs } from '../test/require.ts';
import { clusterStorm } from '../test/system/clusterStorm.ts';
import { Witness } from '../test/system/clusterWitness.ts';
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
const witness = new Witness(seed + 1);
// The last lines say all that a log has to say, those that begin with "failed" once more at its end. Programs and networks go with the process.
const end = (isWell: boolean, why: string): void => {
  if (!isWell) {
    const verdict = `the storm of seed ${seed}, after ${witness.now}: ${why}; ${witness.verdict()}`;
    for (const line of verdict.split('\n')) console.log(`failed: ${line}`);
    console.log(`once more: scripts/test-cluster ${seconds} ${seed}`);
  }
  process.exit(isWell ? 0 : 1);
};
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
  process.once(signal, () => end(false, `${signal} came while ${witness.phase}`));
witness.say(`seed ${seed}`);
try {
  await clusterStorm({ seed, seconds, witness });
  const isWell = !witness.hasSeenViolations;
  if (isWell) witness.say('every promise was kept');
  end(isWell, 'it came to its end');
} catch (error) {
  console.log(error);
  end(false, `while ${witness.phase}: ${(error as Error).message}`);
}
