// One lane to a hub, whose engine thread and whose hub the test plays: dials, handshakes, and what follows when they fail or end.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Order } from '../../src/engine/messages.ts';
import { NODE } from '../../src/limits/node.ts';
import { HubLane } from '../../src/node/hubLane.ts';
import { HubsFile } from '../../src/node/hubsFile.ts';
import { LaneTurns } from '../../src/node/laneTurns.ts';
import type { Resolution } from '../../src/node/resolver.ts';
import { answerInitiator } from '../../src/noise/handshake.ts';
import { decodeMessage1, encodeMessage2, type Message1Payload } from '../../src/noise/payload.ts';
import { newKeyPair } from '../system/firstContact.ts';

type Dial = Extract<Order, { type: 'dial' }>;

const hubKeys = newKeyPair();
const keyPair = newKeyPair();
const publicKey = Buffer.from(hubKeys.publicKey).toString('base64url');
const TOKEN = new Uint8Array(32).fill(9);

let dir: string;
let hubs: HubsFile;
let orders: Order[];
let resolved: () => Resolution;
let connected: number;
let turns: LaneTurns;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
  dir = mkdtempSync(join(tmpdir(), 'restunnel-lane-'));
  hubs = new HubsFile(dir);
  orders = [];
  connected = 0;
  turns = new LaneTurns();
  resolved = () => ({ addresses: ['192.0.2.1'], ttlMs: 1_000 });
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(dir, { recursive: true, force: true });
});

function makeLane(host = '192.0.2.1', lane = 0): HubLane {
  hubs.pair({ host, port: 9_000, hubPublicKey: hubKeys.publicKey, token: TOKEN }, 'phone');
  return new HubLane({
    index: lane,
    lane,
    publicKey,
    hubs,
    keyPair,
    thread: { post: (order) => void orders.push(order as Order) },
    resolver: { resolve: async () => resolved() },
    turns,
    log: pino({ level: 'silent' }),
    via: () => null,
    status: async () => '{}',
    onConnected: () => {
      connected++;
    },
    onAddresses: () => {},
  });
}

const settle = () => vi.advanceTimersByTimeAsync(0);
const dials = () => orders.filter((order) => order.type === 'dial');
const lastDial = (): Dial => dials().at(-1)!;

/** As the hub does: what it reads in the first message, and its answer. */
function answerTo({ message1 }: Dial): { message2: Uint8Array; read: Message1Payload } {
  let read: Message1Payload | null = null;
  const answer = answerInitiator({
    staticKeyPair: hubKeys,
    message1,
    answer: (_key, payload) => {
      read = decodeMessage1(payload);
      const enrolledAs = read.enroll === null ? null : '0123456789abcdef';
      return encodeMessage2(
        {
          version: 1,
          capabilities: 0xffff,
          initialWindowBytes: 262_144,
          maxStreams: 100,
          observedAddress: '198.51.100.7',
          enrolledAs,
        },
        0,
      );
    },
  });
  return { message2: answer!.message2, read: read! };
}

/** The hub takes the lane's last dial, from this address of ours. */
async function takeDial(lane: HubLane, localAddress = '192.0.2.50'): Promise<Message1Payload> {
  await settle();
  const dial = lastDial();
  lane.hear({ type: 'dialled', dial: dial.dial, localAddress });
  const { message2, read } = answerTo(dial);
  lane.hear({ type: 'message2', dial: dial.dial, message2 });
  await settle();
  lane.hear({ type: 'tunnelUp', index: lane.index, number: dial.dial });
  return read;
}

