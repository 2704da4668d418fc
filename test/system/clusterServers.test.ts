// A cluster on three NATS servers, of which one dies, freezes or has a full disk in the middle of what the owner does: each command is
// done or says in a sentence that it is not, nothing is half done, and afterwards the hubs agree.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { LightNode } from '../../bench/fleet/lightNode.ts';
import { runBin } from '../cli/runBin.ts';
import { Nats } from '../cluster/natsServers.ts';
import { needs } from '../require.ts';
import { endAll, eventually, type Hub, makeTempDir, startHub } from './harness.ts';
import { changeNode, makePairing, nodeOf, nodesOf, revokeNode } from './ownerOf.ts';

const need = needs('nats-server');
const disks = needs('unshare', 'mount', 'nsenter');
const whyNoDisk = process.getuid?.() === 0 ? need.why || disks.why : 'needs root to mount';

/** A new leader, on a busy machine. */
const AGREED_MS = 90_000;

let nats: Nats;
let cluster: string;
let clusters = 0;

const holders: ChildProcess[] = [];

afterEach(async () => {
  await endAll();
  await nats.stop();
  for (const holder of holders.splice(0)) holder.kill('SIGKILL');
});

async function startCluster(): Promise<[Hub, Hub]> {
  cluster = `s${clusters++}`;
  const flags = ['--cluster', nats.urls, '--cluster-name', cluster];
  const key = join(makeTempDir(), 'cluster.key');
  await eventually(async () => {
    const create = ['cluster', 'create', cluster, '--key', key, '--cluster-replicas', String(nats.replicas)];
    expect(await runBin([...create, ...flags], makeTempDir())).toMatchObject({ code: 0 });
  }, AGREED_MS);
  return (await Promise.all([startHub({ args: flags }), startHub({ args: flags })])) as [Hub, Hub];
}

async function pairAt(hub: Hub, name: string): Promise<LightNode> {
  const { link } = await eventually(() => makePairing(hub, name, 600_000), AGREED_MS);
  return new LightNode(link, hub.ready.tunnel, name);
}

/** What became of a command: null, it was done. */
const outcomeOf = (command: Promise<unknown>): Promise<string | null> =>
  command.then(
    () => null,
    (error: Error) => error.message,
  );

/**
 * Settings, a pairing and a revocation, one after the other and all at once, while `disturb` does its work. Everything is as the answers
 * say afterwards.
 */
async function disturbed([a, b]: readonly [Hub, Hub], disturb: () => Promise<void>): Promise<void> {
  const [phone, lost] = await Promise.all([pairAt(a, 'phone'), pairAt(b, 'lost')]);
  await Promise.all([phone.connect(), lost.connect()]);
  const { link } = await eventually(() => makePairing(a, 'comer', 600_000), AGREED_MS);
  await eventually(async () => {
    for (const hub of [a, b]) expect((await nodesOf(hub)).length).toBe(2);
  }, AGREED_MS);
  await changeNode(a, 'phone', { tags: ['0'] });

  let isOver = false;
  let confirmed = 0;
  const possible = new Set<number>();
  const sentences: string[] = [];
  const settings = async () => {
    for (let number = 1; !isOver; number++) {
      const answer = await outcomeOf(
        changeNode(number % 2 === 0 ? a : b, 'phone', { tags: [String(number)] }),
      );
      if (answer === null) {
        confirmed = number;
        possible.clear();
      } else {
        sentences.push(answer);
        if (!answer.includes('nothing was changed')) possible.add(number);
      }
    }
  };
  const comer = new LightNode(link, a.ready.tunnel, 'comer');
  const comerAtB = comer.atHub(b.ready.publicKey, b.ready.tunnel, { withToken: true });
  const coming = async () => {
    for (let turn = 0; ; turn++) {
      const came = await outcomeOf((turn % 2 === 0 ? comer : comerAtB).attempt(6_000));
      if (came === null) return;
    }
  };
  const busy = [settings(), coming()];
  const cut = new Promise<void>((resolve) => {
    lost.onLost = resolve;
  });
  const disturbing = disturb();
  const revoked = await outcomeOf(revokeNode(a, 'lost'));
  await disturbing;
  await busy[1];
  const before = confirmed;
  await eventually(() => confirmed > before + 2, AGREED_MS);
  isOver = true;
  await busy[0];
  if (revoked !== null) expect(revoked).toContain('the other hubs hear of it');
  for (const sentence of sentences) expect(sentence).toContain('the cluster cannot be reached (');
  // At b, where it was connected.
  await cut;
  await eventually(async () => {
    for (const hub of [a, b]) {
      const nodes = await nodesOf(hub);
      expect(nodes.map(({ name, revoked }) => [name, revoked]).sort()).toEqual([
        ['comer', false],
        ['lost', true],
        ['phone', false],
      ]);
    }
    const [one, other] = await Promise.all([nodeOf(a, 'phone'), nodeOf(b, 'phone')]);
    expect(one.tags).toEqual(other.tags);
    expect([confirmed, ...possible]).toContain(Number(one.tags[0]));
  }, AGREED_MS);
  await comerAtB.attempt(10_000).catch(() => comer.attempt(10_000));
  expect([...a.faults(), ...b.faults()]).toEqual([]);
}

