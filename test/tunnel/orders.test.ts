// A session and its rate: orders go out as CONTROL, come in and are kept, and streams share what the rate allows.

import { afterEach, describe, expect, test } from 'vitest';
import { ENGINE } from '../../src/limits/engine.ts';
import { PACE } from '../../src/limits/path.ts';
import { RATE, SESSION } from '../../src/limits/session.ts';
import { CAPABILITY } from '../../src/noise/payload.ts';
import { connectPayload, encodeFrames, frame, TYPE } from './framesTwin.ts';
import { inboundPool, outboundPool, RawPeer, say, takeAll, write } from './rawPeer.ts';

const FIRST = 0x10000;
const RATE_BYTES = 1_000_000;
/** Of one direction after a pause: the bucket and one quantum of debt. */
const BURST = (RATE_BYTES * (PACE.burstMs + PACE.quantumMs)) / 1_000;

afterEach(() => {
  const taken = [outboundPool.taken, inboundPool.taken];
  outboundPool.taken = 0;
  inboundPool.taken = 0;
  expect(taken).toEqual([0, 0]);
});

function control(json: string) {
  return frame(TYPE.CONTROL, 0, Buffer.from(json));
}

function controlsOf(peer: RawPeer): unknown[] {
  return peer
    .sentFrames()
    .filter(({ type }) => type === TYPE.CONTROL)
    .map(({ payload }) => JSON.parse(Buffer.from(payload).toString()) as unknown);
}

/** A node whose streams 0 .. streams - 1 are open. */
function openNode(streams: number, onRoom: (slot: number) => void = () => {}): RawPeer {
  const peer = new RawPeer(false, { onRoom });
  for (let slot = 0; slot < streams; slot++) {
    peer.send(frame(TYPE.CONNECT, FIRST + slot, connectPayload('h', 1)));
    peer.session.accept(slot);
    peer.send(say.window(FIRST + slot, 16_000_000));
  }
  peer.sent();
  return peer;
}

describe('orders', () => {
  test('go out together, the last of each kind', () => {
    const hub = new RawPeer(true);
    expect(hub.session.sendControl({ pace: { bytesPerSecond: 1 } })).toBe(true);
    hub.session.sendControl({ rotate: { request: 7 } });
    hub.session.sendControl({ pace: { bytesPerSecond: null } });
    expect(hub.session.holdsOrders).toBe(true);
    expect(controlsOf(hub)).toEqual([{ pace: { bytesPerSecond: null }, rotate: { request: 7 } }]);
    expect(hub.session.holdsOrders).toBe(false);
    expect(hub.session.owesNothing).toBe(true);
  });

  test('a list of hubs goes out part by part with the other orders, and a newer list takes the place of the rest', () => {
    const hub = new RawPeer(true);
    const parts = (number: number, count: number) =>
      Array.from({ length: count }, (_, part) => ({ number, part, parts: count, data: `part${part}` }));
    hub.session.sendHubList(parts(1, 3));
    hub.session.sendControl({ rotate: { request: 7 } });
    expect(controlsOf(hub)).toEqual([
      { rotate: { request: 7 }, hubs: parts(1, 3)[0] },
      { hubs: parts(1, 3)[1] },
      { hubs: parts(1, 3)[2] },
    ]);
    hub.session.sendHubList(parts(2, 40));
    const first = controlsOf(hub).length;
    expect(first).toBe(RATE.controlSentBurst - 3);
    expect(hub.session.holdsOrders).toBe(true);
    hub.session.sendHubList(parts(3, 1));
    hub.session.nowMs += 1_000;
    expect(controlsOf(hub)).toEqual([{ hubs: parts(3, 1)[0] }]);
    expect(hub.session.holdsOrders).toBe(false);
  });

  test('a node that knows no CONTROL gets no list', () => {
    const hub = new RawPeer(true, {}, undefined, 0);
    hub.session.sendHubList([{ number: 1, part: 0, parts: 1, data: 'x' }]);
    expect(hub.session.holdsOrders).toBe(false);
    expect(controlsOf(hub)).toEqual([]);
  });

  test('a hub never sends more of them than a node allows, and the last one comes', () => {
    const hub = new RawPeer(true);
    const node = new RawPeer(false);
    let sent = 0;
    let seen: unknown = null;
    for (let nowMs = 0; nowMs < 100_000; nowMs += 50) {
      hub.session.nowMs = nowMs;
      if (nowMs < 60_000) hub.session.sendControl({ pace: { bytesPerSecond: nowMs + 1 } });
      for (const one of hub.sentFrames().filter(({ type }) => type === TYPE.CONTROL)) {
        sent++;
        node.sendPlain(encodeFrames([one]), nowMs);
        seen = JSON.parse(Buffer.from(one.payload).toString());
      }
    }
    expect(sent).toBeGreaterThan(RATE.controlSentBurst);
    expect(seen).toEqual({ pace: { bytesPerSecond: 59_951 } });
  });

  test('a node that does not know them gets none, and takes none', () => {
    const hub = new RawPeer(true, {}, undefined, CAPABILITY.goaway);
    expect(hub.session.sendControl({ rotate: { request: 1 } })).toBe(false);
    expect(hub.sent()).toEqual([]);
    const node = new RawPeer(false, {}, undefined, CAPABILITY.goaway);
    expect(() => node.send(control('{}'))).toThrow(/not agreed/);
    node.release();
  });

  test('a node gets the orders that it knows', () => {
    const node = openNode(0);
    expect(node.send(control('{"later":1,"rotate":{"request":3}}'))).toEqual([
      'control {"rotate":{"request":3}}',
    ]);
    expect(node.send(control(`{"later":"${'x'.repeat(SESSION.controlMaxBytes - 12)}"}`))).toHaveLength(1);
    expect(() => node.send(control(`{"later":"${'x'.repeat(SESSION.controlMaxBytes - 11)}"}`))).toThrow(
      /CONTROL of 1025 bytes/,
    );
    node.release();
  });
});

