// A NATS server that comes out of a backup, as one does that lost its power: it no longer has the last of what it had confirmed. The hubs
// give it back, and a device that was revoked stays out.

import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { LightNode } from '../../bench/fleet/lightNode.ts';
import { answerOf } from '../../src/boot/ownerClient.ts';
import { runBin } from '../cli/runBin.ts';
import { Nats } from '../cluster/natsServers.ts';
import { needs } from '../require.ts';
import { endAll, eventually, type Hub, makeTempDir, runCommand, startHub } from './harness.ts';
import { changeNode, makePairing, nodesOf, ownerOf, revokeNode } from './ownerOf.ts';

const need = needs('nats-server');
const AGREED_MS = 60_000;
/** Silence is the answer. */
const ATTEMPT_MS = 2_500;

let nats: Nats;

afterEach(async () => {
  await endAll();
  await nats.stop();
});

const member = (dataDir = makeTempDir()) =>
  startHub({ dataDir, args: ['--cluster', nats.urls, '--cluster-name', 'r'] });

async function pairAt(hub: Hub, name: string): Promise<LightNode> {
  const { link } = await makePairing(hub, name, 600_000);
  const node = new LightNode(link, hub.ready.tunnel, name);
  await node.connect();
  return node;
}

const pictureOf = async (hub: Hub) =>
  (await nodesOf(hub)).map(({ name, revoked, tags }) => [name, revoked, tags.join()]).sort();

async function usersOf(hub: Hub): Promise<string[]> {
  const { stdout } = await runCommand(['users', '--json'], hub.dataDir);
  return (JSON.parse(stdout) as { name: string }[]).map(({ name }) => name).sort();
}

/** Two hubs with changes that NATS has confirmed; `loseThem` puts back what it had before them. */
async function changedCluster(): Promise<{
  hubs: [Hub, Hub];
  lost: LightNode;
  loseThem: () => Promise<void>;
}> {
  const storeDir = makeTempDir();
  const backup = makeTempDir();
  nats = await Nats.start(1, { storeDir });
  const [server] = nats.servers;
  const files = join(storeDir, '0');
  const flags = ['--cluster', nats.urls, '--cluster-name', 'r'];
  const create = ['cluster', 'create', 'r', '--key', join(makeTempDir(), 'cluster.key'), ...flags];
  expect(await runBin(create, makeTempDir())).toMatchObject({ code: 0 });
  const hubs = (await Promise.all([member(), member()])) as [Hub, Hub];
  const [a, b] = hubs;
  await pairAt(a, 'phone');
  const lost = await pairAt(a, 'lost');
  await runCommand(['users', 'add', 'eve'], a.dataDir);
  await runCommand(['users', 'add', 'adam'], a.dataDir);
  await eventually(async () => expect(await pictureOf(b)).toHaveLength(2), AGREED_MS);

  await server!.stop('SIGTERM');
  cpSync(files, backup, { recursive: true });
  await server!.start();

  await eventually(() => changeNode(a, 'phone', { name: 'mobile', tags: ['eu'] }), AGREED_MS);
  await eventually(() => pairAt(b, 'new'), AGREED_MS);
  await runCommand(['users', 'add', 'bob'], b.dataDir);
  await runCommand(['users', 'remove', 'eve'], b.dataDir);
  await revokeNode(a, 'lost');
  for (const hub of hubs) {
    await eventually(async () => {
      expect(await pictureOf(hub)).toEqual(CHANGED);
      expect(await usersOf(hub)).toEqual(['adam', 'bob']);
    }, AGREED_MS);
  }
  const loseThem = async () => {
    await server!.stop();
    rmSync(files, { recursive: true });
    cpSync(backup, files, { recursive: true });
    await server!.start();
  };
  return { hubs, lost, loseThem };
}

const CHANGED = [
  ['lost', true, ''],
  ['mobile', false, 'eu'],
  ['new', false, ''],
];

describe.skipIf(need.skip)(`a NATS server out of a backup ${need.why}`, () => {
  test('gets back from the hubs what it had confirmed', async () => {
    const { hubs, lost, loseThem } = await changedCluster();
    await loseThem();
    // One that knows no more than NATS does.
    const other = await eventually(() => member(), AGREED_MS);
    await eventually(async () => {
      for (const hub of [...hubs, other]) {
        expect(await pictureOf(hub)).toEqual(CHANGED);
        expect(await usersOf(hub)).toEqual(['adam', 'bob']);
      }
    }, AGREED_MS);
    await expect(lost.atHub(other.ready.publicKey, other.ready.tunnel).attempt(ATTEMPT_MS)).rejects.toThrow();
    const told = await Promise.all(
      hubs.map((hub) => answerOf(ownerOf(hub).events.$get({ query: { contains: 'had lost' } }))),
    );
    expect(told.flat()).not.toHaveLength(0);
    // What is changed from now on comes through.
    await changeNode(other, 'mobile', { tags: ['again'] });
    await eventually(async () => {
      for (const hub of hubs)
        expect((await nodesOf(hub)).find(({ name }) => name === 'mobile')?.tags).toEqual(['again']);
    }, AGREED_MS);
    expect([...hubs, other].flatMap((hub) => hub.faults())).toEqual([]);
  }, 240_000);

  test('does not bring a revoked device back at hubs that were restarted as well', async () => {
    const { hubs, lost, loseThem } = await changedCluster();
    await Promise.all(hubs.map((hub) => hub.kill()));
    await loseThem();
    const again = (await Promise.all(hubs.map(({ dataDir }) => member(dataDir)))) as [Hub, Hub];
    const other = await member();
    await eventually(async () => {
      for (const hub of [...again, other]) {
        const nodes = await nodesOf(hub);
        expect(nodes.find(({ name }) => name === 'lost')).toMatchObject({ revoked: true });
        expect(nodes.map(({ name }) => name)).toContain('new');
      }
    }, AGREED_MS);
    for (const hub of again) {
      const there = lost.atHub(hub.ready.publicKey, hub.ready.tunnel);
      await expect(there.attempt(ATTEMPT_MS)).rejects.toThrow();
    }
  }, 240_000);
});
