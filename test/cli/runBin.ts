// Runs bin/restunnel.js as a user would, for the tests of the command line.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));
export const BIN = join(CHECKOUT, 'bin', 'restunnel.js');

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
  options: { program?: string; bin?: string } = {},
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
