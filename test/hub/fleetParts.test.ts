// What the owner's fleet consists of, part by part: limits told to the engine, new addresses, who watches, pairing links, and the nodes
// in memory.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { localDay, monthOfDay } from '../../src/base/localTime.ts';
import { UserError } from '../../src/base/userError.ts';
import type { ToFront, ToWorker } from '../../src/engine/messages.ts';
import { FleetKeeper, type KeeperParts } from '../../src/hub/fleet/fleetKeeper.ts';
import type { NodeStatus } from '../../src/hub/fleet/nodeStatus.ts';
import { OwnerFleet } from '../../src/hub/fleet/ownerFleet.ts';
import { type HubSession, Sessions } from '../../src/hub/sessions/sessionTable.ts';
import { DirectStore } from '../../src/hub/store/directStore.ts';
import { Store } from '../../src/hub/store/store.ts';
import { HubMemory } from '../../src/hub/threads/hubMemory.ts';
import { SETTINGS } from '../../src/limits/owner.ts';
import type { LiveTick, NodeChange } from '../../src/model/fleet.ts';
import { formatLink } from '../../src/model/pairingLink.ts';
import { CAPABILITY } from '../../src/noise/payload.ts';
import { timestampAfter } from '../../src/noise/timestamp.ts';
import { makeSlots, SessionSlots, ThreadSlots } from '../../src/ring/slots.ts';

const NOW = Date.UTC(2026, 5, 15, 12);
const TOKEN = /^restunnel:\/\/.*[?&]t=([\w-]*)/;

let dir: string;
let store: Store;
let keeper: FleetKeeper;
let fleet: OwnerFleet;
let cuts: [number, string][];
let sessions: Sessions;
let slots: SessionSlots;
let toFront: ToFront[];
let toWorkers: ToWorker[];

beforeEach(async () => {
  vi.useFakeTimers({
    now: NOW,
    toFake: ['Date', 'setInterval', 'setTimeout', 'clearInterval', 'clearTimeout', 'performance'],
  });
  dir = mkdtempSync(join(tmpdir(), 'restunnel-fleet-'));
  await open();
});
afterEach(async () => {
  await keeper.stop();
  store.close();
  vi.useRealTimers();
  rmSync(dir, { recursive: true, force: true });
});

async function open(): Promise<void> {
  store = new Store(dir);
  const direct = new DirectStore(store);
  const day = localDay(Date.now());
  const contents = await direct.ask('load', monthOfDay(day), day);
  sessions = new Sessions(1, 1_000);
  const shared = makeSlots(1);
  slots = new SessionSlots(shared);
  toFront = [];
  toWorkers = [];
  const parts: KeeperParts = {
    store: direct,
    contents,
    sessions,
    slots: shared,
    threads: 1,
    log: pino({ level: 'silent' }),
    showTargets: false,
    proxyHeaders: true,
    linksOf: (token) => ({
      link: formatLink({
        host: 'hub.example.org',
        port: 9_000,
        hubPublicKey: new Uint8Array(32).fill(7),
        token,
      }),
      webSocketLink: null,
      bothWaysLink: null,
    }),
    toFront: (message) => toFront.push(message),
    toWorker: (_, message) => toWorkers.push(message),
    cut: (session, reason) => cuts.push([session.index, reason]),
  };
  cuts = [];
  keeper = new FleetKeeper(parts);
  const facts = {
    version: '0.1.0',
    addresses: { tunnel: 't', socks: 's', http: 'h', dashboard: 'd' },
    publicKey: 'key',
    io: 'epoll',
    workers: 0,
  };
  const { log } = parts;
  const memory = new HubMemory({ slots: shared, threads: 1, maxBytes: 64_000_000, log });
  fleet = new OwnerFleet(keeper, facts, memory);
  keeper.start('0.1.0');
}

/** Pairs a device with a link of the fleet's; its id. */
async function pair(key: number, name: string): Promise<string> {
  const { link } = await fleet.pair({ name, ttlMs: 60_000 });
  const token = new Uint8Array(Buffer.from(TOKEN.exec(link)![1]!, 'base64url'));
  const publicKey = new Uint8Array(32).fill(key);
  const request = { publicKey, timestamp: timestampAfter(Date.now(), null), nowMs: Date.now() };
  const verdict = store.admit({ ...request, enroll: { token, name: '' } });
  if (verdict.verdict === 'refuse') throw new Error(verdict.why);
  keeper.admitted(verdict.node, token);
  return verdict.node.id;
}

