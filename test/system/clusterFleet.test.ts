// One fleet at several hubs, with a real NATS server and real devices: a device finds all hubs by the owner's list, sticky sessions and
// limits are those of the fleet, and each hub shows all of it.

import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { answerOf } from '../../src/boot/ownerClient.ts';
import { idOf } from '../../src/hub/cluster/ownersCluster.ts';
import type { EventRecord } from '../../src/model/fleet.ts';
import { formatLink, parseLink } from '../../src/model/pairingLink.ts';
import { RUN_CHECKOUT, runBin } from '../cli/runBin.ts';
import { Nats } from '../cluster/natsServers.ts';
import { needs } from '../require.ts';
import { freePort } from './freePorts.ts';
import {
  type ExitNode,
  endAll,
  eventually,
  type Hub,
  makeTempDir,
  runCommand,
  startHub,
  startNode,
} from './harness.ts';
import { changeNode, makePairing, nodeOf, nodesOf, ownerOf, revokeNode } from './ownerOf.ts';
import { Refused, Stream } from './stream.ts';
import { Target } from './target.ts';

const need = needs('nats-server');
const SOCKS_NOT_ALLOWED = 3;

let nats: Nats;
let target: Target;
let clusters = 0;
let cluster: string;
let key: string;

const owner = async (...args: string[]) => {
  const done = await runBin(
    ['cluster', ...args, '--cluster', nats.urls, '--cluster-name', cluster],
    makeTempDir(),
  );
  expect(done).toMatchObject({ code: 0 });
  return done.stdout;
};

async function makeCluster(): Promise<void> {
  cluster = `f${clusters++}`;
  key = join(makeTempDir(), 'cluster.key');
  await owner('create', cluster, '--key', key);
}

/** A hub that its owner has put on the list. */
async function listedHub(
  name: string,
  more: readonly string[] = [],
  wrap: readonly string[] = [],
): Promise<Hub> {
  const args = ['--cluster', nats.urls, '--cluster-name', cluster, ...more];
  const hub = await startHub({ args, wrap });
  await eventually(() => owner('add', idOf(hub.ready.publicKey), '--name', name, '--key', key), 40_000);
  return hub;
}

async function pairAt(hub: Hub, name: string): Promise<ExitNode> {
  const { link } = await makePairing(hub, name, 600_000);
  return startNode({ links: [link] });
}

/** Resolves when each hub shows that the device is connected to these hubs. */
async function untilAt(hubs: readonly Hub[], node: string, names: readonly string[]): Promise<void> {
  await eventually(async () => {
    for (const hub of hubs) expect((await nodeOf(hub, node)).hubs).toEqual(names);
  }, 60_000);
}

/** The device that carries a sticky session at this hub. */
async function nodeOfSession(hub: Hub, username: string, name: string): Promise<string> {
  const stream = await Stream.open(hub.socks, target.port, 'send 10', username);
  expect(await stream.over).toBe('end');
  const { stdout } = await runCommand(['sessions', '--json'], hub.dataDir);
  const sessions = JSON.parse(stdout) as { name: string; nodeId: string }[];
  return sessions.find((session) => session.name === name)!.nodeId;
}

