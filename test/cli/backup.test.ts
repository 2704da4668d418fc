// `restunnel backup`: a whole copy of the store, beside a hub that goes on writing and without one.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { tryLock } from '../../src/boot/hubLock.ts';
import { StoredFleet } from '../../src/hub/fleet/storedFleet.ts';
import { DirectStore } from '../../src/hub/store/directStore.ts';
import { Store } from '../../src/hub/store/store.ts';
import { formatLink } from '../../src/model/pairingLink.ts';
import { isWindows, modeOf } from '../windows.ts';
import { serveFleet } from './fakeHub.ts';
import { runBin } from './runBin.ts';

let dataDir: string;
let elsewhere: string;
let file: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'restunnel-backup-'));
  elsewhere = mkdtempSync(join(tmpdir(), 'restunnel-backup-to-'));
  file = join(elsewhere, 'hub.backup');
});
afterEach(() => {
  for (const dir of [dataDir, elsewhere]) rmSync(dir, { recursive: true, force: true });
});

function linksIn(path: string): number {
  const database = new DatabaseSync(path);
  try {
    expect({ ...database.prepare('PRAGMA integrity_check').get() }).toEqual({ integrity_check: 'ok' });
    return Number(database.prepare('SELECT count(*) AS n FROM tokens').get()?.n);
  } finally {
    database.close();
  }
}

test('without a hub: a private file, which replaces the one before', async () => {
  for (const links of [1, 2]) {
    await runBin(['pair', '--json'], dataDir);
    const { code, stdout, stderr } = await runBin(['backup', file, '--json'], dataDir);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({ file, bytes: statSync(file).size });
    expect(statSync(file).mode & 0o777).toBe(modeOf(0o600));
    expect(linksIn(file)).toBe(links);
  }
  expect(readdirSync(dataDir).sort()).toEqual([
    'hub.db',
    'hub.lock',
    isWindows ? 'hub_key.json' : 'hub_key.bin',
  ]);
});

test('of a hub that runs: what it acknowledged is in it, and the hub goes on', async () => {
  const lock = tryLock(dataDir)!;
  const store = new Store(dataDir);
  const direct = new DirectStore(store);
  const fleet = new StoredFleet(direct, await direct.ask('load', '2026-01', '2026-01-01'), {
    dataDir,
    linksOf: (token) => ({
      link: formatLink({ host: 'h', port: 9_000, hubPublicKey: new Uint8Array(32).fill(7), token }),
      webSocketLink: null,
      bothWaysLink: null,
    }),
  });
  const socket = await serveFleet(dataDir, fleet);
  try {
    await fleet.pair({ name: null, ttlMs: 60_000 });
    const { code, stdout } = await runBin(['backup', file], dataDir);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `${file} holds the hub's store; its key is not in it (restunnel key export)\n`,
    });
    expect(linksIn(file)).toBe(1);
    expect(readdirSync(dataDir)).not.toContain('hub.db.backup');
    // Of two at once, one is refused.
    const both = await Promise.allSettled([fleet.backup(), fleet.backup()]);
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    await fleet.pair({ name: null, ttlMs: 60_000 });
    expect((await fleet.events({ limit: 10 })).length).toBe(2);
  } finally {
    await socket.close();
    store.close();
    lock.release();
  }
});

test('a place that takes no file is one sentence, and what is there stays', async () => {
  await runBin(['pair', '--json'], dataDir);
  mkdirSync(file);
  const place = await runBin(['backup', file], dataDir);
  expect(place).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^restunnel: cannot write [^\n]+\n$/),
  });
  const missing = await runBin(['backup', join(elsewhere, 'no', 'file')], dataDir);
  expect(missing).toMatchObject({ code: 1, stderr: expect.stringMatching(/: no such directory\n$/) });
  writeFileSync(join(dataDir, 'hub.json'), '{}');
  for (const own of ['hub.db', 'hub.json']) {
    expect(await runBin(['backup', join(dataDir, own)], dataDir)).toMatchObject({ code: 2 });
  }
  expect(readFileSync(join(dataDir, 'hub.json'), 'utf8')).toBe('{}');
  expect(linksIn(join(dataDir, 'hub.db'))).toBe(1);
  expect(readdirSync(elsewhere)).toEqual(['hub.backup']);
  expect(readdirSync(dataDir)).not.toContain('hub.db.backup');
});
