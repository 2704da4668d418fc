// A key or a store that is gone: hub, node and commands say so and begin nothing anew, unless their owner accepts the loss.

import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type Finished, runBin } from '../cli/runBin.ts';
import {
  endAll,
  eventually,
  listNodes,
  makeLink,
  makeTempDir,
  pairNode,
  runCommand,
  startHub,
  startNode,
  startQuickstart,
} from './harness.ts';

afterEach(endAll);

const ANY = ['tunnel', 'socks', 'http', 'dashboard'].flatMap((name) => [`--${name}`, '127.0.0.1:0']);
/** Each test starts several programs, one after another. */
const PATIENCE_MS = 240_000;
const ERRORS = ['--log-level', 'error'];

function expectSentence(finished: Finished, sentence: RegExp): void {
  expect(finished).toMatchObject({ code: 1, stdout: '' });
  expect(finished.stderr).toMatch(/^restunnel: [^\n]+\n$/);
  expect(finished.stderr).toMatch(sentence);
}

/** A hub that was killed as soon as its first device was there: what recognises a loss is written with the pairing. */
async function killedHub(): Promise<string> {
  const hub = await startHub();
  await pairNode(hub, { args: ['--name', 'phone'] });
  await hub.kill();
  return hub.dataDir;
}

const HUB = ['hub', ...ERRORS, ...ANY];

test('a hub without its store is refused, and so are commands beside it', {
  timeout: PATIENCE_MS,
}, async () => {
  const dataDir = await killedHub();
  const store = join(dataDir, 'hub.db');
  for (const path of [store, `${store}-wal`]) rmSync(path);
  for (const command of [HUB, ['pair'], ['users', 'add', 'ann']]) {
    expectSentence(
      await runBin(command, dataDir),
      /hub\.db is missing, but this hub has served devices.*--accept-loss/,
    );
  }
  expect(existsSync(store)).toBe(false);
});

test('a hub without its key is refused, and gets a new one on request', {
  timeout: PATIENCE_MS,
}, async () => {
  const dataDir = await killedHub();
  const path = join(dataDir, 'hub_key.bin');
  const key = readFileSync(path);
  rmSync(path);
  for (const command of [HUB, ['pair']]) {
    expectSentence(
      await runBin(command, dataDir),
      /hub_key\.bin is missing, but hub\.db lists 1 device.*--accept-loss/,
    );
  }
  expect(existsSync(path)).toBe(false);
  const again = await startHub({ dataDir, args: ['--accept-loss'] });
  await again.waitForLog(({ msg }) => msg.startsWith('--accept-loss: hub_key.bin is missing'));
  expect((await listNodes(again)).map(({ name }) => name)).toEqual(['phone']);
  const { stdout } = await runCommand(['events', '--json'], dataDir);
  expect(stdout).toContain('hub_key.bin is missing');
  await again.stop();
  // Whole again with the new key, which the old one is not.
  writeFileSync(path, key);
  expectSentence(await runBin(HUB, dataDir), /hub_key\.bin is another key/);
});

test('a node without its key is refused, and becomes a new device on request', {
  timeout: PATIENCE_MS,
}, async () => {
  const hub = await startHub();
  const dataDir = makeTempDir();
  await (await pairNode(hub, { dataDir })).stop();
  const path = join(dataDir, 'node_key.bin');
  rmSync(path);
  expectSentence(
    await runBin(['node', ...ERRORS], dataDir),
    /node_key\.bin is missing, but node\.json lists 1 hub.*--accept-loss/,
  );
  expect(existsSync(path)).toBe(false);
  writeFileSync(path, Buffer.alloc(32, 7), { mode: 0o600 });
  expectSentence(
    await runBin(['node', ...ERRORS], dataDir),
    /node_key\.bin is another key: node\.json lists 1 hub/,
  );
  writeFileSync(path, '');
  expectSentence(await runBin(['node', ...ERRORS], dataDir), /node_key\.bin is not a key.*--accept-loss/);
  rmSync(path);
  const { link } = await makeLink(hub);
  await startNode({ dataDir, links: [link], args: ['--accept-loss'] });
  expect((await listNodes(hub)).length).toBe(2);
});

test('quickstart pairs its own node again', { timeout: PATIENCE_MS }, async () => {
  const first = await startQuickstart();
  const { dataDir } = first;
  await first.stop();
  rmSync(join(dataDir, 'quickstart-node', 'node_key.bin'));
  expectSentence(await runBin(['quickstart', ...ERRORS, ...ANY], dataDir), /node_key\.bin is missing/);
  const second = await startQuickstart({ dataDir, args: ['--accept-loss'] });
  await eventually(async () => {
    expect((await listNodes(second)).filter(({ connected }) => connected).length).toBe(1);
  });
});

test('quickstart whose hub has a new key leaves the old one behind, and no other', {
  timeout: PATIENCE_MS,
}, async () => {
  const first = await startQuickstart();
  const { dataDir } = first;
  await first.stop();
  const path = join(dataDir, 'quickstart-node', 'node.json');
  const written = JSON.parse(readFileSync(path, 'utf8'));
  const added = { ...written.hubs[0], name: 'laptop', publicKey: Buffer.alloc(32, 9).toString('base64url') };
  writeFileSync(path, JSON.stringify({ ...written, hubs: [...written.hubs, added] }));
  rmSync(join(dataDir, 'hub_key.bin'));
  const second = await startQuickstart({ dataDir, args: ['--accept-loss'] });
  const { hubs } = JSON.parse(readFileSync(path, 'utf8')) as { hubs: { name: string; publicKey: string }[] };
  expect(hubs.map(({ name, publicKey }) => [name, publicKey])).toEqual([
    ['laptop', added.publicKey],
    ['this machine', second.ready.publicKey],
  ]);
});
