// What the shared counters become: per node and for all, once each, whatever sessions come and go between samples. And what that costs.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type HubSession, Sessions } from '../../src/hub/sessions/sessionTable.ts';
import type { StoredNode } from '../../src/hub/store/storedNode.ts';
import { RecentTraffic } from '../../src/hub/traffic/recentTraffic.ts';
import { Rollup } from '../../src/hub/traffic/rollup.ts';
import { Traffic } from '../../src/hub/traffic/traffic.ts';
import { makeSlots, SessionSlots, ThreadSlots } from '../../src/ring/slots.ts';

const SINCE = '2026-06-15T12:00:00.000Z';

function nodeOf(id: string): StoredNode {
  return { id, publicKey: new Uint8Array(32), name: id, createdAtMs: 0, lastSeenAtMs: 0, revokedAtMs: null };
}

function rig() {
  const shared = makeSlots(2);
  const slots = new SessionSlots(shared);
  const threads = [new ThreadSlots(shared, 0), new ThreadSlots(shared, 1)];
  const sessions = new Sessions(1, 1_000);
  const traffic = new Traffic(slots, threads, 0, SINCE);
  const connect = (nodeId: string, nowMs = 0): HubSession => {
    const session = sessions.add(
      nodeOf(nodeId),
      { lane: 0, capabilities: 0, address: '192.0.2.1', webSocket: false },
      nowMs,
    ) as HubSession;
    slots.reset(session.index);
    session.up = true;
    return session;
  };
  const end = (session: HubSession) => {
    sessions.remove(session);
    if (sessions.rest()) sessions.rested();
    traffic.ended(session);
  };
  return { slots, threads, sessions, traffic, connect, end };
}

describe('a sample', () => {
  test('holds what passed since the last one, and rates over the time between', () => {
    const { slots, sessions, traffic, connect, end } = rig();
    const session = connect('one');
    slots.setBytes(session.index, 100, 2_000, 7);
    slots.opened(session.index);
    slots.connectOk(session.index, 40);
    slots.connectFailed(session.index, 'refused');
    expect(traffic.sample(sessions.all(), 2_000)).toEqual([
      { nodeId: 'one', downBytes: 2_000, upBytes: 100, succeeded: 1, failed: 1, streams: 1 },
    ]);
    expect(traffic.ratesOf('one')).toEqual({ downBytesPerSecond: 1_000, upBytesPerSecond: 50 });
    expect([traffic.connectsPerSecond, traffic.failuresPerSecond]).toEqual([1, 0.5]);
    slots.setBytes(session.index, 100, 2_500, 7);
    expect(traffic.sample(sessions.all(), 3_000)).toEqual([
      { nodeId: 'one', downBytes: 500, upBytes: 0, succeeded: 0, failed: 0, streams: 1 },
    ]);
    slots.setBytes(session.index, 100, 2_600, 7);
    slots.closed(session.index);
    end(session);
    expect(traffic.sample(sessions.all(), 4_000)).toEqual([
      { nodeId: 'one', downBytes: 100, upBytes: 0, succeeded: 0, failed: 0, streams: 0 },
    ]);
    expect(traffic.ratesOf('one').downBytesPerSecond).toBe(100);
    traffic.sample(sessions.all(), 5_000);
    expect(traffic.ratesOf('one')).toEqual({ downBytesPerSecond: 0, upBytesPerSecond: 0 });
    expect(traffic.sample(sessions.all(), 6_000)).toEqual([]);
    expect(traffic.connectsOf('one')).toMatchObject({
      since: SINCE,
      succeeded: 1,
      failed: 1,
      failures: { refused: 1 },
    });
    expect(traffic.connectsOf('one').connectMs!.p50).toBeGreaterThan(20);
    expect(traffic.connectsOf('nobody')).toEqual({
      since: SINCE,
      succeeded: 0,
      failed: 0,
      failures: {},
      connectMs: null,
    });
  });

  test('counts the datagrams of all sessions, past 2^32 and past their ends', () => {
    const { slots, sessions, traffic, connect, end } = rig();
    const [first, second] = [connect('one'), connect('two')];
    slots.setDatagrams(first.index, 5, 2 ** 32 - 1, 1);
    traffic.sample(sessions.all(), 1_000);
    slots.setDatagrams(first.index, 7, 2 ** 32 + 1, 1);
    slots.setDatagrams(second.index, 10, 20, 30);
    traffic.sample(sessions.all(), 2_000);
    slots.setDatagrams(second.index, 11, 20, 30);
    end(second);
    end(first);
    slots.reset(first.index);
    traffic.sample(sessions.all(), 3_000);
    expect(traffic.datagrams()).toEqual({ up: 18, down: 2 ** 32 + 21, dropped: 31 });
  });

  test('holds nodes that did something or have streams, and whatever changed of them', () => {
    const { slots, sessions, traffic, connect } = rig();
    const [first] = [connect('one'), connect('two')];
    traffic.sample(sessions.all(), 1_000);
    expect(traffic.sample(sessions.all(), 2_000)).toEqual([]);
    slots.opened(first.index);
    const open = { nodeId: 'one', downBytes: 0, upBytes: 0, succeeded: 0, failed: 0, streams: 1 };
    expect(traffic.sample(sessions.all(), 3_000)).toEqual([open]);
    expect(traffic.sample(sessions.all(), 4_000)).toEqual([open]);
    const changes: [() => void, Partial<typeof open>][] = [
      [() => slots.connectOk(first.index, 1), { succeeded: 1 }],
      [() => slots.connectFailed(first.index, 'refused'), { failed: 1 }],
      [() => slots.setBytes(first.index, 0, 9, 1), { downBytes: 9 }],
      [() => slots.closed(first.index), { streams: 0 }],
    ];
    for (const [at, [change, what]] of changes.entries()) {
      change();
      expect(traffic.sample(sessions.all(), 5_000 + at)).toEqual([{ ...open, ...what }]);
    }
    expect(traffic.streams).toBe(0);
    slots.opened(first.index);
    expect(traffic.sample(sessions.all(), 9_000)).toEqual([open]);
    slots.notOpened(first.index);
    expect(traffic.sample(sessions.all(), 9_500)).toEqual([{ ...open, streams: 0 }]);
    expect(traffic.sample(sessions.all(), 9_900)).toEqual([]);
  });

  test('holds nothing of a session that is not up yet or never was', () => {
    const { slots, sessions, traffic, connect, end } = rig();
    const session = connect('one');
    session.up = false;
    slots.setBytes(session.index, 1, 1, 0);
    expect(traffic.sample(sessions.all(), 1_000)).toEqual([]);
    end(session);
    expect(traffic.sample(sessions.all(), 2_000)).toEqual([]);
  });

  test('counts clients that reached no node for all together only', () => {
    const { threads, sessions, traffic } = rig();
    threads[0]!.countFailed('noNode');
    threads[1]!.countFailed('noNode');
    expect(traffic.sample(sessions.all(), 1_000)).toEqual([]);
    expect(traffic.connects()).toMatchObject({ succeeded: 0, failed: 2, failures: { noNode: 2 } });
    expect(traffic.failuresPerSecond).toBe(2);
  });
});