function connect(
  nodeId: string,
  { lane = 0, capabilities = CAPABILITY.control as number, webSocket = false } = {},
): HubSession {
  const { stored } = keeper.book.get(nodeId)!;
  const session = sessions.add(
    stored,
    { lane, capabilities, address: '192.0.2.1', webSocket },
    performance.now(),
  ) as HubSession;
  slots.reset(session.index);
  session.up = true;
  keeper.connected(session);
  return session;
}

function leave(session: HubSession): void {
  sessions.remove(session);
  keeper.disconnected(session, 'it left', Date.now());
}

const said = <T extends ToFront['type'] | ToWorker['type']>(type: T) =>
  [...toFront, ...toWorkers].filter((message) => message.type === type);
const routings = () =>
  said('routing').map((message) => (message as Extract<ToFront, { type: 'routing' }>).routing);
const paces = () =>
  said('pace').map((message) => {
    const { number, bytesPerSecond } = message as Extract<ToWorker, { type: 'pace' }>;
    return [number, bytesPerSecond];
  });

const STATUS: NodeStatus = {
  platform: 'android',
  network: 'cellular',
  version: '0.1.0',
  batteryPercent: 80,
  charging: false,
  publicAddress: '198.51.100.7',
  canRotate: null,
  via: null,
  rotation: null,
  hubList: null,
};

test('the status says what waits in the hub, on all its threads', () => {
  new ThreadSlots(keeper.parts.slots, 0).set('heldKib', 3);
  expect(fleet.status()).toMatchObject({ heldBytes: 3_072, heldMaxBytes: 64_000_000 });
});

test('a view says how the node comes, session by session', async () => {
  const id = await pair(1, 'phone');
  const wayOf = () => {
    const { way, via } = fleet.node(id);
    return [way, via];
  };
  expect(wayOf()).toEqual([null, null]);
  const direct = connect(id);
  expect(wayOf()).toEqual(['tcp', null]);
  keeper.heardStatus(direct, STATUS);
  const inside = connect(id, { lane: 1, webSocket: true });
  expect(wayOf()).toEqual(['both', null]);
  keeper.heardStatus(inside, { ...STATUS, via: 'http' });
  expect(wayOf()).toEqual(['both', 'http']);
  leave(direct);
  expect(wayOf()).toEqual(['webSocket', 'http']);
  leave(inside);
  expect(wayOf()).toEqual([null, null]);
  const events = await fleet.events({ kinds: ['connected'], limit: 10 });
  expect(events.map(({ text }) => text)).toEqual([
    'phone connected from 192.0.2.1, inside a WebSocket, as its lane 1',
    'phone connected from 192.0.2.1',
  ]);
});