describe('a rate', () => {
  /** Offers bytes on all streams for so long, at every timer tick, as sockets do that always have some. */
  function run(streams: number, ms: number): { peer: RawPeer; sent: number[] } {
    const sent = new Array<number>(streams).fill(0);
    const pump = (slot: number) => {
      sent[slot]! += write(peer.session, slot, new Uint8Array(100_000));
    };
    const peer = openNode(streams, pump);
    peer.send(control(`{"pace":{"bytesPerSecond":${RATE_BYTES}}}`));
    for (let slot = 0; slot < streams; slot++) pump(slot);
    for (let nowMs = 0; nowMs <= ms; nowMs += ENGINE.timerTickMs) {
      peer.session.nowMs = nowMs;
      peer.sentFrames();
      if (peer.session.hasBlocked) peer.session.wakeBlocked();
      expect(peer.session.paceDueInMs).toBeGreaterThanOrEqual(0);
    }
    return { peer, sent };
  }

  test.each([1, 2, 7])('is kept by %i streams together, each with its share', (streams) => {
    const ms = 5_000;
    const { peer, sent } = run(streams, ms);
    const total = sent.reduce((sum, bytes) => sum + bytes, 0);
    const due = (RATE_BYTES * ms) / 1_000;
    expect(total).toBeLessThanOrEqual(due + BURST);
    expect(total).toBeGreaterThan(0.97 * due);
    const share = total / streams;
    for (const bytes of sent) expect(Math.abs(bytes - share) / share).toBeLessThan(0.1);
    peer.release();
  });

  test('is taken away again, and nobody waits any longer', () => {
    const { peer, sent } = run(2, 1_000);
    const before = [...sent];
    peer.send(control('{"pace":{"bytesPerSecond":null}}'));
    for (let turn = 0; turn < 10; turn++) {
      takeAll(peer.session);
      peer.session.wakeBlocked();
    }
    for (const [slot, bytes] of before.entries()) expect(sent[slot]! - bytes).toBeGreaterThan(BURST);
    expect(peer.session.paceDueInMs).toBe(-1);
    peer.release();
  });

  test('holds back no control frame', () => {
    const { peer } = run(1, 1_000);
    peer.sent();
    peer.send(frame(TYPE.PING, 0, new Uint8Array(8)));
    peer.session.end(0);
    expect(peer.sent()).toEqual(['PONG 0 0000000000000000', 'CLOSE 10000 00']);
    peer.release();
  });

  test('tells no more streams of room than it has room for', () => {
    const told: number[] = [];
    const peer = openNode(500, (slot) => told.push(slot));
    peer.send(control(`{"pace":{"bytesPerSecond":${RATE_BYTES}}}`));
    for (let slot = 0; slot < 500; slot++) write(peer.session, slot, new Uint8Array(100_000));
    takeAll(peer.session);
    told.length = 0;
    peer.session.nowMs = 50;
    peer.session.wakeBlocked();
    expect(told.length).toBeGreaterThan(0);
    expect(told.length).toBeLessThanOrEqual(50 / PACE.quantumMs + 1);
    peer.release();
  });
});
