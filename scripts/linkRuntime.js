// Runs at the end of `npm install` in a checkout (`prepare` in package.json): leads node_modules/node/bin/node, where systemd units copied
// from an older scripts/systemd look for Node, to the Node that npm brought. Plain JavaScript that old Node versions can read.

import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pinnedRuntime } from '../bin/runtime.js';

const runtime = pinnedRuntime();
if (runtime !== null && process.platform === 'linux') {
  const link = join(fileURLToPath(new URL('../node_modules', import.meta.url)), 'node', 'bin', 'node');
  mkdirSync(dirname(link), { recursive: true });
  rmSync(link, { force: true });
  symlinkSync(relative(dirname(link), runtime), link);
}