describe('limits', () => {
  test('reach the front before the first route, and afterwards only when they change', async () => {
    const id = await pair(1, 'phone');
    await fleet.change(id, { tags: ['lte'], country: 'DE', limits: { streams: 5 } });
    expect(toFront).toEqual([]);
    const session = connect(id);
    const routing = {
      nodeId: id,
      name: 'phone',
      tags: ['lte'],
      country: 'DE',
      platform: null,
      net: null,
      publicAddress: '192.0.2.1',
      canRotate: null,
      closedFor: null,
      streamsMax: 5,
    };
    expect(routings()).toEqual([routing]);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(routings().length).toBe(1);
    keeper.heardStatus(session, STATUS);
    expect(routings().at(-1)).toEqual({
      ...routing,
      platform: 'android',
      net: 'cellular',
      publicAddress: '198.51.100.7',
    });
    await fleet.change('phone', { name: 'old phone', paused: true });
    expect(routings().at(-1)).toMatchObject({ name: 'old phone', closedFor: 'paused' });
    expect(routings().length).toBe(3);
    await fleet.revoke(id);
    expect(toFront.at(-1)).toEqual({ type: 'forgetNode', nodeId: id });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(routings().length).toBe(3);
  });

  test('hours close and open a node by the clock', async () => {
    const clock = (ms: number) => new Date(ms).toTimeString().slice(0, 5);
    const id = await pair(1, 'phone');
    connect(id);
    await fleet.change(id, { limits: { hours: `${clock(NOW + 60_000)}-${clock(NOW + 180_000)}` } });
    const states: string[] = [fleet.node(id).state];
    for (let minute = 0; minute < 4; minute++) {
      await vi.advanceTimersByTimeAsync(60_000);
      states.push(fleet.node(id).state);
    }
    expect(states).toEqual(['offHours', 'connected', 'connected', 'offHours', 'offHours']);
    expect(routings().map(({ closedFor }) => closedFor)).toEqual([null, 'offHours', null, 'offHours']);
  });

  test('a rate is shared by the lanes, as they come and go', async () => {
    const id = await pair(1, 'phone');
    await fleet.change(id, { limits: { mbitPerSecond: 8 } });
    const first = connect(id);
    expect(paces()).toEqual([[1, 1_000_000]]);
    const second = connect(id, { lane: 1 });
    expect(paces().slice(1)).toEqual([
      [1, 500_000],
      [2, 500_000],
    ]);
    leave(first);
    expect(paces().slice(3)).toEqual([[2, 1_000_000]]);
    await fleet.change(id, { limits: { mbitPerSecond: null } });
    expect(paces().slice(4)).toEqual([[2, null]]);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(paces().length).toBe(5);
    leave(second);
    expect(connect(id).number).toBe(3);
    expect(paces().length).toBe(5);
  });

  test('a quota set below what the month has used is reported like one that is used up', async () => {
    const id = await pair(1, 'phone');
    const session = connect(id);
    slots.opened(session.index);
    slots.setBytes(session.index, 400, 500, 1);
    await vi.advanceTimersByTimeAsync(1_000);
    await fleet.change(id, { limits: { monthlyBytes: 800 } });
    expect(said('resetStreams').length).toBe(1);
    expect((await fleet.events({ kinds: ['overQuota'], limit: 9 })).length).toBe(1);
  });

  test('a quota ends streams, even a paused node’s and those that slip in; a new month opens the node again', async () => {
    vi.setSystemTime(new Date(2026, 5, 30, 23, 59, 30));
    const id = await pair(1, 'phone');
    const session = connect(id);
    await fleet.change(id, { paused: true, limits: { monthlyBytes: 1_000 } });
    slots.opened(session.index);
    slots.setBytes(session.index, 400, 500, 1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(said('resetStreams')).toEqual([]);
    slots.setBytes(session.index, 500, 500, 1);
    await vi.advanceTimersByTimeAsync(2_000);
    const reset = {
      type: 'resetStreams',
      index: session.index,
      number: session.number,
      failure: 'nodeOverQuota',
    };
    expect(said('resetStreams')).toEqual([reset, reset]);
    slots.closed(session.index);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(said('resetStreams').length).toBe(2);
    expect(fleet.node(id)).toMatchObject({ state: 'paused', month: { upBytes: 500, downBytes: 500 } });
    await fleet.change(id, { paused: false });
    expect(routings().at(-1)!.closedFor).toBe('overQuota');
    expect((await fleet.events({ kinds: ['overQuota'], limit: 9 })).length).toBe(1);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(routings().at(-1)!.closedFor).toBe(null);
    expect(fleet.node(id)).toMatchObject({ state: 'connected', month: { upBytes: 0, downBytes: 0 } });
  });

  test('a hub of a cluster goes by its share of them, and says what the whole is', async () => {
    const id = await pair(1, 'phone');
    await fleet.change(id, { limits: { mbitPerSecond: 8, streams: 100, monthlyBytes: 5e9 } });
    let share = { mbitPerSecond: 2, streams: 10, monthlyBytes: 1_000 };
    keeper.limits.limitsHere = (_nodeId, settings) => ({
      ...settings,
      limits: { ...settings.limits, ...share },
    });
    const session = connect(id);
    expect(paces()).toEqual([[1, 250_000]]);
    expect(routings().at(-1)).toMatchObject({ streamsMax: 10, closedFor: null });
    slots.opened(session.index);
    await vi.advanceTimersByTimeAsync(1_000);
    slots.setBytes(session.index, 500, 500, 1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(routings().at(-1)!.closedFor).toBe('overQuota');
    expect(said('resetStreams').length).toBe(1);
    expect((await fleet.events({ kinds: ['overQuota'], limit: 9 }))[0]!.text).toContain('5 GB');
    share = { ...share, streams: 12, monthlyBytes: 2_000 };
    keeper.apply(id);
    expect(routings().at(-1)).toMatchObject({ streamsMax: 12, closedFor: null });
    expect(fleet.node(id).limits).toMatchObject({ streams: 100, monthlyBytes: 5e9 });
  });

  test('a bad change changes nothing, not even the name', async () => {
    const id = await pair(1, 'phone');
    await pair(2, 'tv');
    const bad: NodeChange[] = [
      { name: 'new', country: 'x' },
      { name: 'tv', paused: true },
      { name: ' ', paused: true },
      { name: 'x'.repeat(65), paused: true },
    ];
    for (const change of bad) await expect(fleet.change(id, change)).rejects.toThrow(UserError);
    expect(fleet.node(id)).toMatchObject({ name: 'phone', paused: false, country: null });
  });
});

describe('a new address', () => {
  const answer = (request: number) => ({
    request,
    oldAddress: '192.0.2.1',
    newAddress: '192.0.2.9',
    tookMs: 1_234,
    error: null,
  });
  const asked = () => said('askRotation') as Extract<ToWorker, { type: 'askRotation' }>[];
  const hear = (session: HubSession, rotation: NodeStatus['rotation']) =>
    keeper.heardStatus(session, { ...STATUS, rotation });

  test('is asked for once the streams have ended; the answer may come over another session', async () => {
    const id = await pair(1, 'phone');
    const session = connect(id);
    slots.opened(session.index);
    const rotation = fleet.rotate('phone');
    await vi.advanceTimersByTimeAsync(3_000);
    expect([asked().length, routings().at(-1)!.closedFor]).toEqual([0, 'rotating']);
    slots.closed(session.index);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(asked()).toMatchObject([{ index: session.index, number: session.number }]);
    leave(session);
    expect(fleet.node(id).state).toBe('rotating');
    const again = connect(id);
    const { request } = asked()[0]!;
    hear(again, { ...answer(request + 1), ok: true });
    hear(again, { ...answer(request), ok: true });
    expect(await rotation).toEqual({
      nodeId: id,
      oldAddress: '192.0.2.1',
      newAddress: '192.0.2.9',
      tookMs: 1_234,
    });
    expect(routings().at(-1)!.closedFor).toBe(null);
    expect(await fleet.events({ kinds: ['rotated'], limit: 9 })).toMatchObject([
      { text: 'phone has a new address after 1.2 s: 192.0.2.1 became 192.0.2.9' },
    ]);
  });

  test('is not called new when the hub still sees the old one', async () => {
    const session = connect(await pair(1, 'phone'));
    const rotation = fleet.rotate('phone');
    await vi.advanceTimersByTimeAsync(SETTINGS.drainLookMs);
    const { address } = session;
    hear(session, { ...answer(asked()[0]!.request), oldAddress: address, newAddress: null, ok: true });
    await rotation;
    expect(await fleet.events({ kinds: ['rotated'], limit: 9 })).toMatchObject([
      { text: `phone has done what it does for a new address in 1.2 s, but still comes from ${address}` },
    ]);
  });

  test('waits for streams only so long', async () => {
    const session = connect(await pair(1, 'phone'));
    slots.opened(session.index);
    const rotation = fleet.rotate('phone');
    await vi.advanceTimersByTimeAsync(SETTINGS.rotationDrainMs + 200);
    hear(session, { ...answer(asked()[0]!.request), ok: false, error: 'it was started without --on-rotate' });
    await expect(rotation).rejects.toThrow(
      new UserError('phone got no new address: it was started without --on-rotate'),
    );
    expect(fleet.node('phone').state).toBe('connected');
  });

  test('a node that says it cannot is not asked, and its streams stay', async () => {
    const session = connect(await pair(1, 'phone'));
    slots.opened(session.index);
    keeper.heardStatus(session, { ...STATUS, canRotate: false });
    await expect(fleet.rotate('phone')).rejects.toThrow(
      new UserError('phone got no new address: it was started without --on-rotate'),
    );
    expect(routings().map(({ closedFor }) => closedFor)).not.toContain('rotating');
    expect(asked()).toEqual([]);
  });

  test('is offered only where the device can: its view says so', async () => {
    const session = connect(await pair(1, 'phone'));
    expect(fleet.node('phone').canRotate).toBe(null);
    keeper.heardStatus(session, { ...STATUS, canRotate: false });
    expect(fleet.node('phone').canRotate).toBe(false);
    keeper.heardStatus(session, { ...STATUS, canRotate: true });
    leave(session);
    expect(fleet.node('phone').canRotate).toBe(true);
  });

  test('for clients, comes with a pause for each node, and a longer one for each user', async () => {
    const id = await pair(1, 'phone');
    const session = connect(id);
    const rotateFor = async (user: string) => {
      const rotation = fleet.rotateFor(user, id);
      await vi.advanceTimersByTimeAsync(SETTINGS.drainLookMs);
      hear(session, { ...answer(asked().at(-1)!.request), ok: true });
      await rotation;
    };
    await rotateFor('alice');
    await expect(fleet.rotateFor('alice', id)).rejects.toThrow('again in 60 s');
    await expect(fleet.rotateFor('bob', id)).rejects.toThrow('again in 30 s');
    expect(asked().length).toBe(1);
    await vi.advanceTimersByTimeAsync(SETTINGS.rotationNodePauseMs);
    await rotateFor('bob');
    await vi.advanceTimersByTimeAsync(SETTINGS.rotationNodePauseMs);
    await rotateFor('alice');
    expect(asked().length).toBe(3);
  });

  test('is an error when it does not come in time, or when the node is revoked', async () => {
    const first = await pair(1, 'phone');
    connect(first);
    const late = expect(fleet.rotate('phone')).rejects.toThrow(/did not say within 180 s/);
    await expect(fleet.rotate('phone')).rejects.toThrow(/already/);
    await vi.advanceTimersByTimeAsync(SETTINGS.rotationTimeoutMs);
    await late;
    expect(fleet.node('phone').state).toBe('connected');
    const revoked = expect(fleet.rotate('phone')).rejects.toThrow('phone was revoked');
    await fleet.revoke('phone');
    await revoked;
    await pair(2, 'tv');
    await expect(fleet.rotate('tv')).rejects.toThrow('tv is not connected');
    connect(fleet.node('tv').id, { capabilities: 0 });
    await expect(fleet.rotate('tv')).rejects.toThrow(/update it/);
  });

  test('comes by schedule; a failure becomes an event', async () => {
    const session = connect(await pair(1, 'phone'));
    await fleet.change('phone', { rotateSchedule: 'every 30m' });
    await vi.advanceTimersByTimeAsync(29 * 60_000);
    expect(asked().length).toBe(0);
    await vi.advanceTimersByTimeAsync(2 * 60_000);
    expect(asked().length).toBe(1);
    hear(session, { ...answer(asked()[0]!.request), ok: false, error: 'no' });
    await vi.advanceTimersByTimeAsync(0);
    expect(await fleet.events({ kinds: ['warning'], limit: 9 })).toMatchObject([
      { nodeName: 'phone', text: 'no new address by the schedule of phone: phone got no new address: no' },
    ]);
    await vi.advanceTimersByTimeAsync(30 * 60_000);
    expect(asked().length).toBe(2);
  });
});

describe('a watcher', () => {
  test('hears once a second what has changed, and nothing from before it came', async () => {
    const id = await pair(1, 'phone');
    await pair(2, 'tv');
    const ticks: LiveTick[] = [];
    const end = fleet.watch((tick) => ticks.push(tick));
    await vi.advanceTimersByTimeAsync(2_000);
    expect(ticks.map(({ nodes, events }) => [nodes.length, events.length])).toEqual([
      [0, 0],
      [0, 0],
    ]);
    const session = connect(id);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(ticks.at(-1)).toMatchObject({
      hub: { nodesConnected: 1, nodesPaired: 2 },
      nodes: [{ name: 'phone', state: 'connected' }],
      events: [{ kind: 'connected' }],
    });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(ticks.at(-1)!.nodes).toEqual([]);
    slots.setBytes(session.index, 0, 5_000, 20);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(ticks.at(-1)).toMatchObject({
      hub: { downBytesPerSecond: 5_000 },
      nodes: [{ downBytesPerSecond: 5_000, roundTripMs: 20, today: { downBytes: 5_000 } }],
    });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(ticks.at(-1)!.nodes).toMatchObject([{ downBytesPerSecond: 0 }]);
    await fleet.change('tv', { paused: true });
    leave(session);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(
      ticks
        .at(-1)!
        .nodes.map(({ name, state }) => [name, state])
        .sort(),
    ).toEqual([
      ['phone', 'away'],
      ['tv', 'away'],
    ]);
    expect(ticks.at(-1)!.events.map(({ kind }) => kind)).toEqual(['changed', 'disconnected']);
    end();
    const count = ticks.length;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(ticks.length).toBe(count);
    connect(id);
    await vi.advanceTimersByTimeAsync(1_000);
    fleet.watch((tick) => ticks.push(tick));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(ticks.at(-1)).toMatchObject({ nodes: [], events: [] });
  });

  test('hears that a node which left in the middle of a transfer moves nothing any more', async () => {
    const session = connect(await pair(1, 'phone'));
    const ticks: LiveTick[] = [];
    fleet.watch((tick) => ticks.push(tick));
    await vi.advanceTimersByTimeAsync(1_000);
    slots.setBytes(session.index, 0, 5_000, 20);
    leave(session);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(ticks.at(-1)!.nodes).toMatchObject([{ state: 'away', downBytesPerSecond: 5_000 }]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(ticks.at(-1)!.nodes).toMatchObject([{ state: 'away', downBytesPerSecond: 0 }]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(ticks.at(-1)!.nodes).toEqual([]);
  });

  test('hears of each move of a node to which nothing was done, and of nothing when it rests', async () => {
    const session = connect(await pair(1, 'phone'));
    const ticks: LiveTick[] = [];
    fleet.watch((tick) => ticks.push(tick));
    const next = async () => {
      await vi.advanceTimersByTimeAsync(1_000);
      return ticks.at(-1)!.nodes;
    };
    await next();
    expect(await next()).toEqual([]);
    slots.setBytes(session.index, 0, 0, 35);
    expect(await next()).toMatchObject([{ roundTripMs: 35 }]);
    expect(await next()).toEqual([]);
    for (let stream = 0; stream < 2; stream++) slots.opened(session.index);
    expect(await next()).toMatchObject([{ streams: 2 }]);
    expect(await next()).toEqual([]);
    slots.setBytes(session.index, 10, 0, 35);
    expect(await next()).toMatchObject([{ upBytesPerSecond: 10, today: { upBytes: 10 } }]);
    expect(await next()).toMatchObject([{ upBytesPerSecond: 0, today: { upBytes: 10 } }]);
    expect(await next()).toEqual([]);
  });

  test('may stop watching while it is being called', async () => {
    const ends: (() => void)[] = [];
    let told = 0;
    for (let at = 0; at < 3; at++) {
      ends.push(
        fleet.watch(() => {
          told++;
          for (const end of ends) end();
        }),
      );
    }
    await vi.advanceTimersByTimeAsync(3_000);
    expect(told).toBe(3);
  });
});

test('events are written once a second, and so is when nodes were seen last', async () => {
  const phone = await pair(1, 'phone');
  await vi.advanceTimersByTimeAsync(1_000);
  const rows = () => Number(store.database.prepare('SELECT count(*) AS n FROM events').get()!.n);
  const seenAtMs = () => store.listNodes()[0]!.lastSeenAtMs;
  const [before, pairedAtMs] = [rows(), seenAtMs()];
  for (let at = 0; at < 3; at++) leave(connect(phone));
  await vi.advanceTimersByTimeAsync(999);
  expect([rows(), seenAtMs()]).toEqual([before, pairedAtMs]);
  await vi.advanceTimersByTimeAsync(1);
  expect([rows(), seenAtMs()]).toEqual([before + 6, pairedAtMs + 1_000]);
});

describe('pairing links', () => {
  test('are open, used, expired or cancelled', async () => {
    const { id, link } = await fleet.pair({ name: 'phone', ttlMs: 60_000 });
    expect(link).toMatch(TOKEN);
    expect(fleet.pairing(id)).toMatchObject({ state: 'open', nodeId: null });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(fleet.pairing(id).state).toBe('expired');
    expect((await fleet.cancelPairing(id)).state).toBe('expired');
    const other = await fleet.pair({ name: null, ttlMs: 60_000 });
    expect((await fleet.cancelPairing(other.id)).state).toBe('cancelled');
    expect((await fleet.cancelPairing(other.id)).state).toBe('cancelled');
    const token = new Uint8Array(Buffer.from(TOKEN.exec(other.link)![1]!, 'base64url'));
    const request = {
      publicKey: new Uint8Array(32).fill(9),
      timestamp: timestampAfter(Date.now(), null),
      nowMs: Date.now(),
    };
    expect(store.admit({ ...request, enroll: { token, name: '' } })).toEqual({
      verdict: 'refuse',
      why: 'token',
    });
    expect(() => fleet.pairing('invented')).toThrow(UserError);
    await expect(fleet.pair({ name: null, ttlMs: 1 })).rejects.toThrow(UserError);
    await expect(fleet.pair({ name: 'ä'.repeat(33), ttlMs: 60_000 })).rejects.toThrow(
      /at most 64 bytes.* has 66$/,
    );
  });

  test('go by the name that the device will get', async () => {
    for (const name of ['a\u001b[31m\nb', ' \u200b']) await fleet.pair({ name, ttlMs: 60_000 });
    expect((await fleet.events({ kinds: ['linkMade'], limit: 9 })).map(({ text }) => text)).toEqual([
      'a pairing link was made',
      'a pairing link was made for a[31m b',
    ]);
  });

  test('say which node used them, for as long as anybody may ask', async () => {
    const made = await fleet.pair({ name: 'phone', ttlMs: 1_000_000 });
    const token = new Uint8Array(Buffer.from(TOKEN.exec(made.link)![1]!, 'base64url'));
    const publicKey = new Uint8Array(32).fill(1);
    const request = { publicKey, timestamp: timestampAfter(Date.now(), null), nowMs: Date.now() };
    const verdict = store.admit({ ...request, enroll: { token, name: '' } });
    if (verdict.verdict === 'refuse') throw new Error(verdict.why);
    keeper.admitted(verdict.node, token);
    const { id: nodeId } = verdict.node;
    expect(fleet.pairing(made.id)).toMatchObject({
      state: 'used',
      nodeId,
      nodeName: 'phone',
      nodeConnected: false,
    });
    connect(nodeId);
    expect(fleet.pairing(made.id).nodeConnected).toBe(true);
    expect((await fleet.cancelPairing(made.id)).state).toBe('used');
    await vi.advanceTimersByTimeAsync(3_000_000);
    await fleet.pair({ name: null, ttlMs: 60_000 });
    expect(fleet.pairing(made.id)).toMatchObject({ state: 'used', nodeName: 'phone' });
    await vi.advanceTimersByTimeAsync(3_000_000);
    await fleet.pair({ name: null, ttlMs: 60_000 });
    expect(() => fleet.pairing(made.id)).toThrow(UserError);
  });
});

test('the nodes in memory are those in the store, even after a restart', async () => {
  const phone = await pair(1, 'phone');
  await pair(2, 'attic');
  await pair(3, 'tv');
  await fleet.change('attic', { tags: ['home'] });
  await fleet.revoke('attic');
  leave(connect(phone));
  const before = fleet.nodes();
  expect(before.map(({ name, state }) => [name, state])).toEqual([
    ['phone', 'away'],
    ['tv', 'away'],
    ['attic', 'revoked'],
  ]);
  expect(store.listNodes().map(({ id }) => id)).toEqual(before.map(({ id }) => id));
  await keeper.stop();
  store.close();
  await open();
  expect(fleet.nodes()).toEqual(before.map((view) => ({ ...view, publicAddress: null })));
  expect(fleet.node('attic').tags).toEqual(['home']);
});

test('a revoke that the disk does not take cuts the device first, says so, and is written when there is room', async () => {
  const phone = await pair(1, 'phone');
  const session = connect(phone);
  store.database.exec(`
    CREATE TABLE full (id INTEGER PRIMARY KEY AUTOINCREMENT);
    INSERT INTO full VALUES (9223372036854775807);
    CREATE TABLE last (id INTEGER PRIMARY KEY);
    INSERT INTO last VALUES (1); -- the id that Node 26 reads after each statement must fit
    CREATE TRIGGER full_update BEFORE UPDATE ON nodes BEGIN INSERT INTO full VALUES (NULL); END;`);
  await expect(fleet.revoke('phone')).rejects.toThrow(
    /^phone was cut off and stays out while this hub runs, but that is not on the disk yet: [^\n]*full/,
  );
  expect(cuts).toEqual([[session.index, 'the node was revoked']]);
  expect(fleet.node('phone')).toMatchObject({ revoked: true });
  expect(await fleet.events({ kinds: ['revoked'], limit: 1 })).toMatchObject([{ nodeName: 'phone' }]);
  store.database.exec('DROP TRIGGER full_update');
  const written = () => store.database.prepare('SELECT revoked_at FROM nodes').get()?.revoked_at;
  expect(written()).toBe(null);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(written()).toEqual(expect.any(Number));
});
