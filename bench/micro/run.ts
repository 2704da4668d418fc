// `npm run bench:micro [WORD]`: what the parts cost by themselves. WORD leaves only the measurements whose name holds it.

import { Bench } from 'tinybench';
import { addAead } from './aead.ts';
import { addCodecs } from './codecs.ts';
import { addRouting } from './routing.ts';
import { addRules } from './rules.ts';
import { addWindows } from './windows.ts';

const NAME = /(\d+) B$/;

const only = process.argv[2] ?? '';
const bench = new Bench({ time: Number(process.env.BENCH_MICRO_MS ?? 500), warmupTime: 100 });
addAead(bench);
addCodecs(bench);
addRules(bench);
addRouting(bench);
addWindows(bench);
for (const { name } of [...bench.tasks]) if (!name.includes(only)) bench.remove(name);
await bench.run();

const rows = bench.tasks.map(({ name, result }) => {
  if (!('latency' in result))
    throw new Error(`${name} did not complete: ${'error' in result ? result.error : result.state}`);
  const micros = result.latency.p50 * 1e3;
  const bytes = Number(NAME.exec(name)?.[1] ?? 0);
  return {
    name,
    'µs (median)': micros.toFixed(2),
    'µs (p99)': (result.latency.p99 * 1e3).toFixed(2),
    'MB/s': bytes === 0 ? '' : (bytes / micros).toFixed(0),
  };
});
console.table(rows);