describe.skipIf(need.skip)(`three NATS servers ${need.why}`, () => {
  test('the leader is killed in the middle of a pairing, a revocation and settings, and comes back', async () => {
    nats = await Nats.start(3);
    const hubs = await startCluster();
    await disturbed(hubs, async () => {
      const leader = await nats.leaderOf(`${cluster}_state`);
      await leader.stop();
      await nats.leaderOf(`${cluster}_state`);
      await leader.start();
    });
  }, 300_000);

  test('the leader freezes, and thaws', async () => {
    nats = await Nats.start(3);
    const hubs = await startCluster();
    await disturbed(hubs, async () => {
      const leader = await nats.leaderOf(`${cluster}_state`);
      leader.freeze();
      const others = nats.servers.filter((server) => server !== leader);
      await eventually(
        async () => expect(others).toContain(await nats.leaderOf(`${cluster}_state`)),
        AGREED_MS,
      );
      leader.thaw();
    });
  }, 300_000);
});

describe.skipIf(whyNoDisk !== '')(`a NATS server whose disk is full ${whyNoDisk}`, () => {
  test('takes nothing, and says so; known devices come back, and once there is room all agree', async () => {
    const disk = await smallDisk();
    nats = await Nats.start(1, { storeDir: disk.folder, places: [{ host: '127.0.0.1', wrap: disk.wrap }] });
    const [a, b] = await startCluster();
    const [phone, tablet] = await Promise.all([pairAt(a, 'phone'), pairAt(b, 'tablet')]);
    await Promise.all([phone.connect(), tablet.connect()]);
    fill(disk.filler);
    let kept = '';
    // What fits into the last block of its file is still taken.
    await eventually(async () => {
      const tag = String(Number(kept) + 1);
      const answer = await outcomeOf(changeNode(a, 'phone', { tags: [tag] }));
      if (answer === null) kept = tag;
      expect(answer).toContain('the cluster cannot be reached (');
    }, AGREED_MS);
    await eventually(async () => {
      expect(await outcomeOf(makePairing(a, 'other', 600_000))).toContain('nothing was changed');
    }, AGREED_MS);
    expect(await outcomeOf(revokeNode(a, 'tablet'))).toContain('the other hubs hear of it as soon as');
    phone.vanish();
    await eventually(() => phone.attempt(9_000), AGREED_MS);

    rmSync(disk.filler);
    // It has given up JetStream until its next start.
    await nats.servers[0]!.stop();
    await nats.servers[0]!.start();
    await eventually(async () => {
      const [one, other] = await Promise.all([nodesOf(a), nodesOf(b)]);
      for (const nodes of [one, other]) {
        const seen = nodes.map(({ name, revoked }) => [name, revoked]).sort();
        expect(seen).toEqual([
          ['phone', false],
          ['tablet', true],
        ]);
      }
      const [here, there] = await Promise.all([nodeOf(a, 'phone'), nodeOf(b, 'phone')]);
      expect(here.tags).toEqual(there.tags);
      expect(Number(here.tags[0] ?? 0)).toBeGreaterThanOrEqual(Number(kept));
    }, AGREED_MS);
    await changeNode(b, 'phone', { tags: ['again'] });
  }, 300_000);
});

/** For the files of a server that is started more than once. */
async function smallDisk(): Promise<{ folder: string; wrap: string[]; filler: string }> {
  const folder = makeTempDir();
  const mount = `mount -t tmpfs -o size=8m,mode=700 restunnel "${folder}" && echo ready && exec sleep 600`;
  const holder = spawn('unshare', ['-m', 'sh', '-c', mount], { stdio: ['ignore', 'pipe', 'inherit'] });
  holders.push(holder);
  await once(holder.stdout!, 'data');
  const wrap = ['nsenter', '-m', '-t', String(holder.pid), '--'];
  return { folder, wrap, filler: `/proc/${holder.pid}/root${folder}/filler` };
}

/** Until nothing fits any more. */
function fill(file: string): void {
  try {
    for (;;) appendFileSync(file, Buffer.alloc(4_096));
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOSPC' });
  }
}
