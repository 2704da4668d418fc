// The owner's settings on a running hub: pause, quota and hours, and what clients learn about them; what survives a restart and a kill;
// what is shown and recorded.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { InferRequestType } from 'hono/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { answerOf, type OwnerClient } from '../../src/boot/ownerClient.ts';
import { FAILURES, type FailureName } from '../../src/model/failures.ts';
import {
  type EventRecord,
  HISTORY_RANGES,
  type History,
  type HistoryRange,
  type LiveStream,
} from '../../src/model/fleet.ts';
import {
  eventually,
  type Hub,
  MODES,
  makeTempDir,
  pairNode,
  runCommand,
  startHub,
  startNode,
} from './harness.ts';
import { changeNode, connectsOf, makePairing, nodeOf, ownerOf, revokeNode, rotateNode } from './ownerOf.ts';
import { httpThrough, openStreams, Refused, Stream } from './stream.ts';
import { Target } from './target.ts';

let target: Target;
beforeAll(async () => {
  target = await Target.start();
});
afterAll(() => target.close());

type EventsQuery = InferRequestType<OwnerClient['events']['$get']>['query'];

const eventsOf = (hub: Hub, query: EventsQuery = {}): Promise<readonly EventRecord[]> =>
  answerOf(ownerOf(hub).events.$get({ query }));
const streamsOf = (hub: Hub, node?: string): Promise<readonly LiveStream[]> =>
  answerOf(ownerOf(hub).streams.$get({ query: node === undefined ? {} : { node } }));
const historyOf = (hub: Hub, range: HistoryRange, node?: string): Promise<History> =>
  answerOf(ownerOf(hub).history.$get({ query: node === undefined ? { range } : { range, node } }));
const pairingOf = (hub: Hub, id: string) => answerOf(ownerOf(hub).pairings[':id'].$get({ param: { id } }));
const cancelPairing = (hub: Hub, id: string) =>
  answerOf(ownerOf(hub).pairings[':id'].$delete({ param: { id } }));

/** The front hears of a change a moment after its maker. */
async function refuses(hub: Hub, failure: FailureName): Promise<void> {
  const { httpStatus, sentence } = FAILURES[failure];
  await eventually(async () => {
    const { status, body } = await httpThrough(hub.http, `http://127.0.0.1:${target.port}/`);
    expect([status, body]).toEqual([httpStatus, expect.stringContaining(sentence)]);
  });
}

/** A stream that works goes through. */
async function fetches(hub: Hub): Promise<void> {
  const stream = await eventually(() => Stream.open(hub.socks, target.port, 'send 1000'));
  expect(await stream.over).toBe('end');
  expect([stream.received, stream.damaged]).toEqual([1_000, false]);
}

/** What a node moved down, as it is in the store. */
async function writtenBytes(hub: Hub, nodeId: string): Promise<number> {
  const path = join(makeTempDir(), 'hub.db');
  await runCommand(['backup', path], hub.dataDir);
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const row = database.prepare('SELECT sum(down) AS down FROM history_days WHERE node_id = ?').get(nodeId);
    return Number(row?.down ?? 0);
  } finally {
    database.close();
  }
}

/** Local hours that are over, whatever the time is now. */
function otherHours(): string {
  const clock = (addedMinutes: number) => {
    const date = new Date(Date.now() + addedMinutes * 60_000);
    return `${String(date.getHours()).padStart(2, '0')}:${String(date.getMinutes()).padStart(2, '0')}`;
  };
  return `${clock(120)}-${clock(180)}`;
}

