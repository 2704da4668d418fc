// Hubs of one cluster, over a real NATS server: a device is paired once and revoked once, and what must be agreed is agreed or not done.

import { join } from 'node:path';
import { connect } from '@nats-io/transport-node';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { LightNode } from '../../bench/fleet/lightNode.ts';
import { answerOf } from '../../src/boot/ownerClient.ts';
import { openHubList } from '../../src/cluster/hubList.ts';
import { META_KEY, nodeKey } from '../../src/cluster/records.ts';
import { type Buckets, openBuckets } from '../../src/hub/cluster/recordStore.ts';
import { parseLink } from '../../src/model/pairingLink.ts';
import { runBin } from '../cli/runBin.ts';
import { Nats } from '../cluster/natsServers.ts';
import { needs } from '../require.ts';
import { endAll, eventually, type Hub, makeTempDir, runCommand, startHub } from './harness.ts';
import { changeNode, makePairing, nodesOf, ownerOf } from './ownerOf.ts';

const need = needs('nats-server');

/** A hub that cannot ask the cluster at once takes a while. */
const ATTEMPT_MS = 9_000;

let nats: Nats;
let clusters = 0;
let cluster: string;
let key: string;

const owner = (...args: string[]) =>
  runBin(['cluster', ...args, '--cluster', nats.urls, '--cluster-name', cluster], makeTempDir());

async function makeCluster(): Promise<void> {
  cluster = `c${clusters++}`;
  key = join(makeTempDir(), 'cluster.key');
  expect(await owner('create', cluster, '--key', key)).toMatchObject({ code: 0, stderr: '' });
}

const member = (dataDir = makeTempDir(), more: readonly string[] = []) =>
  startHub({ dataDir, args: ['--cluster', nats.urls, '--cluster-name', cluster, ...more] });

async function pairAt(hub: Hub, name: string): Promise<LightNode> {
  const { link } = await makePairing(hub, name, 600_000);
  return new LightNode(link, hub.ready.tunnel, name);
}

const at = (node: LightNode, hub: Hub, withToken = false) =>
  node.atHub(hub.ready.publicKey, hub.ready.tunnel, { withToken });

/** Resolves when the hub has ended its session. */
const lost = (node: LightNode) =>
  new Promise<void>((resolve) => {
    node.onLost = resolve;
  });

async function failing(command: Promise<unknown>): Promise<string> {
  return command.then(
    () => expect.unreachable('it should have failed'),
    (error: Error) => error.message,
  );
}

const eventsOf = async (hub: Hub, contains: string) =>
  answerOf(ownerOf(hub).events.$get({ query: { contains } }));

/** What a stolen password of NATS could do. */
async function tamper(work: (buckets: Buckets) => Promise<void>): Promise<void> {
  const connection = await connect({ servers: nats.urls });
  try {
    await work(await openBuckets(connection, cluster));
  } finally {
    await connection.close();
  }
}

/** Resolves when the hub knows whether it can reach the cluster. */
async function untilInStep(hub: Hub): Promise<void> {
  await eventually(async () => {
    const { stdout } = await owner('status', '--json');
    const { hubs } = JSON.parse(stdout) as { hubs: { publicKey: string; behind: number | null }[] };
    expect(hubs.find(({ publicKey }) => publicKey === hub.ready.publicKey)).toMatchObject({ behind: 0 });
  }, 40_000);
}

