// Runs at the end of `npm install` in a checkout (`prepare` in package.json): leaves a Node at node_modules/.bin/node that is new enough and
// that this machine can run. `npm start`, the tests and the systemd units use it. Plain JavaScript that old Node versions can read.
//
// npm's Node 26 needs libatomic.so.1, which a minimal Debian lacks. Node 24 does not, and costs about 3 % more processor time.

import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pinnedRuntime, runtimePackage } from '../bin/runtime.js';

const OLDEST_MAJOR = 24;
const LESS_DEMANDING = '24.21.0';

const modules = fileURLToPath(new URL('../node_modules', import.meta.url));

// Windows has what its Node needs, and .bin holds scripts there instead of links.
if (process.platform !== 'win32') prepare();

function prepare() {
  const pinned = pinnedRuntime();
  if (pinned !== null && runs(pinned)) return link(pinned);
  if (Number(process.versions.node.split('.')[0]) >= OLDEST_MAJOR) return link(process.execPath);
  if (pinned !== null && process.platform === 'linux' && installed(LESS_DEMANDING)) {
    console.log(
      `This machine lacks a library that the newest Node needs, so Restunnel runs on Node ${LESS_DEMANDING}. ` +
        'On Debian and Ubuntu `apt-get install libatomic1`, then `npm install`, gets the faster one.',
    );
    return link(pinned);
  }
  // The launcher then says what to do.
  rmSync(join(modules, '.bin', 'node'), { force: true });
}

function runs(program) {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
}

/** Puts that version in the pinned one's place. The lock file stays as it is. */
function installed(version) {
  const npm = process.env.npm_execpath;
  if (npm === undefined) return false;
  const args = [
    npm,
    'install',
    '--no-save',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ];
  spawnSync(process.execPath, [...args, `${runtimePackage()}@${version}`], {
    cwd: dirname(modules),
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const program = pinnedRuntime();
  return program !== null && runs(program);
}

function link(program) {
  replace(join(modules, '.bin', 'node'), program);
  // Where units copied from scripts/systemd looked for it until npm's `node` package gave way to those of the platforms.
  replace(join(modules, 'node', 'bin', 'node'), program);
}

function replace(path, program) {
  const isOurs = program.startsWith(modules);
  mkdirSync(dirname(path), { recursive: true });
  rmSync(path, { force: true });
  // A checkout may move.
  symlinkSync(isOurs ? relative(dirname(path), program) : program, path);
}