describe.concurrent.each(MODES.slice(2))('$name', ({ io, workers }) => {
  test('a paused node takes no new streams, tells why, and its open ones run on', async () => {
    const hub = await startHub({ io, workers });
    const node = await pairNode(hub, { io });
    const { nodeId: id } = node.ready;
    const flood = await Stream.open(hub.socks, target.port, 'flood');
    await eventually(() => flood.received > 100_000);
    expect(await changeNode(hub, id, { paused: true })).toMatchObject({ state: 'paused', paused: true });
    const [live] = await streamsOf(hub, id);
    expect(live).toMatchObject({ nodeId: id, target: null, protocol: 'socks', state: 'open' });
    await refuses(hub, 'nodePaused');
    await expect(Stream.open(hub.socks, target.port, 'send 10')).rejects.toThrow(Refused);
    const { received } = flood;
    await eventually(() => flood.received > received + 1_000_000);
    expect(await changeNode(hub, id, { paused: false })).toMatchObject({ state: 'connected' });
    await fetches(hub);
    expect(flood.damaged).toBe(false);
    flood.socket.destroy();
    await Promise.all([node.stop(), hub.stop({ atOnce: true })]);
    expect(hub.faults()).toEqual([]);
  });

  test('a quota ends what runs and refuses what comes, also after a restart, until it is raised', async () => {
    const hub = await startHub({ io, workers });
    const node = await pairNode(hub, { io });
    const { nodeId: id } = node.ready;
    await changeNode(hub, id, { limits: { monthlyBytes: 3_000_000 } });
    await fetches(hub);
    const flood = await Stream.open(hub.socks, target.port, 'flood');
    expect(await flood.over).toBe('ECONNRESET');
    expect(flood.damaged).toBe(false);
    const over = await nodeOf(hub, id);
    expect(over.state).toBe('overQuota');
    expect(over.month.downBytes + over.month.upBytes).toBeGreaterThanOrEqual(3_000_000);
    await refuses(hub, 'nodeOverQuota');
    await eventually(async () => (await nodeOf(hub, id)).streams === 0);
    const [event, ...others] = await eventsOf(hub, { kind: 'overQuota' });
    expect(event).toMatchObject({ nodeId: id, kind: 'overQuota' });
    expect(others).toEqual([]);
    // What the quota counts is on the disk already.
    await hub.kill();

    const again = await startHub({ io, workers, dataDir: hub.dataDir, args: ['--tunnel', hub.ready.tunnel] });
    await eventually(async () => (await nodeOf(again, id)).connected);
    expect(await nodeOf(again, id)).toMatchObject({
      state: 'overQuota',
      limits: { monthlyBytes: 3_000_000 },
      month: { downBytes: over.month.downBytes },
    });
    await refuses(again, 'nodeOverQuota');
    expect(await changeNode(again, id, { limits: { monthlyBytes: 1e12 } })).toMatchObject({
      state: 'connected',
    });
    await fetches(again);
    await Promise.all([node.stop(), again.stop()]);
    expect([...hub.faults(), ...again.faults()]).toEqual([]);
  });
});

test('outside its hours, or at its stream limit, a node takes no new streams; the settings survive a restart', async () => {
  const hub = await startHub({ workers: 1 });
  const node = await pairNode(hub);
  const { nodeId: id } = node.ready;
  await changeNode(hub, id, { limits: { streams: 2 } });
  const held = await openStreams(hub.socks, target.port, 'hold', 2);
  await refuses(hub, 'nodeStreamsLimit');
  for (const { socket } of held) socket.destroy();
  await eventually(async () => (await nodeOf(hub, id)).streams === 0);
  await fetches(hub);

  const hours = otherHours();
  const settings = { tags: ['home', 'lte'], country: 'DE', rotateSchedule: 'daily 04:30' };
  await changeNode(hub, id, { ...settings, name: 'my phone', limits: { hours } });
  await refuses(hub, 'nodeOffHours');
  await hub.stop();
  const again = await startHub({ dataDir: hub.dataDir, args: ['--tunnel', hub.ready.tunnel] });
  await eventually(async () => (await nodeOf(again, id)).connected);
  expect(await nodeOf(again, 'my phone')).toMatchObject({
    ...settings,
    id,
    state: 'offHours',
    limits: { mbitPerSecond: null, streams: 2, monthlyBytes: null, hours },
  });
  await refuses(again, 'nodeOffHours');
  await changeNode(again, id, { limits: { hours: null } });
  await fetches(again);

  await expect(changeNode(again, id, { country: 'Mars' })).rejects.toThrow(
    '"Mars" is not a two-letter country code',
  );
  await expect(changeNode(again, 'nobody', { paused: true })).rejects.toThrow(
    'there is no node with the id or name "nobody"',
  );
  expect(await nodeOf(again, id)).toMatchObject(settings);
  await Promise.all([node.stop(), again.stop()]);
});