describe.skipIf(need.skip)(`a cluster of hubs ${need.why}`, () => {
  beforeAll(async () => {
    nats = await Nats.start(1);
  });
  afterAll(() => nats.stop());
  afterEach(endAll);

  test('pair once, revoke once; names, settings and users are everywhere', async () => {
    await makeCluster();
    const [a, b] = (await Promise.all([member(), member()])) as [Hub, Hub];
    const phone = await pairAt(a, 'phone');
    await phone.connect();
    const elsewhere = at(phone, b);
    await elsewhere.attempt(ATTEMPT_MS);

    await changeNode(b, 'phone', { name: 'mobile' });
    await changeNode(b, 'mobile', { tags: ['eu'], limits: { mbitPerSecond: 20 } });
    await eventually(async () => {
      expect(await nodesOf(a)).toMatchObject([
        { name: 'mobile', tags: ['eu'], limits: { mbitPerSecond: 20 } },
      ]);
    });
    await runCommand(['users', 'add', 'eve', '--streams', '3'], a.dataDir);
    await eventually(async () => {
      expect((await runCommand(['users', '--json'], b.dataDir)).stdout).toContain('"eve"');
    });
    expect(await failing(runCommand(['users', 'add', 'eve'], b.dataDir))).toContain('already a user eve');
    await runCommand(['users', 'remove', 'eve'], b.dataDir);
    await eventually(async () => {
      expect((await runCommand(['users', '--json'], a.dataDir)).stdout).toBe('[]\n');
    });

    const ends = Promise.all([lost(phone), lost(elsewhere)]);
    await runCommand(['nodes', 'revoke', 'mobile'], a.dataDir);
    await ends;
    await expect(at(phone, b).attempt(1_000)).rejects.toThrow();
    expect(await eventsOf(b, 'revoked at another hub')).toHaveLength(1);

    // A name of a revoked device is free again, and one name is one device's at all hubs.
    const [one, other] = await Promise.all([pairAt(a, 'mobile'), pairAt(b, 'mobile')]);
    await Promise.all([one.connect(), other.connect()]);
    const called = (await nodesOf(a)).filter(({ revoked }) => !revoked).map(({ name }) => name);
    expect(called.sort()).toEqual(['mobile', 'mobile-2']);
  });

  test('of two devices that race for one token at two hubs, one wins, and gets in again wherever it asks', async () => {
    await makeCluster();
    const [a, b] = (await Promise.all([member(), member()])) as [Hub, Hub];
    for (let round = 0; round < 3; round++) {
      const { link } = await makePairing(a, null, 600_000);
      const one = new LightNode(link, a.ready.tunnel, 'one');
      const other = at(new LightNode(link, a.ready.tunnel, 'other'), b, true);
      const same = at(one, b, true);
      const tried = await Promise.allSettled([one.attempt(2_500), other.attempt(2_500), same.attempt(2_500)]);
      const [first, second, third] = tried.map(({ status }) => status === 'fulfilled');
      // The same device at two hubs is one device.
      expect(second).toBe(!first);
      expect(third).toBe(first);
      for (const node of [one, other, same]) node.vanish();
    }
    expect((await nodesOf(a)).length).toBe(3);
    await eventually(async () => expect((await nodesOf(b)).length).toBe(3));
  });

  test('without NATS known devices come back, nothing is half done, and on its return all agree', async () => {
    await makeCluster();
    const [a, b] = (await Promise.all([member(), member()])) as [Hub, Hub];
    const [phone, tablet] = await Promise.all([pairAt(a, 'phone'), pairAt(b, 'tablet')]);
    await Promise.all([phone.connect(), tablet.connect()]);
    await Promise.all([untilInStep(a), untilInStep(b)]);
    const { link: open } = await makePairing(a, null, 600_000);
    const atB = at(tablet, b);
    await nats.servers[0]!.stop();
    try {
      phone.vanish();
      await at(phone, b).attempt(ATTEMPT_MS);
      await eventually(async () => {
        expect(await failing(makePairing(a, null, 600_000))).toContain('the cluster cannot be reached');
      });
      expect(await failing(makePairing(a, null, 600_000))).toContain('nothing was changed');
      const rename = failing(changeNode(a, 'phone', { name: 'other' }));
      expect(await rename).toContain('nothing was changed');
      await expect(new LightNode(open, a.ready.tunnel, 'new').attempt(2_000)).rejects.toThrow();
      const revoke = failing(runCommand(['nodes', 'revoke', 'tablet'], a.dataDir));
      expect(await revoke).toContain('the other hubs hear of it as soon as the cluster can be reached');
      // At the hub that has not heard of it, it is still a member.
      tablet.vanish();
      await atB.attempt(ATTEMPT_MS);
      // What waits outlives the hub that it waits in.
      await a.kill();
    } finally {
      await nats.servers[0]!.start();
    }
    const cut = lost(atB);
    const again = await member(a.dataDir);
    await cut;
    await new LightNode(open, again.ready.tunnel, 'new').attempt(ATTEMPT_MS).catch(() => {
      // Its link names the hub's old port only.
    });
    expect((await nodesOf(b)).find(({ name }) => name === 'tablet')).toMatchObject({ revoked: true });
  });

  test('a hub whose copy is older than --cluster-stale cuts its devices off, and lets nobody in until the cluster is back', async () => {
    await makeCluster();
    const hub = await member(undefined, ['--cluster-stale', '1s']);
    const phone = await pairAt(hub, 'phone');
    await phone.connect();
    const cut = lost(phone);
    await nats.servers[0]!.stop();
    await cut;
    const [event] = await eventually(async () => {
      const events = await eventsOf(hub, 'cut off: the cluster cannot be reached');
      expect(events).not.toHaveLength(0);
      return events;
    });
    expect(event!.text).toContain('1 device was cut off');
    let visitor = phone;
    try {
      await eventually(async () => {
        visitor.vanish();
        visitor = at(phone, hub);
        await expect(visitor.attempt(2_000)).rejects.toThrow();
        expect(await eventsOf(hub, 'older than --cluster-stale allows')).not.toHaveLength(0);
      }, 40_000);
    } finally {
      await nats.servers[0]!.start();
    }
    await at(phone, hub).connect();
  });

  test('records of a newer version are left alone and told of once; another key or list is not believed', async () => {
    await makeCluster();
    const hub = await member();
    const phone = await pairAt(hub, 'phone');
    await phone.connect();
    await tamper(async ({ state }) => {
      const kept = (await state.readBytes(nodeKey(phone.id)))!;
      const newer = Buffer.from(JSON.stringify({ v: 99, id: phone.id, revoked: true }));
      const revision = await state.updateBytes(nodeKey(phone.id), newer, kept.revision);
      await state.updateBytes(nodeKey(phone.id), newer, revision!);
    });
    await eventually(async () => {
      expect(await eventsOf(hub, 'written by a newer restunnel')).toHaveLength(1);
    });
    expect(await failing(changeNode(hub, 'phone', { name: 'x' }))).toContain('update this one');
    expect(phone.connected).toBe(true);

    const forged = Buffer.from(
      'not a list at all, however long it may be, since nobody has signed it: no hub takes it',
    );
    await tamper(async ({ state }) => {
      const list = (await state.readBytes('hubs'))!;
      await state.updateBytes('hubs', forged, list.revision);
      const meta = (await state.read('meta', META_KEY))!;
      const swapped = { ...meta.record, key: Buffer.alloc(32, 1).toString('base64url') };
      await state.update('meta', META_KEY, swapped, meta.revision);
    });
    await eventually(async () => expect(await eventsOf(hub, 'list of hubs is left alone')).toHaveLength(1));
    await hub.stop();
    const again = await member(hub.dataDir);
    await eventually(async () => {
      expect(await eventsOf(again, 'is not the one that this hub joined')).toHaveLength(1);
    });
    await at(phone, again).connect();
    expect(await failing(makePairing(again, null, 60_000))).toContain('is not the one that this hub joined');
  });

  test('a single hub moves in with its devices, is added to the list, and moves out again', async () => {
    await makeCluster();
    const flags = ['--cluster', nats.urls, '--cluster-name', cluster];
    const alone = await startHub();
    const phone = await pairAt(alone, 'phone');
    await phone.connect();
    await runCommand(['users', 'add', 'eve'], alone.dataDir);
    await alone.stop();
    const { dataDir } = alone;
    const early = await runBin(['hub', ...flags, '--data-dir', dataDir, '--tunnel', '127.0.0.1:0'], dataDir);
    expect(early).toMatchObject({ code: 1 });
    expect(early.stderr).toContain('restunnel cluster join');
    await runCommand(['cluster', 'join', ...flags], dataDir);
    const [hub, other] = (await Promise.all([member(dataDir), member()])) as [Hub, Hub];
    await at(phone, other).connect();
    expect((await runCommand(['users', '--json'], other.dataDir)).stdout).toContain('"eve"');

    await untilInStep(other);
    const id = async () => {
      const { hubs } = JSON.parse((await owner('status', '--json')).stdout) as {
        hubs: { id: string; publicKey: string }[];
      };
      return hubs.find(({ publicKey }) => publicKey === other.ready.publicKey)!.id;
    };
    expect(await owner('add', await id(), '--name', 'second', '--key', key)).toMatchObject({ code: 0 });
    // At each of the two hubs.
    await eventually(async () => expect(await eventsOf(hub, 'list 2 of the cluster')).toHaveLength(2));
    const { clusterKey } = parseLink((await makePairing(hub, null, 60_000)).link);
    await tamper(async ({ state }) => {
      const list = openHubList((await state.readBytes('hubs'))!.record, clusterKey!);
      expect(list).toMatchObject({ number: 2, hubs: [{ name: 'second', publicKey: other.ready.publicKey }] });
    });
    expect(await owner('revoke', 'second', '--key', key)).toMatchObject({ code: 0 });
    expect(await owner('add', 'nobody', '--key', key)).toMatchObject({ code: 1 });
    const stranger = join(makeTempDir(), 'other.key');
    await owner('create', 'elsewhere', '--key', stranger);
    expect((await owner('revoke', 'second', '--key', stranger)).stderr).toContain(
      'not the key of the cluster',
    );

    await untilInStep(hub);
    await hub.stop();
    expect(await failing(runCommand(['pair'], dataDir))).toContain('is a member of the cluster');
    await runCommand(['cluster', 'leave', ...flags], dataDir);
    const single = await startHub({ dataDir });
    await at(phone, single).connect();
  });
});
