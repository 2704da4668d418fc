// A log whose reader hangs, on a pipe and on a terminal: the hub goes on.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { BIN } from '../cli/runBin.ts';
import { needs } from '../require.ts';
import { endAll, eventually, type HubReady, makeTempDir } from './harness.ts';
import { ownerOf } from './ownerOf.ts';

const started: ChildProcess[] = [];
afterAll(async () => {
  for (const child of started) child.kill('SIGKILL');
  await endAll();
});

const terminal = needs('script');
const ANY = '127.0.0.1:0';
/** More than a pipe and whoever holds its other end take in unread. */
const LOGGED_BYTES = 250_000;
/** Requests at once. */
const AT_ONCE = 16;

/** A hub; `wrap` makes the command that is really run. Nobody reads what comes out. */
async function unreadHub(wrap: (command: string[]) => string[]) {
  const dataDir = makeTempDir();
  const readyFile = join(makeTempDir(), 'ready.json');
  const binds = ['tunnel', 'socks', 'http', 'dashboard'].flatMap((name) => [`--${name}`, ANY]);
  const hub = [process.execPath, BIN, 'hub', ...binds, '--data-dir', dataDir, '--ready-file', readyFile];
  const [program, ...args] = wrap(hub);
  const env = { ...process.env, NODE_OPTIONS: '' };
  const child = spawn(program!, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  started.push(child);
  await eventually(() => existsSync(readyFile), 50_000);
  const { pid } = await eventually(() => JSON.parse(readFileSync(readyFile, 'utf8')) as HubReady);
  return { pid, hub: { dataDir } };
}

async function goesOn(wrap: (command: string[]) => string[]): Promise<void> {
  const { pid, hub } = await unreadHub(wrap);
  const { users } = ownerOf(hub);
  const tags = Array.from({ length: 32 }, (_, at) => `tag_${at}_`.padEnd(32, 'x'));
  const passwordHash =
    '$argon2id$v=19$m=65536,t=2,p=1$UP9cbanu/s5+7Bwx3Mxs3g$UD8yW6Ym6Xr68wqlndl3K0A6Sw/8GsmwiX8a1UpPXmA';
  const json = { name: 'ada', passwordHash, limits: { streams: null, tags } };
  expect((await users.$post({ json })).status).toBe(200);
  // Each change is a line of the log that names all tags.
  const changes = Math.ceil(LOGGED_BYTES / tags.join(', ').length);
  for (let change = 0; change < changes; change += AT_ONCE) {
    const answers = Array.from({ length: AT_ONCE }, (_, at) => {
      const limits = { streams: 1 + change + at, tags };
      return users[':name'].$patch({ param: { name: 'ada' }, json: { limits } });
    });
    for (const { status } of await Promise.all(answers)) expect(status).toBe(200);
  }
  process.kill(pid, 'SIGTERM');
  await eventually(() => !isRunning(pid), 30_000);
}

function isRunning(pid: number): boolean {
  try {
    // The status of one that has ended, and that nobody has waited for, has no memory.
    return /^VmRSS/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

test(
  'a hub goes on, and stops, while nobody reads the pipe of its log',
  () => goesOn((command) => command),
  120_000,
);

test.skipIf(terminal.skip)(
  `a hub goes on, and stops, while nobody reads its terminal ${terminal.why}`,
  () => goesOn((command) => ['script', '-qfec', command.map((word) => `'${word}'`).join(' '), '/dev/null']),
  120_000,
);
