// What one node may hold of the hub's sessions: lanes, sessions that prove nothing, handshakes.

import { expect, test } from 'vitest';
import { HandshakeRates } from '../../src/hub/sessions/handshakeRates.ts';
import { sessionsMaxOf } from '../../src/hub/sessions/sessionsMax.ts';
import { type HubSession, Sessions } from '../../src/hub/sessions/sessionTable.ts';
import type { StoredNode } from '../../src/hub/store/storedNode.ts';
import { CONTROL } from '../../src/limits/owner.ts';
import { SESSION } from '../../src/limits/session.ts';

/** More than most tests open. */
const MAX = 1_000;

function add(sessions: Sessions, id: string, lane: number): ReturnType<Sessions['add']> {
  return sessions.add(
    { id } as StoredNode,
    { lane, capabilities: 0, address: '192.0.2.1', webSocket: false },
    0,
  );
}

test('a node that proves nothing keeps its newest sessions only, and none of another node', () => {
  const sessions = new Sessions(1, MAX);
  const other = add(sessions, 'other', 0) as HubSession;
  const first = add(sessions, 'a', 0) as HubSession;
  for (let more = 1; more < SESSION.unprovenPerNodeMax; more++) add(sessions, 'a', 0);
  expect(sessions.crowdedOut('a')).toBeNull();
  add(sessions, 'a', 0);
  expect(sessions.crowdedOut('a')).toBe(first);
  first.up = true;
  expect(sessions.crowdedOut('a')).toBeNull();
  expect(sessions.crowdedOut('other')).toBeNull();
  expect(sessions.ofNode('other')).toEqual([other]);
});

test('a node has so many lanes and no more, but may renew each of them', () => {
  const sessions = new Sessions(1, MAX);
  for (let lane = 0; lane < SESSION.lanesPerNodeMax; lane++) {
    (add(sessions, 'a', lane) as HubSession).up = true;
  }
  expect(add(sessions, 'a', 200)).toBe('lanes');
  expect(add(sessions, 'a', 3)).toMatchObject({ lane: 3 });
  expect(add(sessions, 'b', 200)).toMatchObject({ lane: 200 });
  sessions.remove(sessions.ofNode('a').find(({ lane }) => lane === 0)!);
  expect(add(sessions, 'a', 200)).toMatchObject({ lane: 200 });
});

test('an index is used again once every thread has forgotten its session, and not before', () => {
  const sessions = new Sessions(1, MAX);
  const [a, b, c] = ['a', 'b', 'c'].map((id) => add(sessions, id, 0) as HubSession) as [
    HubSession,
    HubSession,
    HubSession,
  ];
  expect(sessions.rest()).toBe(false);
  sessions.remove(a);
  expect(sessions.rest()).toBe(true);
  // It ends while the threads are being asked.
  sessions.remove(b);
  expect(sessions.rest()).toBe(false);
  expect((add(sessions, 'd', 0) as HubSession).index).toBe(3);
  sessions.rested();
  expect((add(sessions, 'e', 0) as HubSession).index).toBe(a.index);
  expect((add(sessions, 'f', 0) as HubSession).index).toBe(4);
  expect(sessions.rest()).toBe(true);
  sessions.remove(c);
  sessions.rested();
  expect((add(sessions, 'g', 0) as HubSession).index).toBe(b.index);
  expect([sessions.find(a.index, a.number), sessions.find(b.index, b.number)]).toEqual([null, null]);
});

test('further lanes give way to nodes that have no session; a lane may be renewed; nobody else gets in', () => {
  const sessions = new Sessions(1, 5);
  for (const [id, lane] of [
    ['a', 0],
    ['a', 1],
    ['a', 2],
    ['b', 0],
    ['c', 0],
  ] as const)
    add(sessions, id, lane);
  const oneLane = sessions.ofNode('b');
  expect(add(sessions, 'b', 1)).toBe('full');
  expect(sessions.takeGivingWay()).toEqual([]);
  // Twice there is a lane to spare, and then there is none.
  expect([add(sessions, 'd', 0), add(sessions, 'e', 0)]).toMatchObject([{ nodeId: 'd' }, { nodeId: 'e' }]);
  expect(add(sessions, 'f', 0)).toBe('full');
  const givingWay = sessions.takeGivingWay();
  expect(givingWay.map(({ nodeId, lane }) => [nodeId, lane])).toEqual([
    ['a', 2],
    ['a', 1],
  ]);
  expect(sessions.takeGivingWay()).toEqual([]);
  for (const session of givingWay) sessions.remove(session);
  expect([sessions.size, add(sessions, 'f', 0)]).toEqual([5, 'full']);
  // The old session of the lane is as good as gone.
  expect(add(sessions, 'b', 0)).toMatchObject({ nodeId: 'b', lane: 0 });
  expect(sessions.ofNode('b').length).toBe(oneLane.length + 1);
});

test('of a node with several lanes, one that has proven nothing gives way first', () => {
  const sessions = new Sessions(1, 3);
  for (const lane of [0, 1, 2]) (add(sessions, 'a', lane) as HubSession).up = lane !== 1;
  add(sessions, 'b', 0);
  expect(sessions.takeGivingWay().map(({ lane }) => lane)).toEqual([1]);
});

test('as many sessions as memory and descriptors allow', () => {
  expect(sessionsMaxOf(2 ** 30, Number.POSITIVE_INFINITY)).toBe(8_192);
  expect(sessionsMaxOf(2 ** 40, 1_024)).toBe(512);
  expect(sessionsMaxOf(2 ** 40, 20_000)).toBe(11_808);
  expect(sessionsMaxOf(2 ** 40, Number.POSITIVE_INFINITY)).toBe((SESSION.indicesMax / 4) * 3);
  expect(sessionsMaxOf(1, 1)).toBe(1);
});

test('handshakes of one key have a burst and a rate; those of another are its own', () => {
  const rates = new HandshakeRates();
  const shake = (id: string, nowMs: number) => {
    if (!rates.allows(id, nowMs)) return false;
    rates.admitted(id, nowMs);
    return true;
  };
  for (let at = 0; at < SESSION.handshakesPerKeyBurst; at++) expect(shake('a', 0)).toBe(true);
  expect(shake('a', 0)).toBe(false);
  expect(shake('b', 0)).toBe(true);
  let shaken = 0;
  for (let nowMs = 100; nowMs <= 10_000; nowMs += 100) if (shake('a', nowMs)) shaken++;
  expect(shaken).toBe(10 * SESSION.handshakesPerKeyPerSecond);
});

test('handshakes that are refused use up nothing: whoever replays a recorded message locks nobody out', () => {
  const rates = new HandshakeRates();
  rates.admitted('a', 0);
  for (let replays = 0; replays < 3 * SESSION.handshakesPerKeyBurst; replays++) {
    expect(rates.allows('a', 0)).toBe(true);
    rates.refused('a');
  }
  expect(rates.allows('a', 0)).toBe(true);
});

test('budgets of at most as many nodes as there may be are remembered, the longest idle forgotten first', () => {
  const rates = new HandshakeRates();
  const spend = (id: string) => {
    rates.admitted(id, 0);
    while (rates.allows(id, 0));
  };
  spend('first');
  spend('second');
  for (let node = 0; node < CONTROL.nodesMax - 2; node++) rates.admitted(`n${node}`, 0);
  rates.admitted('second', 0);
  rates.admitted('one more', 0);
  expect(rates.allows('first', 0)).toBe(true);
  expect(rates.allows('second', 0)).toBe(false);
});
