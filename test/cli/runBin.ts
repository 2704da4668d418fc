// Runs bin/restunnel.js as a user would, for the tests of the command line.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));
export const BIN = join(CHECKOUT, 'bin', 'restunnel.js');
/** What a user types for `restunnel`: the checkout, or the one file that RESTUNNEL_BIN names. */
export const COMMAND: readonly [string, ...string[]] = process.env.RESTUNNEL_BIN
  ? [process.env.RESTUNNEL_BIN]
  : [process.execPath, BIN];

/** In front of that, a command that runs the checkout in its place: for one of several programs that work together. Empty where it is the checkout. */
export const RUN_CHECKOUT: readonly string[] = process.env.RESTUNNEL_BIN
  ? ['sh', '-c', 'node=$1 bin=$2; shift 3; exec "$node" "$bin" "$@"', 'sh', process.execPath, BIN]
  : [];

export interface RunOptions {
  /** The Node to run it with; this one, when absent. */
  program?: string;
  /** The launcher; the checkout's own, when absent. */
  bin?: string;
}

export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** `dataDir` becomes RESTUNNEL_DATA_DIR, so that no test touches the user's own. */
export function runBin(
  args: readonly string[],
  dataDir: string,
  options: RunOptions = {},
): Promise<Finished> {
  const child = spawn(options.program ?? process.execPath, [options.bin ?? BIN, ...args], {
    env: { ...process.env, RESTUNNEL_DATA_DIR: dataDir, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const finished: Finished = { code: null, signal: null, stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    finished.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    finished.stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ ...finished, code, signal }));
  });
}

/** The machine's own Node where that is too old to run the command line itself, else null. */
export function olderNode(): string | null {
  const program = '/usr/bin/node';
  if (!existsSync(program)) return null;
  const version = execFileSync(program, ['--version'], { encoding: 'utf8' });
  return Number(/^v(\d+)/.exec(version)?.[1]) < 24 ? program : null;
}