test('history, totals and figures match the bytes that moved, and survive a kill', async () => {
  const hub = await startHub({ workers: 2 });
  const node = await pairNode(hub);
  const { nodeId: id } = node.ready;
  const streams = await openStreams(hub.socks, target.port, 'send 1000000', 3);
  await Promise.all(streams.map(({ over }) => over));
  await expect(Stream.open(hub.socks, 1, 'send 10')).rejects.toThrow(Refused);
  const moved = await eventually(async () => {
    const view = await nodeOf(hub, id);
    expect(view.month.downBytes).toBeGreaterThanOrEqual(3_000_000);
    return view;
  });
  expect(moved.today).toEqual(moved.month);
  for (const range of HISTORY_RANGES) {
    for (const name of [id, undefined]) {
      const { points } = await historyOf(hub, range, name);
      expect(points.reduce((sum, { downBytes }) => sum + downBytes, 0)).toBe(moved.month.downBytes);
    }
  }
  const figures = await eventually(async () => {
    const connects = await connectsOf(hub, id);
    expect(connects.failed).toBe(1);
    return connects;
  });
  expect(figures).toMatchObject({ succeeded: 3, failures: { refused: 1 } });
  expect(figures.connectMs!.p50).toBeGreaterThan(0);
  const status = await answerOf(ownerOf(hub).status.$get());
  expect(status).toMatchObject({ nodesConnected: 1, nodesPaired: 1, workers: 2, io: 'epoll' });
  expect(status.connects).toMatchObject({ succeeded: 3, failed: 1 });
  expect(status.residentBytes).toBeGreaterThan(1e7);

  // A quota has it written before the minute is over.
  await changeNode(hub, id, { limits: { monthlyBytes: 100_000_000 } });
  await eventually(async () => expect(await writtenBytes(hub, id)).toBe(moved.month.downBytes));
  await hub.kill();
  const again = await startHub({ dataDir: hub.dataDir });
  const { month } = await nodeOf(again, id);
  expect(month).toEqual(moved.month);
  const { points } = await historyOf(again, '1h', id);
  expect(points.reduce((sum, { downBytes }) => sum + downBytes, 0)).toBe(moved.month.downBytes);
  await again.stop();
  await node.kill();
});

