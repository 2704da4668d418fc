// Runs the tunnel's simulation for one seed after another until one fails or SIGINT: node scripts/simulate.ts [first seed]

import { simulate } from '../test/tunnel/simulation.ts';

const first = Number(process.argv[2] ?? Date.now() % 1_000_000_000);
if (!Number.isInteger(first) || first < 0) {
  console.error('usage: node scripts/simulate.ts [first seed]');
  process.exit(2);
}
const startedMs = Date.now();
let streams = 0;
let deliveredBytes = 0;
for (let seed = first; ; seed++) {
  const summary = simulate(seed);
  streams += summary.streams;
  deliveredBytes += summary.deliveredBytes;
  const seeds = seed - first + 1;
  if (seeds % 5_000 === 0) {
    const perSecond = Math.round((seeds * 1_000) / (Date.now() - startedMs));
    console.log(
      `${seeds} seeds from ${first}, ${streams} streams, ${deliveredBytes} bytes, ${perSecond} seeds/s`,
    );
  }
}
