// `restunnel bench workers`: sweeps worker counts on a scratch hub on this machine and recommends one. The load and the measuring are
// bench/'s, which is part of the package.

import { availableParallelism } from 'node:os';
import { UserError } from '../../base/userError.ts';

export interface BenchWorkersFlags {
  counts?: number[];
  rounds: number;
  scale: number;
  json?: boolean;
}

export async function runBenchWorkers(flags: BenchWorkersFlags): Promise<void> {
  if (process.platform !== 'linux') {
    throw new UserError('bench workers runs on Linux only: elsewhere there are no workers to choose');
  }
  const { sweepWorkers } = await import('../../../bench/sweep.ts');
  const counts = flags.counts ?? defaultCounts(availableParallelism());
  const shown = new LiveTable(process.stderr);
  const sweep = await sweepWorkers({
    counts,
    rounds: flags.rounds,
    scale: flags.scale,
    show: (table) => shown.draw(table),
  });
  if (flags.json === true) process.stdout.write(`${JSON.stringify(sweep)}\n`);
  else process.stdout.write(`\nRecommended: --workers ${sweep.recommended}\n${sweep.why}.\n`);
}

/** From no worker to one for each core, but no more than eight kinds. */
export function defaultCounts(cores: number): number[] {
  const counts = [0, 1, 2, 3, 4, 6, 8, 12].filter((count) => count <= cores);
  return counts.length > 1 ? counts : [0, 1];
}

/** A table that is drawn over itself on a terminal, and once a change where there is none. */
class LiveTable {
  readonly #out: NodeJS.WriteStream;
  #lines = 0;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  draw(table: string): void {
    if (this.#out.isTTY && this.#lines > 0) this.#out.write(`\u001b[${this.#lines}A\u001b[J`);
    else if (this.#lines > 0) this.#out.write('\n');
    this.#out.write(table);
    this.#lines = table.split('\n').length - 1;
  }
}
