// Runs every property test over and over, each time with other seeds and so many times its runs, until one fails or SIGINT:
// RESTUNNEL_FUZZ_FACTOR=20 node scripts/fuzz.ts [files]. What fails is printed with its seed.

import { spawn } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const VITEST = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));
const FACTOR = process.env.RESTUNNEL_FUZZ_FACTOR ?? '10';
const ROUNDS = Number(process.env.RESTUNNEL_FUZZ_ROUNDS ?? Number.POSITIVE_INFINITY);

if (!(Number(FACTOR) >= 1) || !(ROUNDS >= 1)) {
  console.error('RESTUNNEL_FUZZ_FACTOR and RESTUNNEL_FUZZ_ROUNDS are numbers from 1');
  process.exit(2);
}
const isProperty = (file: string) => readFileSync(`${ROOT}/${file}`, 'utf8').includes('fc.assert(');
const named = process.argv.slice(2);
const files =
  named.length > 0 ? named : globSync('test/**/*.test.ts', { cwd: ROOT }).filter(isProperty).sort();

function round(): Promise<{ code: number | null; said: string }> {
  // Only the properties' own files, without a deadline: a factor makes them as long as it is large.
  const args = [VITEST, 'run', '--testTimeout=0', ...files];
  const env = { ...process.env, RESTUNNEL_FUZZ_FACTOR: FACTOR, NO_COLOR: '1' };
  const child = spawn(process.execPath, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, said })));
}

for (let done = 1; done <= ROUNDS; done++) {
  const startedMs = Date.now();
  const { code, said } = await round();
  if (code !== 0) {
    console.error(said);
    process.exit(1);
  }
  const seconds = Math.round((Date.now() - startedMs) / 1_000);
  console.log(`round ${done}: ${files.length} files, ${FACTOR} times their runs, ${seconds} s`);
}
