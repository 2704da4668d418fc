// Declares `restunnel bench`.

import { type Command, Option } from 'commander';
import { WORKERS_MAX } from '../arguments/flags.ts';
import { parseWhole } from '../arguments/values.ts';
import type { BenchWorkersFlags } from '../commands/bench.ts';

export function declareBench(program: Command): void {
  const bench = program
    .command('bench')
    .summary('measure this machine: how many workers suit it')
    .description(
      'Measures a scratch hub with scratch exit nodes, all on loopback. A running hub stays as it is.',
    );
  bench
    .command('workers', { isDefault: true })
    .description('try worker counts one after another and recommend one')
    .addOption(
      new Option('--counts <n,…>', 'worker counts to try; default: from 0 to one for each core').argParser(
        (text) => text.split(',').map((count) => parseWhole(count, '--counts', 0, WORKERS_MAX)),
      ),
    )
    .addOption(
      new Option('--rounds <n>', 'how often to measure each; the median counts')
        .default(3)
        .argParser((text) => parseWhole(text, '--rounds', 1, 100)),
    )
    .addOption(
      new Option('--scale <n>', 'how many times the usual load')
        .default(1)
        .argParser((text) => parseWhole(text, '--scale', 1, 100)),
    )
    .option('--json', 'print JSON instead')
    .action(async (flags: BenchWorkersFlags) => {
      await (await import('../commands/bench.ts')).runBenchWorkers(flags);
    });
}