describe('a lane', () => {
  test('dials, enrolls, and hands its session to the engine thread', async () => {
    const lane = makeLane();
    lane.start();
    const first = await takeDial(lane);
    expect(first).toMatchObject({ lane: 0, enroll: { name: 'phone' } });
    expect(lastDial()).toMatchObject({ addresses: ['192.0.2.1'], port: 9_000 });
    expect(orders.at(-1)).toMatchObject({ type: 'session', dial: lastDial().dial, index: 0, hub: publicKey });
    expect(orders.at(-1)).toMatchObject({ observed: expect.arrayContaining(['198.51.100.7']) });
    expect(lane).toMatchObject({ isConnected: true, localAddress: '192.0.2.50' });
    expect(connected).toBe(1);
    expect(hubs.get(publicKey)).toMatchObject({ nodeId: '0123456789abcdef', token: null });
  });

  test('dials again when its session ends, with a later timestamp and without the token', async () => {
    const lane = makeLane();
    lane.start();
    const first = await takeDial(lane);
    lane.hear({ type: 'tunnelDown', index: 0, number: lastDial().dial, reason: 'the peer is silent' });
    expect(lane).toMatchObject({ isConnected: false, localAddress: '' });
    await vi.advanceTimersByTimeAsync(NODE.backoffMinMs);
    expect(dials()).toHaveLength(2);
    const second = await takeDial(lane);
    expect(second.enroll).toBeNull();
    expect(Buffer.compare(second.timestamp, first.timestamp)).toBe(1);
  });

  test('an answer from somebody other than its hub is no session', async () => {
    const lane = makeLane();
    lane.start();
    await settle();
    const { dial } = lastDial();
    lane.hear({ type: 'dialled', dial, localAddress: '192.0.2.50' });
    lane.hear({ type: 'message2', dial, message2: new Uint8Array(96) });
    await settle();
    expect(orders.at(-1)).toMatchObject({ type: 'hangUp', dial });
    expect(lane.hasDial(dial)).toBe(false);
    await vi.advanceTimersByTimeAsync(NODE.backoffMinMs);
    expect(dials()).toHaveLength(2);
  });

  test('tries the family that worked last first', async () => {
    resolved = () => ({ addresses: ['2001:db8::1', '192.0.2.1', '2001:db8::2'], ttlMs: 1_000 });
    const lane = makeLane('hub.example');
    lane.start();
    await settle();
    expect(lastDial().addresses).toEqual(['2001:db8::1', '192.0.2.1', '2001:db8::2']);
    await takeDial(lane, '192.0.2.50');
    lane.hear({ type: 'tunnelDown', index: 0, number: lastDial().dial, reason: 'it ended' });
    await vi.advanceTimersByTimeAsync(NODE.backoffMinMs);
    expect(lastDial().addresses).toEqual(['192.0.2.1', '2001:db8::1', '2001:db8::2']);
    await takeDial(lane, '2001:db8::50');
    lane.hear({ type: 'tunnelDown', index: 0, number: lastDial().dial, reason: 'it ended' });
    await vi.advanceTimersByTimeAsync(NODE.backoffMaxMs);
    expect(lastDial().addresses[0]).toBe('2001:db8::1');
  });

  test('behind a connection that no session came of, another address goes first', async () => {
    resolved = () => ({ addresses: ['192.0.2.1', '192.0.2.2'], ttlMs: 1_000 });
    const lane = makeLane('hub.example');
    lane.start();
    await settle();
    const { dial } = lastDial();
    lane.hear({ type: 'dialled', dial, localAddress: '192.0.2.50' });
    lane.hear({ type: 'dialFailed', dial, reason: 'the hub answered with something other than a handshake' });
    await vi.advanceTimersByTimeAsync(NODE.backoffMinMs);
    expect(lastDial().addresses).toEqual(['192.0.2.2', '192.0.2.1']);
  });

  test('a name without an answer is asked for again', async () => {
    resolved = () => ({ failure: 'resolverSilent' });
    const lane = makeLane('hub.example');
    lane.start();
    await settle();
    expect(dials()).toEqual([]);
    resolved = () => ({ addresses: ['192.0.2.1'], ttlMs: 1_000 });
    await vi.advanceTimersByTimeAsync(NODE.backoffMinMs);
    expect(dials()).toHaveLength(1);
  });

  test('dials nothing more once it is stopped', async () => {
    const lane = makeLane();
    lane.start();
    await settle();
    const { dial } = lastDial();
    lane.stop();
    expect(orders.at(-1)).toMatchObject({ type: 'hangUp', dial });
    lane.hear({ type: 'dialFailed', dial, reason: 'it was hung up' });
    lane.redial('the network has changed');
    lane.doubt('the network has changed');
    await vi.advanceTimersByTimeAsync(NODE.backoffMaxMs);
    expect(dials()).toHaveLength(1);
  });

  test('waits for its turn: lanes of one hub shake hands one after the other', async () => {
    const first = makeLane();
    const second = makeLane(undefined, 1);
    first.start();
    second.start();
    await settle();
    expect(dials()).toHaveLength(1);
    const one = await takeDial(first);
    const two = await takeDial(second);
    expect(dials()).toHaveLength(2);
    expect([one.lane, two.lane]).toEqual([0, 1]);
    expect(Buffer.compare(two.timestamp, one.timestamp)).toBe(1);
  });
});

describe('when the network has changed, a lane', () => {
  /** So often that the next pause may be a long one. */
  async function failOften(lane: HubLane): Promise<void> {
    lane.start();
    for (let times = 0; times < 12; times++) {
      await vi.advanceTimersByTimeAsync(NODE.backoffMaxMs);
      lane.hear({
        type: 'dialFailed',
        dial: lastDial().dial,
        reason: 'cannot connect to the hub (ENETUNREACH)',
      });
    }
  }

  test('that waits dials at once, and its pauses start over', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.999);
    const lane = makeLane();
    await failOften(lane);
    const known = dials().length;
    await settle();
    expect(dials()).toHaveLength(known);
    lane.doubt('the route to the hub has changed');
    await settle();
    expect(dials()).toHaveLength(known + 1);
    lane.hear({ type: 'dialFailed', dial: lastDial().dial, reason: 'cannot connect to the hub (ETIMEDOUT)' });
    await vi.advanceTimersByTimeAsync(NODE.backoffMinMs);
    expect(dials()).toHaveLength(known + 2);
    vi.restoreAllMocks();
  });

  test('that dials gives up its dial for a new one', async () => {
    const lane = makeLane();
    lane.start();
    await settle();
    const { dial } = lastDial();
    lane.doubt('the route to the hub has changed');
    await settle();
    expect(orders.map(({ type }) => type)).toEqual(['dial', 'hangUp', 'dial']);
    expect(lane.hasDial(dial)).toBe(false);
    await takeDial(lane);
    expect(lane.isConnected).toBe(true);
  });

  test('with a session asks whether its hub is still there, and keeps it', async () => {
    const lane = makeLane();
    lane.start();
    await takeDial(lane);
    lane.doubt('the route to the hub has changed');
    await settle();
    expect(orders.at(-1)).toEqual({ type: 'doubt', dial: lastDial().dial });
    expect(lane.isConnected).toBe(true);
  });

  test('whose own address has gone drops its session and dials at once', async () => {
    const lane = makeLane();
    lane.start();
    await takeDial(lane);
    const { dial } = lastDial();
    lane.redial('the address of this device has gone');
    await settle();
    expect(orders.at(-2)).toMatchObject({ type: 'hangUp', dial });
    expect(dials()).toHaveLength(2);
  });
});
