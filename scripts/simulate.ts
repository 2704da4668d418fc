// Runs a simulation for one seed after another until one fails or SIGINT: node scripts/simulate.ts [tunnel|cluster] [first seed]

import { simulateCluster } from '../test/cluster/simulation/simulateCluster.ts';
import { simulate } from '../test/tunnel/simulation.ts';

type Summary = Readonly<Record<string, number | boolean>>;

const SIMULATIONS: Readonly<Record<string, { run: (seed: number) => Promise<Summary>; tellEvery: number }>> =
  {
    tunnel: { run: async (seed) => ({ ...simulate(seed) }), tellEvery: 5_000 },
    cluster: { run: async (seed) => ({ ...(await simulateCluster(seed)) }), tellEvery: 50 },
  };

const words = process.argv.slice(2);
const name = words[0] !== undefined && words[0] in SIMULATIONS ? words.shift()! : 'tunnel';
const first = Number(words[0] ?? Date.now() % 1_000_000_000);
if (!Number.isInteger(first) || first < 0 || words.length > 1) {
  console.error('usage: node scripts/simulate.ts [tunnel|cluster] [first seed]');
  process.exit(2);
}
const { run, tellEvery } = SIMULATIONS[name]!;
const startedMs = Date.now();
const sums: Record<string, number> = {};
for (let seed = first; ; seed++) {
  for (const [what, value] of Object.entries(await run(seed))) sums[what] = (sums[what] ?? 0) + Number(value);
  const seeds = seed - first + 1;
  if (seeds % tellEvery !== 0) continue;
  const perSecond = ((seeds * 1_000) / (Date.now() - startedMs)).toFixed(1);
  const done = Object.entries(sums).map(([what, sum]) => `${what} ${sum}`);
  console.log(`${name}: ${seeds} seeds from ${first}, ${perSecond} seeds/s; ${done.join(', ')}`);
}
