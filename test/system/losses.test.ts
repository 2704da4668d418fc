// A key or a store that is gone: hub, node and commands say so and begin nothing anew, unless their owner accepts the loss.

import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type Finished, runBin } from '../cli/runBin.ts';
import {
  endAll,
  eventually,
  type Hub,
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
const ERRORS = ['--log-level', 'error'];

function expectSentence(finished: Finished, sentence: RegExp): void {
  expect(finished).toMatchObject({ code: 1, stdout: '' });
  expect(finished.stderr).toMatch(/^restunnel: [^\n]+\n$/);
  expect(finished.stderr).toMatch(sentence);
}

async function namesOf(hub: Hub): Promise<string[]> {
  return (await listNodes(hub)).map(({ name }) => name);
}

test('a hub without its store, then without its key: refused, and begun anew on request', async () => {
  const hub = await startHub();
  const { dataDir } = hub;
  const node = await pairNode(hub, { args: ['--name', 'phone'] });
  // Killed as soon as the device is there: what recognises the loss was written with the pairing.
  await hub.kill();
  await node.kill();
  const [key, store] = [readFileSync(join(dataDir, 'hub_key.bin')), join(dataDir, 'hub.db')];
  const kept = [store, `${store}-wal`].map((path) => [path, readFileSync(path)] as const);
  for (const [path] of kept) rmSync(path);
  const commands = [
    ['hub', ...ERRORS, ...ANY],
    ['pair'],
    ['users', 'add', 'ann'],
    ['nodes'],
    ['backup', join(dataDir, 'x')],
  ];
  for (const command of commands) {
    expectSentence(
      await runBin(command, dataDir),
      /hub\.db is missing, but this hub has served devices.*--accept-loss/,
    );
  }
  expect(existsSync(store)).toBe(false);
  // The store comes back, and the key is gone.
  for (const [path, content] of kept) writeFileSync(path, content, { mode: 0o600 });
  rmSync(join(dataDir, 'hub_key.bin'));
  for (const command of commands) {
    expectSentence(
      await runBin(command, dataDir),
      /hub_key\.bin is missing, but hub\.db lists 1 device.*--accept-loss/,
    );
  }
  expect(existsSync(join(dataDir, 'hub_key.bin'))).toBe(false);
  const again = await startHub({ dataDir, args: ['--accept-loss'] });
  await again.waitForLog(({ msg }) => msg.startsWith('--accept-loss: hub_key.bin is missing'));
  expect(await namesOf(again)).toEqual(['phone']);
  const { stdout } = await runCommand(['events', '--json'], dataDir);
  expect(stdout).toContain('hub_key.bin is missing');
  await again.stop();
  // With the new key it is whole again; the old one would not fit any more.
  const whole = await startHub({ dataDir });
  expect(whole.log.filter(({ level }) => level >= 40)).toEqual([]);
  await whole.stop();
  writeFileSync(join(dataDir, 'hub_key.bin'), key);
  expectSentence(await runBin(['hub', ...ERRORS, ...ANY], dataDir), /hub_key\.bin is another key/);
});

test('a node without its key is refused, and becomes a new device on request', async () => {
  const hub = await startHub();
  const dataDir = makeTempDir();
  await (await pairNode(hub, { dataDir })).stop();
  const [key, path] = [readFileSync(join(dataDir, 'node_key.bin')), join(dataDir, 'node_key.bin')];
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
  writeFileSync(path, key);
  await (await startNode({ dataDir })).stop();
  rmSync(path);
  const { link } = await makeLink(hub);
  await (await startNode({ dataDir, links: [link], args: ['--accept-loss'] })).stop();
  expect((await listNodes(hub)).length).toBe(2);
  await (await startNode({ dataDir })).stop();
});

test('quickstart pairs its own node again', async () => {
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
