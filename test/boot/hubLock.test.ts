// The data directory is one hub's, or one command's, at a time: who gets it, who waits, and what a killed hub leaves behind.

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { OwnerSocket } from '../../src/api/ownerServer.ts';
import { type DataDirLock, heldElsewhere } from '../../src/base/dataDirLock.ts';
import { lockForHub, tryLock } from '../../src/boot/hubLock.ts';
import { answerOf, runningHub } from '../../src/boot/ownerClient.ts';
import { HubNotRunning } from '../../src/hub/fleet/hubNotRunning.ts';
import { FakeFleet } from '../api/fakeFleet.ts';
import { serveFleet } from '../cli/fakeHub.ts';
import { isWindows, modeOf } from '../windows.ts';

const SOCKET = isWindows ? 'hub.pipe' : 'hub.sock';

let dir: string;
let hubs: Hub[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'restunnel-lock-'));
  hubs = [];
});
afterEach(async () => {
  for (const { socket, lock } of hubs) {
    await socket.close();
    lock.release();
  }
  rmSync(dir, { recursive: true, force: true });
});

interface Hub {
  readonly lock: DataDirLock;
  readonly socket: OwnerSocket;
}

/** What a hub does first; it calls itself by the addresses of its fleet. */
async function start(dataDir: string, name: string): Promise<Hub> {
  const lock = await lockForHub(dataDir);
  const fleet = new FakeFleet({ addresses: { tunnel: name, socks: '', http: '', dashboard: '' } });
  const hub = { lock, socket: await serveFleet(dataDir, fleet) };
  hubs.push(hub);
  return hub;
}

async function whoRuns(dataDir: string): Promise<string> {
  const { addresses } = await answerOf(runningHub(dataDir).status.$get());
  return addresses.tunnel;
}

/** A hub that is killed, so that its socket and its lock file stay behind. */
async function leaveDeadHub(dataDir: string): Promise<void> {
  const source = (path: string) => JSON.stringify(new URL(`../../${path}`, import.meta.url).href);
  const script = `
    const { lockForHub } = await import(${source('src/boot/hubLock.ts')});
    const { serveFleet } = await import(${source('test/cli/fakeHub.ts')});
    const { FakeFleet } = await import(${source('test/api/fakeFleet.ts')});
    await lockForHub(${JSON.stringify(dataDir)});
    await serveFleet(${JSON.stringify(dataDir)}, new FakeFleet());
    process.stdout.write('up');
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  expect(await whoRuns(dataDir)).toBe('0.0.0.0:9000');
  await expect(start(dataDir, 'second')).rejects.toEqual(heldElsewhere(dataDir, 'hub'));
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
  expect(statSync(join(dataDir, SOCKET)).isSocket()).toBe(!isWindows);
}

test('the lock file is private, and there is no hub before one starts', async () => {
  await expect(whoRuns(dir)).rejects.toBeInstanceOf(HubNotRunning);
  await expect(whoRuns(join(dir, 'missing'))).rejects.toBeInstanceOf(HubNotRunning);
  await start(dir, 'first');
  expect(statSync(join(dir, 'hub.lock')).mode & 0o777).toBe(modeOf(0o600));
  expect(tryLock(dir)).toBe(null);
});

test('what a killed hub left is replaced', async () => {
  await leaveDeadHub(dir);
  await expect(whoRuns(dir)).rejects.toBeInstanceOf(HubNotRunning);
  await start(dir, 'next');
  expect(await whoRuns(dir)).toBe('next');
  expect(readdirSync(dir)).toEqual(['hub.lock', SOCKET]);
});

test('a living hub stays, and a second one hears so at once', async () => {
  await start(dir, 'first');
  await expect(start(dir, 'second')).rejects.toEqual(heldElsewhere(dir, 'hub'));
  expect(await whoRuns(dir)).toBe('first');
});

test('of several hubs that start over a dead socket, one serves and the others say why they do not', async () => {
  for (let round = 0; round < 3; round++) {
    const dataDir = join(dir, String(round));
    mkdirSync(dataDir);
    await leaveDeadHub(dataDir);
    const starts = await Promise.allSettled([0, 1, 2, 3].map((name) => start(dataDir, `hub ${name}`)));
    const winners = starts.flatMap(({ status }, name) => (status === 'fulfilled' ? [`hub ${name}`] : []));
    expect(winners).toEqual([await whoRuns(dataDir)]);
    for (const started of starts) {
      if (started.status === 'rejected') expect(started.reason).toEqual(heldElsewhere(dataDir, 'hub'));
    }
    expect(readdirSync(dataDir)).toEqual(['hub.lock', SOCKET]);
  }
});

test('a hub waits for the command that is at work in the directory', async () => {
  const command = tryLock(dir)!;
  const starting = start(dir, 'patient');
  // It has found the lock taken by now, and has not given up.
  await expect(whoRuns(dir)).rejects.toBeInstanceOf(HubNotRunning);
  command.release();
  await starting;
  expect(await whoRuns(dir)).toBe('patient');
});
