// Sticky sessions of a cluster: hubs that reach the same nodes begin a session with the same one, and hear of each other's moves.

import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { rankOf } from '../../src/routing/rendezvous.ts';
import type { StoredStickySession } from '../../src/routing/stickySessions.ts';
import { PretendFleet, read } from './pretendFleet.ts';

const NODES = Array.from({ length: 40 }, (_, at) => `0123456789abc${(100 + at).toString(16)}`);

let moved: StoredStickySession[];

beforeEach(() => {
  moved = [];
});

function hub(nodes: readonly string[], seed = 1): PretendFleet {
  const fleet = new PretendFleet(seed);
  fleet.router = fleet.newRouter((session) => moved.push(session));
  fleet.router.sharesSticky = true;
  for (const node of nodes) fleet.join(node);
  return fleet;
}

describe('hubs that reach the same nodes', () => {
  test('begin every sticky session with the same one, whatever the order in which nodes came', () => {
    const one = hub(NODES, 1);
    const other = hub([...NODES].reverse(), 2);
    for (let at = 0; at < 500; at++) {
      const name = `crawler-session-s${at}`;
      expect(other.open(name).nodeId).toBe(one.open(name).nodeId);
    }
    expect(moved).toEqual([]);
  });

  test('spread sessions evenly', () => {
    const one = hub(NODES);
    const shares = new Map<string, number>();
    for (let at = 0; at < 8_000; at++) {
      const { nodeId } = one.open(`crawler-session-s${at}`);
      shares.set(nodeId, (shares.get(nodeId) ?? 0) + 1);
    }
    // A fair share is 200; five standard deviations of a binomial are 70.
    for (const node of NODES) expect(Math.abs((shares.get(node) ?? 0) - 200)).toBeLessThan(70);
  });

  test('agree for a host that bans a node, and for requests that few nodes fit', () => {
    const [one, other] = [hub(NODES, 1), hub([...NODES].reverse(), 2)];
    for (const fleet of [one, other]) {
      fleet.router.reportNode(NODES[3]!, 'banning.example');
      for (const node of NODES.slice(0, 5)) fleet.join(node, { country: 'DE' });
    }
    for (let at = 0; at < 200; at++) {
      const name = `crawler-country-de-session-s${at}`;
      const { nodeId } = one.open(name, 'banning.example');
      expect(other.open(name, 'banning.example').nodeId).toBe(nodeId);
      expect(NODES.slice(0, 5)).toContain(nodeId);
      expect(nodeId).not.toBe(NODES[3]);
    }
  });
});

test('ranks are even for keys and nodes that differ by a bit', () => {
  fc.assert(
    fc.property(fc.nat(0xffff_ffff), fc.nat(31), (hash, bit) => {
      const differs = (one: number, other: number) => expect(one).not.toBe(other);
      differs(rankOf(hash, 7), rankOf((hash ^ (1 << bit)) >>> 0, 7));
      differs(rankOf(7, hash), rankOf(7, (hash ^ (1 << bit)) >>> 0));
    }),
  );
});

describe('a hub of a cluster', () => {
  test('begins a session where the cluster has it, and waits there with a strict one', () => {
    const one = hub(NODES.slice(0, 2));
    const strict = read('crawler-session-a-strict').sticky!;
    one.router.placeSticky(strict, 'away');
    expect(one.router.pick(read('crawler-session-a-strict'))).toBe('sessionLost');
    one.join('away');
    expect(one.open('crawler-session-a-strict').nodeId).toBe('away');
  });

  test('moves a soft session whose node it does not reach, and says so', () => {
    const one = hub(NODES.slice(0, 2));
    one.router.placeSticky(read('crawler-session-a').sticky!, 'away');
    const { nodeId } = one.open('crawler-session-a');
    expect(NODES.slice(0, 2)).toContain(nodeId);
    expect(moved).toMatchObject([{ key: 'crawler-a', nodeId, strict: false }]);
  });

  test('follows another hub that has moved a session, and knows nothing of others', () => {
    const one = hub(NODES);
    const { nodeId } = one.open('crawler-session-a');
    const target = NODES.find((node) => node !== nodeId)!;
    one.router.moveSticky('crawler-a', target);
    one.router.moveSticky('crawler-b', target);
    expect(one.open('crawler-session-a').nodeId).toBe(target);
    expect(one.router.knowsSticky(read('crawler-session-a').sticky!)).toBe(true);
    expect(one.router.knowsSticky(read('crawler-session-b').sticky!)).toBe(false);
    expect(moved).toEqual([]);
  });

  test('a ban moves a strict session too, and the others hear of it', () => {
    const one = hub(NODES);
    const { nodeId } = one.open('crawler-session-a-strict', 'banning.example');
    one.router.reportBan('crawler-a', 'banning.example');
    const after = one.open('crawler-session-a-strict', 'banning.example').nodeId;
    expect(after).not.toBe(nodeId);
    expect(moved).toMatchObject([{ key: 'crawler-a', nodeId: after, strict: true }]);
  });

  test('asking for the first choice begins no session', () => {
    const one = hub(NODES);
    const request = read('crawler-session-a');
    const first = one.router.firstChoice(request, '');
    expect(one.router.firstChoice(request, '')).toEqual(first);
    expect(one.router.knowsSticky(request.sticky!)).toBe(false);
    expect(first).toEqual({ nodeId: one.open('crawler-session-a').nodeId });
  });
});
