// Runs test/system/soak.test.ts for longer than tests may: node scripts/soak.ts [--minutes 60]

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '60' } } });
const minutes = Number(values.minutes);
if (!(minutes > 0)) {
  console.error('usage: node scripts/soak.ts [--minutes 60]');
  process.exit(2);
}
const root = fileURLToPath(new URL('..', import.meta.url));
const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));
const child = spawn(
  process.execPath,
  [vitest, 'run', 'test/system/soak.test.ts', '--disableConsoleIntercept=true'],
  {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, RESTUNNEL_SOAK_SECONDS: String(Math.round(minutes * 60)) },
  },
);
child.on('close', (code) => {
  process.exitCode = code ?? 1;
});
