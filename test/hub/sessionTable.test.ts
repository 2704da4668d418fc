// What one node may hold of the hub's sessions: lanes, sessions that prove nothing, handshakes.

import { expect, test } from 'vitest';
import { HandshakeRates } from '../../src/hub/sessions/handshakeRates.ts';
import { type HubSession, Sessions } from '../../src/hub/sessions/sessionTable.ts';
import type { StoredNode } from '../../src/hub/store/storedNode.ts';
import { SESSION } from '../../src/limits/bounds.ts';
import { CONTROL } from '../../src/limits/ownerBounds.ts';

function add(sessions: Sessions, id: string, lane: number): ReturnType<Sessions['add']> {
  return sessions.add({ id } as StoredNode, { lane, capabilities: 0, address: '192.0.2.1' }, 0);
}

test('a node that proves nothing keeps its newest sessions only, and none of another node', () => {
  const sessions = new Sessions(1);
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
  const sessions = new Sessions(1);
  for (let lane = 0; lane < SESSION.lanesPerNodeMax; lane++) {
    (add(sessions, 'a', lane) as HubSession).up = true;
  }
  expect(add(sessions, 'a', 200)).toBe('lanes');
  expect(add(sessions, 'a', 3)).toMatchObject({ lane: 3 });
  expect(add(sessions, 'b', 200)).toMatchObject({ lane: 200 });
  sessions.remove(sessions.ofNode('a').find(({ lane }) => lane === 0)!, 0);
  expect(add(sessions, 'a', 200)).toMatchObject({ lane: 200 });
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