test('events record the name the node had then, and can be found', async () => {
  const hub = await startHub();
  const pairing = await makePairing(hub, 'phone', 60_000);
  expect(await pairingOf(hub, pairing.id)).toEqual({
    id: pairing.id,
    expiresAt: pairing.expiresAt,
    state: 'open',
    nodeId: null,
    nodeName: null,
    nodeConnected: false,
  });
  const node = await startNode({ links: [pairing.link] });
  const { nodeId: id } = node.ready;
  expect(await pairingOf(hub, pairing.id)).toMatchObject({
    state: 'used',
    nodeId: id,
    nodeName: 'phone',
    nodeConnected: true,
  });
  expect(await cancelPairing(hub, pairing.id)).toMatchObject({ state: 'used' });
  const burned = await makePairing(hub, null, 60_000);
  expect(await cancelPairing(hub, burned.id)).toMatchObject({ state: 'cancelled' });
  await expect(pairingOf(hub, 'invented')).rejects.toThrow('no such pairing link');
  const refused = startNode({ links: [burned.link] });
  refused.catch(() => {});
  await eventually(async () => expect((await eventsOf(hub, { kind: 'refused' })).length).toBeGreaterThan(0));

  await changeNode(hub, id, { name: 'old phone' });
  await changeNode(hub, id, { tags: ['lte'], limits: { mbitPerSecond: 20 } });
  await revokeNode(hub, id);
  await eventually(async () => expect((await eventsOf(hub, { kind: 'disconnected' })).length).toBe(1));
  const told = (await eventsOf(hub, { node: id })).toReversed();
  expect(told.map(({ kind, nodeName }) => [kind, nodeName])).toEqual([
    ['paired', 'phone'],
    ['connected', 'phone'],
    ['changed', 'old phone'],
    ['changed', 'old phone'],
    ['revoked', 'old phone'],
    ['disconnected', 'old phone'],
  ]);
  expect(told.map(({ text }) => text)).toEqual([
    'phone was paired',
    'phone connected from 127.0.0.1',
    'old phone was changed (it was called phone)',
    'old phone was changed (tags lte; speed limit 20 Mbit/s)',
    'old phone was revoked and its sessions were cut',
    'old phone disconnected: the node was revoked',
  ]);
  expect(await nodeOf(hub, id)).toMatchObject({ state: 'revoked', connected: false, lanes: 0 });
  await expect(rotateNode(hub, id)).rejects.toThrow('is not connected');
  await node.kill();
  await hub.stop();

  const again = await startHub({ dataDir: hub.dataDir });
  const all = (await eventsOf(again)).map(({ kind }) => kind).toReversed();
  const owned = all.filter((kind) => kind !== 'refused');
  expect(owned.slice(0, 5)).toEqual(['hubStarted', 'linkMade', 'paired', 'connected', 'linkMade']);
  expect(owned.slice(-2)).toEqual(['hubStopping', 'hubStarted']);
  expect((await eventsOf(again, { contains: 'OLD phone', limit: 2 })).map(({ kind }) => kind)).toEqual([
    'disconnected',
    'revoked',
  ]);
  await again.stop();
});

test('live streams are listed by node, from every worker', async () => {
  const hub = await startHub({ workers: 2, args: ['--show-targets'] });
  const first = await pairNode(hub);
  const second = await pairNode(hub);
  const held = await openStreams(hub.socks, target.port, 'hold', 4);
  const all = await eventually(async () => {
    const streams = await streamsOf(hub);
    expect(streams.map(({ state }) => state)).toEqual(['open', 'open', 'open', 'open']);
    return streams;
  });
  for (const { target: name, protocol, ageMs } of all) {
    expect([name, protocol]).toEqual([`127.0.0.1:${target.port}`, 'socks']);
    expect(ageMs).toBeGreaterThanOrEqual(0);
  }
  for (const { nodeId } of [first.ready, second.ready]) {
    const own = await streamsOf(hub, nodeId);
    expect(own.map((stream) => stream.nodeId)).toEqual([nodeId, nodeId]);
  }
  for (const { socket } of held) socket.destroy();
  await eventually(async () => expect(await streamsOf(hub)).toEqual([]));
  await Promise.all([first.stop(), second.stop(), hub.stop()]);
});

test('a node asked for a new address drains, runs its command, comes back and reports it', async () => {
  const hub = await startHub({ workers: 1 });
  const done = join(makeTempDir(), 'rotated');
  const node = await pairNode(hub, { args: ['--on-rotate', `echo >> '${done}'`] });
  const { nodeId: id } = node.ready;
  const held = await Stream.open(hub.socks, target.port, 'hold');
  const rotation = rotateNode(hub, id);
  await eventually(async () => (await nodeOf(hub, id)).state === 'rotating');
  await expect(rotateNode(hub, id)).rejects.toThrow('already getting a new address');
  await refuses(hub, 'nodeRotating');
  expect(existsSync(done)).toBe(false);
  held.socket.destroy();
  expect(await rotation).toEqual({
    nodeId: id,
    oldAddress: '127.0.0.1',
    newAddress: '127.0.0.1',
    tookMs: expect.any(Number),
  });
  expect(existsSync(done)).toBe(true);
  await fetches(hub);
  expect(await eventsOf(hub, { kind: 'rotated' })).toMatchObject([{ nodeId: id }]);
  // A node asked again at once says why not, and takes streams all the same.
  await expect(rotateNode(hub, id)).rejects.toThrow(/got no new address: it got one just now/);
  await fetches(hub);
  await Promise.all([node.stop(), hub.stop()]);
});