test('whatever comes and goes between samples is counted once', () => {
  type Step = { node: string; act: 'connect' | 'end' | 'move' | 'sample'; bytes: number };
  const step = fc.record<Step>({
    node: fc.constantFrom('one', 'two'),
    act: fc.constantFrom('connect', 'end', 'move', 'move', 'sample'),
    bytes: fc.nat(1_000),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const { slots, sessions, traffic, connect, end } = rig();
      const moved = new Map<string, number>();
      const counted = new Map<string, number>();
      let nowMs = 0;
      const sample = () => {
        for (const one of traffic.sample(sessions.all(), nowMs)) {
          expect(Math.min(one.downBytes, one.upBytes, one.succeeded, one.streams)).toBeGreaterThanOrEqual(0);
          counted.set(one.nodeId, (counted.get(one.nodeId) ?? 0) + one.downBytes + one.succeeded);
        }
      };
      for (const { node, act, bytes } of steps) {
        nowMs += 40_000;
        const session = sessions.ofNode(node)[0];
        if (act === 'sample') sample();
        else if (act === 'connect') connect(node, nowMs);
        else if (session === undefined) continue;
        else if (act === 'end') end(session);
        else {
          slots.setBytes(session.index, 0, slots.receivedBytes(session.index) + bytes, 1);
          slots.connectOk(session.index, bytes);
          moved.set(node, (moved.get(node) ?? 0) + bytes + 1);
        }
      }
      sample();
      for (const node of ['one', 'two']) expect(counted.get(node) ?? 0).toBe(moved.get(node) ?? 0);
      expect(traffic.connects().succeeded).toBe(
        traffic.connectsOf('one').succeeded + traffic.connectsOf('two').succeeded,
      );
    }),
  );
});

test('200 nodes with 5,000 streams cost far less than a hundredth of a core', () => {
  const { slots, sessions, traffic, connect } = rig();
  const rollup = new Rollup();
  const recent = new RecentTraffic();
  for (let node = 0; node < 200; node++) {
    const { index } = connect(`node-${node}`);
    for (let stream = 0; stream < 25; stream++) slots.opened(index);
  }
  const seconds = 200;
  const second = (now: number) => {
    for (const { index } of sessions.all()) {
      slots.setBytes(index, now * 1_000, now * 10_000, 30);
      slots.connectOk(index, 30);
    }
    const samples = traffic.sample(sessions.all(), now * 1_000);
    rollup.feed(now * 1_000, samples);
    recent.feed(now * 1_000, samples);
  };
  for (let now = 1; now <= 50; now++) second(now);
  const before = process.cpuUsage();
  for (let now = 51; now <= 50 + seconds; now++) second(now);
  const { user, system } = process.cpuUsage(before);
  const share = (user + system) / 1e6 / seconds;
  // Measured: about 0.05 %. The bound leaves room for a machine that is ten times slower.
  expect(share).toBeLessThan(0.01);
});