describe.skipIf(need.skip)(`hubs of one fleet ${need.why}`, () => {
  beforeAll(async () => {
    nats = await Nats.start(1);
    target = await Target.start();
  });
  afterAll(async () => {
    await target.close();
    await nats.stop();
  });
  afterEach(endAll);

  test('a device dials the hubs of the list, every hub shows it, and a hub that is thrown out loses it', async () => {
    await makeCluster();
    const nobody = ['cluster', 'status', '--cluster', nats.urls, '--cluster-name', 'nobody'];
    const unknown = await runBin(nobody, makeTempDir());
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toContain('its servers have no cluster of this name');
    const berlin = await listedHub('berlin');
    await pairAt(berlin, 'phone');
    // scripts/test-binaries runs this with the one file: then this hub is the checkout, beside it.
    const paris = await listedHub('paris', [], RUN_CHECKOUT);
    await untilAt([berlin, paris], 'phone', ['berlin', 'paris']);
    const streams = await Promise.all(
      [berlin, paris].map((hub) => Stream.open(hub.socks, target.port, 'send 1000000')),
    );
    for (const stream of streams) expect(await stream.over).toBe('end');
    await eventually(async () => {
      for (const hub of [berlin, paris])
        expect((await nodeOf(hub, 'phone')).today.downBytes).toBeGreaterThanOrEqual(2_000_000);
    }, 40_000);
    const { stdout } = await runCommand(['nodes'], paris.dataDir);
    expect(stdout).toContain('berlin,paris');
    // What happened at either hub, at both, page by page; and each hub's own numbers under its name.
    await eventually(async () => {
      for (const hub of [berlin, paris]) {
        const shown = await runCommand(['events', '--json', '--limit', '1000'], hub.dataDir);
        const events = JSON.parse(shown.stdout) as EventRecord[];
        const started = events.filter(({ kind }) => kind === 'hubStarted').map(({ hub: at }) => at);
        expect(started.toSorted()).toEqual(['berlin', 'paris']);
        expect(shown.stderr).toBe('');
        const metrics = await (await fetch(`http://${hub.ready.dashboard}/metrics`)).text();
        expect(metrics).toMatch(/^restunnel_connects_total 1$/m);
        for (const name of ['berlin', 'paris'])
          expect(metrics).toMatch(new RegExp(`^restunnel_cluster_connects_total{.*hub="${name}"} 1$`, 'm'));
      }
    }, 60_000);
    await owner('revoke', 'paris', '--key', key);
    await untilAt([berlin], 'phone', ['berlin']);
    await eventually(async () => expect((await nodesOf(paris))[0]!.hubs).toEqual(['berlin']), 60_000);
  }, 180_000);

  test('a revocation is told of in its order, at every hub alike', async () => {
    await makeCluster();
    const hubs = [await listedHub('berlin'), await listedHub('paris')] as const;
    const [berlin] = hubs;
    const phone = await pairAt(berlin, 'phone');
    await untilAt(hubs, 'phone', ['berlin', 'paris']);
    await revokeNode(berlin, 'phone');
    const told = {
      berlin: ['phone was revoked and its sessions were cut', 'phone disconnected: the node was revoked'],
      paris: [
        'phone was revoked at another hub, and its sessions were cut',
        'phone disconnected: the node was revoked',
      ],
    };
    for (const hub of hubs) {
      await eventually(async () => {
        const events = await answerOf(ownerOf(hub).events.$get({ query: { contains: 'phone' } }));
        // Oldest first, from the revocation on: nothing of the device comes after it, however long it knocks.
        const after = events.toReversed();
        const at = after.findIndex(({ kind }) => kind === 'revoked');
        const [first] = after.slice(at);
        expect(first).toMatchObject({ hub: 'berlin', text: told.berlin[0] });
        for (const name of ['berlin', 'paris'] as const)
          expect(
            after
              .slice(at)
              .filter((event) => event.hub === name)
              .map(({ text }) => text),
          ).toEqual(told[name]);
      }, 60_000);
    }
    // It goes on knocking, and nobody opens.
    const refused = async (hub: Hub) =>
      answerOf(ownerOf(hub).events.$get({ query: { contains: 'it was revoked' } }));
    for (const hub of hubs)
      await eventually(async () => expect(await refused(hub)).not.toHaveLength(0), 60_000);
    for (const hub of hubs) expect(await nodesOf(hub)).toMatchObject([{ revoked: true, connected: false }]);
    await phone.stop();
  }, 180_000);

  test('a device that reaches a hub by WebSocket alone keeps it when a list names the hub’s own port', async () => {
    await makeCluster();
    const door = freePort();
    // The list says 127.0.0.2, where nobody listens.
    const args = ['--tunnel-websocket', `127.0.0.1:${door}`, '--public-host', '127.0.0.2'];
    const berlin = await listedHub('berlin', args);
    const { link } = await makePairing(berlin, 'phone', 600_000);
    const webSocket = { secure: false, path: '/' };
    const byWeb = formatLink({ ...parseLink(link), host: '127.0.0.1', port: door, webSocket });
    const phone = await startNode({ links: [byWeb] });
    const paris = await listedHub('paris');
    await untilAt([berlin, paris], 'phone', ['berlin', 'paris']);
    await phone.stop();
    // What it has written down brings it back to both.
    await startNode({ dataDir: phone.dataDir });
    await untilAt([berlin, paris], 'phone', ['berlin', 'paris']);
    expect([...berlin.faults(), ...paris.faults(), ...phone.faults()]).toEqual([]);
  }, 180_000);

  test('a strict session has one device at all hubs; cut off, a hub refuses one that it does not know', async () => {
    await makeCluster();
    const [berlin, paris] = [await listedHub('berlin'), await listedHub('paris')];
    for (const name of ['one', 'two', 'three']) await pairAt(berlin, name);
    for (const name of ['one', 'two', 'three']) await untilAt([berlin, paris], name, ['berlin', 'paris']);
    for (const name of ['a', 'b', 'c', 'd']) {
      const username = `crawler-session-${name}-strict`;
      const node = await nodeOfSession(berlin, username, name);
      expect(await nodeOfSession(paris, username, name)).toBe(node);
    }
    for (const name of ['e', 'f']) {
      const node = await nodeOfSession(berlin, `crawler-session-${name}`, name);
      expect(await nodeOfSession(paris, `crawler-session-${name}`, name)).toBe(node);
    }
    await nats.servers[0]!.stop();
    try {
      const known = await Stream.open(paris.socks, target.port, 'send 10', 'crawler-session-a-strict');
      expect(await known.over).toBe('end');
      const refusal = await Stream.open(
        paris.socks,
        target.port,
        'send 10',
        'crawler-session-new-strict',
      ).catch((error: unknown) => error);
      expect(refusal).toEqual(new Refused(SOCKS_NOT_ALLOWED));
      const soft = await Stream.open(paris.socks, target.port, 'send 10', 'crawler-session-soft');
      expect(await soft.over).toBe('end');
    } finally {
      await nats.servers[0]!.start();
    }
  }, 180_000);

  test('a quota and streams are the fleet’s', async () => {
    await makeCluster();
    const [berlin, paris] = [await listedHub('berlin'), await listedHub('paris')];
    await pairAt(berlin, 'phone');
    await untilAt([berlin, paris], 'phone', ['berlin', 'paris']);
    await changeNode(paris, 'phone', { limits: { streams: 4 } });
    await eventually(async () => {
      // Anew each time: for a moment after a change each hub may still go by the whole limit.
      const open: Stream[] = [];
      for (const hub of [berlin, paris, berlin, paris, berlin, paris, berlin, paris]) {
        const stream = await Stream.open(hub.socks, target.port, 'hold').catch(() => null);
        if (stream !== null) open.push(stream);
      }
      for (const stream of open) stream.socket.destroy();
      expect(open.length).toBe(4);
    }, 60_000);
    // Slow enough that little passes within the second in which the hubs look.
    const limits = { streams: null, mbitPerSecond: 40, monthlyBytes: 40_000_000 };
    await changeNode(berlin, 'phone', { limits });
    await eventually(async () => {
      expect((await nodeOf(paris, 'phone')).limits.monthlyBytes).toBe(limits.monthlyBytes);
    });
    await eventually(async () => {
      for (const hub of [berlin, paris]) {
        const stream = await Stream.open(hub.socks, target.port, 'send 1000000').catch(() => null);
        if (stream !== null) await stream.over;
      }
      for (const hub of [berlin, paris]) expect((await nodeOf(hub, 'phone')).state).toBe('overQuota');
      const { month } = await nodeOf(berlin, 'phone');
      const moved = month.downBytes + month.upBytes;
      // Until its next slice a hub may say so as well. Two hubs that did not share it would let twice as much through.
      expect(moved).toBeGreaterThan(34_000_000);
      expect(moved).toBeLessThan(65_000_000);
    }, 120_000);
  }, 240_000);
});
