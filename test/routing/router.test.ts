// The choice of nodes: which are never picked, how streams spread, what sticky sessions can rely on.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SETTINGS } from '../../src/limits/owner.ts';
import { BREAKER, ROUTING } from '../../src/limits/routing.ts';
import { unknownNode } from '../../src/routing/nodeRouting.ts';
import { anyNode, narrowed } from '../../src/routing/request.ts';
import type { Route } from '../../src/routing/routedNode.ts';
import { PretendFleet, read } from './pretendFleet.ts';

/** How many of `streams` streams each node got, of which `open` are open at once, and end in random order. */
function spread(fleet: PretendFleet, streams: number, open: number): Map<string, number> {
  const shares = new Map<string, number>();
  const held: Route[] = [];
  for (let at = 0; at < streams; at++) {
    if (at % 50 === 0) fleet.pass(1_000);
    if (held.length >= open) {
      const place = Math.floor(fleet.random() * held.length);
      fleet.close(held[place]!);
      held[place] = held.at(-1)!;
      held.pop();
    }
    const route = fleet.open();
    held.push(route);
    shares.set(route.nodeId, (shares.get(route.nodeId) ?? 0) + 1);
  }
  for (const route of held) fleet.close(route);
  return shares;
}

describe('spread', () => {
  test('equal nodes take turns', () => {
    const fleet = new PretendFleet();
    for (const name of ['a', 'b', 'c']) fleet.join(name);
    const got = Array.from({ length: 9 }, () => fleet.open().nodeId);
    for (const name of ['a', 'b', 'c']) expect(got.filter((id) => id === name)).toHaveLength(3);
  });

  // Few streams or many beside the nodes, so that load, history and chance each have to do it alone.
  test.each([
    [3, 1],
    [3, 30],
    [20, 5],
    [20, 400],
    [100, 20],
    [100, 2_000],
  ])(
    '%i nodes with unequal round trips and %i streams at once: shares within 10 %% of the weights',
    (nodes, open) => {
      const fleet = new PretendFleet(nodes + open);
      // Weights of 1 / (1 + rtt / 200 ms): from 1 down to a quarter.
      const roundTrips = Array.from({ length: nodes }, (_, at) => Math.round((600 * at) / (nodes - 1)));
      for (const [at, roundTripMs] of roundTrips.entries()) fleet.join(`n${at}`, {}, { roundTripMs });
      fleet.pass(5_000);
      const streams = nodes * 2_000;
      const shares = spread(fleet, streams, open);
      const weights = roundTrips.map((roundTripMs) => 200 / (200 + roundTripMs));
      const sum = weights.reduce((all, weight) => all + weight);
      weights.forEach((weight, at) => {
        const fair = (streams * weight) / sum;
        expect(Math.abs(shares.get(`n${at}`)! - fair) / fair).toBeLessThan(0.1);
      });
    },
  );

  test('a node with many open streams gets no more', () => {
    const fleet = new PretendFleet();
    const busy = fleet.join('busy');
    fleet.join('idle');
    fleet.figures[busy]!.load = 1_000;
    expect(Array.from({ length: 500 }, () => fleet.open().nodeId)).not.toContain('busy');
  });

  test('a new node is not flooded', () => {
    const fleet = new PretendFleet(7);
    for (let at = 0; at < 20; at++) fleet.join(`n${at}`);
    spread(fleet, 2_000, 10);
    fleet.pass(1_000);
    fleet.join('new');
    const shares = spread(fleet, 200, 10);
    expect(shares.get('new') ?? 0).toBeGreaterThan(0);
    expect(shares.get('new')!).toBeLessThan(40);
  });

  test('failing connects bring fewer streams, a high rate brings more, and an idle node does not starve', () => {
    const fleet = new PretendFleet(3);
    const [failing, strong, weak, idle] = ['failing', 'strong', 'weak', 'idle'].map((name) =>
      fleet.join(name),
    );
    for (let second = 0; second < 60; second++) {
      fleet.figures[failing!]!.succeeded += 7;
      fleet.figures[failing!]!.failed += 3;
      for (const index of [strong!, weak!]) fleet.figures[index]!.succeeded += 10;
      fleet.figures[strong!]!.bytes += 9_000_000;
      fleet.figures[weak!]!.bytes += 1_000_000;
      fleet.pass(1_000);
    }
    const shares = spread(fleet, 4_000, 100);
    const share = (name: string) => shares.get(name)! / 4_000;
    expect(share('strong')).toBeGreaterThan(share('idle'));
    expect(share('idle')).toBeGreaterThan(share('weak'));
    expect(share('failing')).toBeLessThan(0.8 * share('idle'));
    expect(share('weak')).toBeGreaterThan(0.1);
    expect(idle).toBeDefined();
  });

  test('the lane with the fewest streams takes the next one', () => {
    const fleet = new PretendFleet();
    const lanes = [fleet.join('a'), fleet.lane('a'), fleet.lane('a')];
    for (let at = 0; at < 9; at++) fleet.open();
    expect(lanes.map((index) => fleet.figures[index]!.load)).toEqual([3, 3, 3]);
    fleet.leave(lanes[0]!);
    for (let at = 0; at < 4; at++) fleet.open();
    expect(lanes.slice(1).map((index) => fleet.figures[index]!.load)).toEqual([5, 5]);
  });
});

describe('a request for certain nodes', () => {
  const fleet = new PretendFleet();
  fleet.join('id1', {
    name: 'Living-Room',
    tags: ['home', 'fast'],
    country: 'DE',
    platform: 'linux',
    net: 'ethernet',
  });
  fleet.join('id2', { name: 'phone', tags: ['mobile'], country: 'DE', platform: 'android', net: 'cellular' });
  fleet.join('id3', { name: 'cabin', tags: ['home'], country: 'FR', platform: 'linux', net: 'wifi' });

  test.each([
    ['me-node-living_room', ['id1']],
    ['me-node-ID2', ['id2']],
    ['me-country-de', ['id1', 'id2']],
    ['me-tag-home', ['id1', 'id3']],
    ['me-tag-home-tag-fast', ['id1']],
    ['me-platform-linux-net-wifi', ['id3']],
    ['me', ['id1', 'id2', 'id3']],
  ])('%s', (username, expected) => {
    const routes = Array.from({ length: 60 }, () => fleet.open(username));
    for (const route of routes) fleet.close(route);
    expect([...new Set(routes.map(({ nodeId }) => nodeId))].sort()).toEqual(expected);
  });

  test.each(['me-node-nobody', 'me-country-us', 'me-tag-home-net-cellular', 'me-tag-hom'])(
    '%s: no node fits',
    (username) => {
      expect(fleet.router.pick(read(username))).toBe('noMatch');
    },
  );

  test('a user limited to some tags gets no other node', () => {
    const request = { ...read('me-country-de'), allowedTags: ['Fast', 'other'] };
    for (let at = 0; at < 20; at++) expect(fleet.router.pick(request)).toMatchObject({ nodeId: 'id1' });
    expect(fleet.router.pick({ ...read('me-net-cellular'), allowedTags: ['home'] })).toBe('noMatch');
  });

  test('a new description of a node counts at once', () => {
    const own = new PretendFleet();
    own.join('a', { net: 'wifi' });
    const request = read('me-net-cellular');
    expect(own.router.pick(request)).toBe('noMatch');
    own.router.describe({ ...unknownNode('a'), net: 'cellular' });
    expect(own.router.pick(request)).toMatchObject({ nodeId: 'a' });
    own.router.describe({ ...unknownNode('a'), net: 'wifi' });
    expect(own.router.pick(request)).toBe('noMatch');
  });
});

describe('nodes that take no stream', () => {
  test('the failure says why', () => {
    const fleet = new PretendFleet();
    expect(fleet.router.pick()).toBe('noNode');
    const index = fleet.join('a');
    for (const [closedFor, failure] of [
      ['paused', 'nodePaused'],
      ['overQuota', 'nodeOverQuota'],
      ['offHours', 'nodeOffHours'],
      ['rotating', 'nodeRotating'],
    ] as const) {
      fleet.router.describe({ ...unknownNode('a'), closedFor });
      expect(fleet.router.pick()).toBe(failure);
      expect(fleet.router.pick(read('me-node-a'))).toBe(failure);
      expect(fleet.router.pick(read('me-node-b'))).toBe('noMatch');
    }
    fleet.router.describe({ ...unknownNode('a'), streamsMax: 2 });
    fleet.figures[index]!.load = 2;
    expect(fleet.router.pick()).toBe('nodeStreamsLimit');
    fleet.router.describe(unknownNode('a'));
    fleet.figures[index]!.load = 1 << 15;
    expect(fleet.router.pick()).toBe('nodeBusy');
    fleet.figures[index]!.load = 0;
    expect(fleet.router.pick()).toMatchObject({ nodeId: 'a' });
    expect(fleet.router.pick(read(''), '', ['a'])).toBe('noMatch');
    fleet.leave(index);
    expect(fleet.router.pick()).toBe('noNode');
  });

  /** After any course of events, a pick is a node that may be picked, and there is none only when there is none to find. */
  test('are never picked, in any course of events', () => {
    const names = Array.from({ length: 30 }, (_, at) => `n${at}`);
    const node = fc.constantFrom(...names);
    const closedFor = fc.constantFrom(null, null, 'paused' as const, 'rotating' as const);
    const event = fc.oneof(
      fc.record({ do: fc.constant('join' as const), node }),
      fc.record({ do: fc.constant('leave' as const), node }),
      fc.record({
        do: fc.constant('describe' as const),
        node,
        closedFor,
        streamsMax: fc.constantFrom(null, 0, 1, 3),
        tags: fc.subarray(['t0', 't1', 't2']),
      }),
      fc.record({ do: fc.constant('fail' as const), node }),
      fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(100, 1_000, 20_000) }),
      fc.record({
        do: fc.constant('pick' as const),
        tags: fc.subarray(['t0', 't1', 't2']),
        allowed: fc.constantFrom(null, ['t0'], ['t1', 't2']),
        session: fc.constantFrom('', '-session-a', '-session-b-strict'),
        excluded: fc.subarray(names.slice(0, 3)),
      }),
    );
    const course = fc.array(event, { minLength: 1, maxLength: 150 });
    fc.assert(
      fc.property(course, fc.integer(), (events, seed) => {
        const fleet = new PretendFleet(seed);
        const about = new Map(names.map((name) => [name, unknownNode(name)]));
        const lanes = new Map<string, number[]>(names.map((name) => [name, []]));
        const load = (name: string) =>
          lanes.get(name)!.reduce((sum, index) => sum + fleet.figures[index]!.load, 0);
        for (const happens of events) {
          if (happens.do === 'join') lanes.get(happens.node)!.push(fleet.lane(happens.node));
          else if (happens.do === 'leave') {
            const index = lanes.get(happens.node)!.pop();
            if (index !== undefined) fleet.leave(index);
          } else if (happens.do === 'describe') {
            const { closedFor, streamsMax, tags } = happens;
            about.set(happens.node, { ...unknownNode(happens.node), closedFor, streamsMax, tags });
            fleet.router.describe(about.get(happens.node)!);
          } else if (happens.do === 'fail') {
            for (const index of lanes.get(happens.node)!) fleet.figures[index]!.failed += 7;
          } else if (happens.do === 'pass') fleet.pass(happens.ms);
          else {
            const { tags, allowed, session, excluded } = happens;
            const request = read(`me${tags.map((tag) => `-tag-${tag}`).join('')}${session}`);
            request.allowedTags = allowed;
            const fits = names.filter((name) => {
              const { closedFor, streamsMax, tags: own } = about.get(name)!;
              if (lanes.get(name)!.length === 0 || closedFor !== null || excluded.includes(name))
                return false;
              if (streamsMax !== null && load(name) >= streamsMax) return false;
              return (
                tags.every((tag) => own.includes(tag)) && (allowed?.some((tag) => own.includes(tag)) ?? true)
              );
            });
            const picked = fleet.router.pick(request, '', excluded);
            if (typeof picked === 'string') {
              // Probes of a half-open breaker may be used up; a strict session may have lost its node.
              if (picked !== 'sessionLost' && events.every((other) => other.do !== 'fail'))
                expect(fits).toEqual([]);
              continue;
            }
            expect(fits).toContain(picked.nodeId);
            expect(lanes.get(picked.nodeId)).toContain(picked.index);
            fleet.figures[picked.index]!.load++;
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test('the one node with room is found among many full ones', () => {
    const fleet = new PretendFleet();
    for (let at = 0; at < 2_000; at++) fleet.join(`n${at}`, { streamsMax: at === 1_234 ? 3 : 0 });
    for (let at = 0; at < 3; at++) expect(fleet.open().nodeId).toBe('n1234');
    expect(fleet.router.pick()).toBe('nodeStreamsLimit');
  });
});

describe('breakers', () => {
  test('make a failing node rest, try it again, and let it come back', () => {
    const fleet = new PretendFleet();
    const bad = fleet.join('bad');
    fleet.join('good');
    fleet.figures[bad]!.failed += BREAKER.inRow;
    fleet.pass(1_000);
    expect(new Set(Array.from({ length: 30 }, () => fleet.open().nodeId))).toEqual(new Set(['good']));
    // Asked for by name, it is tried nevertheless: nobody else can serve that.
    expect(fleet.open('me-node-bad').nodeId).toBe('bad');
    fleet.pass(BREAKER.restMinMs + 1_000);
    const tries = Array.from({ length: 60 }, () => fleet.open().nodeId).filter((id) => id === 'bad');
    expect(tries).toHaveLength(BREAKER.probes);
    fleet.figures[bad]!.succeeded++;
    fleet.pass(1_000);
    expect(
      Array.from({ length: 60 }, () => fleet.open().nodeId).filter((id) => id === 'bad').length,
    ).toBeGreaterThan(BREAKER.probes);
  });

  test('do not matter when every node rests', () => {
    const fleet = new PretendFleet();
    const only = fleet.join('only');
    fleet.figures[only]!.failed += 50;
    fleet.pass(1_000);
    expect(fleet.open().nodeId).toBe('only');
  });
});

describe('sticky sessions', () => {
  test('one stays with its node, however loaded, until it ends', () => {
    const fleet = new PretendFleet();
    for (let at = 0; at < 20; at++) fleet.join(`n${at}`);
    const { nodeId, index } = fleet.open('me-session-a-ttl-60s');
    fleet.figures[index]!.load = 1_000;
    for (let at = 0; at < 50; at++) {
      fleet.pass(59_000);
      expect(fleet.open('me-session-a-ttl-60s').nodeId).toBe(nodeId);
    }
    fleet.pass(60_000);
    expect(fleet.open('me-session-a-ttl-60s').nodeId).not.toBe(nodeId);
  });

  test('two users do not share one', () => {
    const fleet = new PretendFleet();
    for (let at = 0; at < 2; at++) fleet.join(`n${at}`);
    const first = fleet.open('me-session-a').nodeId;
    expect(fleet.open('you-session-a').nodeId).not.toBe(first);
    expect(fleet.open('me-session-a').nodeId).toBe(first);
  });

  test('a soft one moves when its node leaves, and stays with the next', () => {
    const fleet = new PretendFleet();
    const indices = new Map(['a', 'b', 'c'].map((name) => [name, fleet.join(name)]));
    const first = fleet.open('me-session-x').nodeId;
    fleet.leave(indices.get(first)!);
    const second = fleet.open('me-session-x').nodeId;
    expect(second).not.toBe(first);
    fleet.lane(first);
    for (let at = 0; at < 10; at++) expect(fleet.open('me-session-x').nodeId).toBe(second);
  });

  test.each([
    ['paused', { closedFor: 'paused' }],
    ['full', { streamsMax: 1 }],
    ['no longer what is asked for', { tags: [] }],
  ] as const)('when its node is %s, a soft one moves and a strict one fails', (_why, change) => {
    for (const strict of [false, true]) {
      const fleet = new PretendFleet();
      for (const name of ['a', 'b']) fleet.join(name, { tags: ['t'] });
      const username = `me-tag-t-session-x${strict ? '-strict' : ''}`;
      const { nodeId } = fleet.open(username);
      fleet.router.describe({ ...unknownNode(nodeId), tags: ['t'], ...change });
      if (strict) expect(fleet.router.pick(read(username))).toBe('sessionLost');
      else expect(fleet.open(username).nodeId).not.toBe(nodeId);
      fleet.router.describe({ ...unknownNode(nodeId), tags: ['t'] });
      expect(fleet.open(username).nodeId === nodeId).toBe(strict);
    }
  });

  test('a strict one without its node fails until it ends, and then begins anew', () => {
    const fleet = new PretendFleet();
    const index = fleet.join('a');
    expect(fleet.open('me-session-x-strict-ttl-60s').nodeId).toBe('a');
    fleet.leave(index);
    fleet.join('b');
    for (let second = 0; second < 60; second += 5) {
      expect(fleet.router.pick(read('me-session-x-strict-ttl-60s'))).toBe('sessionLost');
      fleet.pass(5_000);
    }
    expect(fleet.open('me-session-x-strict-ttl-60s').nodeId).toBe('b');
  });

  test('a stream that failed on its node moves a soft one, never a strict one', () => {
    const fleet = new PretendFleet();
    for (const name of ['a', 'b']) fleet.join(name);
    const soft = fleet.open('me-session-s').nodeId;
    const moved = fleet.open('me-session-s', '', [soft]).nodeId;
    expect(moved).not.toBe(soft);
    expect(fleet.open('me-session-s').nodeId).toBe(moved);
    const strict = fleet.open('me-session-t-strict').nodeId;
    expect(fleet.router.pick(read('me-session-t-strict'), '', [strict])).toBe('sessionLost');
  });

  test('a reported ban moves even a strict one, and makes the node rest for that host', () => {
    const fleet = new PretendFleet();
    for (const name of ['a', 'b']) fleet.join(name);
    const { nodeId } = fleet.open('me-session-s-strict', 'shop.example');
    expect(fleet.router.reportBan('me-s', 'Shop.example')).toMatchObject({ nodeId, strict: true });
    expect(fleet.router.reportBan('me-t', 'shop.example')).toBeNull();
    // What is between two nodes is not kept over a restart.
    expect([...fleet.router.stickySessions.dump(9, () => fleet.nowMs)].flat()).toEqual([]);
    // Wherever its next stream goes: it would stay there.
    expect(fleet.open('me-session-s-strict', 'other.example').nodeId).not.toBe(nodeId);
    expect([...fleet.router.stickySessions.dump(9, () => fleet.nowMs)].flat()).toHaveLength(1);
    expect(fleet.open('me-session-s-strict', 'shop.example').nodeId).not.toBe(nodeId);
    for (let at = 0; at < 20; at++) expect(fleet.open('', 'shop.example').nodeId).not.toBe(nodeId);
    const elsewhere = Array.from({ length: 40 }, () => fleet.open('', 'other.example').nodeId);
    expect(elsewhere).toContain(nodeId);
    fleet.pass(ROUTING.restDefaultMs + 1_000);
    expect(Array.from({ length: 80 }, () => fleet.open('', 'shop.example').nodeId)).toContain(nodeId);
  });

  test('a banned one waits for another node; one that was ended begins anew', () => {
    const fleet = new PretendFleet();
    fleet.join('a');
    const { nodeId } = fleet.open('me-session-s', 'shop.example');
    fleet.router.reportBan('me-s', 'shop.example');
    expect(fleet.router.pick(read('me-session-s'), 'shop.example')).toBe('noMatch');
    fleet.join('b');
    expect(fleet.open('me-session-s', 'shop.example').nodeId).not.toBe(nodeId);
    expect(fleet.router.endSticky('me-s')).toMatchObject({ key: 'me-s', strict: false });
    expect(fleet.router.endSticky('me-s')).toBeNull();
    expect(fleet.router.stickySessions.some(9, fleet.nowMs)).toEqual([]);
    fleet.open('me-session-s');
    fleet.open('me-session-t');
    expect(fleet.router.stickySessions.some(1, fleet.nowMs).map(({ key }) => key)).toEqual(['me-s']);
    fleet.pass(ROUTING.stickySessionTtlDefaultMs);
    expect(fleet.router.stickySessions.some(9, fleet.nowMs)).toEqual([]);
  });

  test('rotate asks for a new address when one begins, waits for it, and asks only once', () => {
    const fleet = new PretendFleet();
    fleet.join('a');
    fleet.join('b');
    const request = read('me-session-s-rotate');
    expect(fleet.router.pick(request)).toBe('nodeRotating');
    const nodeId = fleet.rotations[0]!;
    fleet.router.describe({ ...unknownNode(nodeId), closedFor: 'rotating' });
    expect(fleet.router.pick(request)).toBe('nodeRotating');
    fleet.router.describe(unknownNode(nodeId));
    for (let at = 0; at < 3; at++) expect(fleet.router.pick(request)).toMatchObject({ nodeId });
    fleet.open('me-session-t');
    expect(fleet.rotations).toEqual([nodeId]);
  });

  test('rotate costs no connection where the node never gets a new address', () => {
    const fleet = new PretendFleet();
    fleet.join('a');
    const request = read('me-session-s-rotate');
    fleet.router.describe({ ...unknownNode('a'), canRotate: false });
    expect(fleet.router.pick(request)).toMatchObject({ nodeId: 'a' });
    expect(fleet.router.pick(request)).toMatchObject({ nodeId: 'a' });
    // Control says in the log why the address stays.
    expect(fleet.rotations).toEqual(['a']);
  });

  test('rotate costs no connection while the node has to be left alone', () => {
    const fleet = new PretendFleet();
    fleet.join('a');
    expect(fleet.router.pick(read('me-session-s-rotate'))).toBe('nodeRotating');
    fleet.router.rotatedFor('me', 'a');
    expect(fleet.router.pick(read('me-session-s2-rotate'))).toMatchObject({ nodeId: 'a' });
    expect(fleet.router.pick(read('other-session-s-rotate'))).toMatchObject({ nodeId: 'a' });
    fleet.pass(SETTINGS.rotationNodePauseMs);
    expect(fleet.router.pick(read('me-session-s3-rotate'))).toMatchObject({ nodeId: 'a' });
    expect(fleet.router.pick(read('other-session-s3-rotate'))).toBe('nodeRotating');
    fleet.pass(SETTINGS.rotationUserPauseMs - SETTINGS.rotationNodePauseMs);
    expect(fleet.router.pick(read('me-session-s4-rotate'))).toBe('nodeRotating');
  });

  test('after a restart, one waits a while for its node, then moves', () => {
    const before = new PretendFleet();
    before.join('a');
    before.open('me-session-s');
    before.open('me-session-t');
    before.pass(3_000);
    const kept = [...before.router.stickySessions.dump(100, () => before.nowMs)].flat();
    expect(kept).toHaveLength(2);

    const after = new PretendFleet();
    after.router.restoreSticky(kept);
    after.join('b');
    expect(after.router.pick(read('me-session-s'))).toBe('sessionLost');
    expect(after.open('me-session-new').nodeId).toBe('b');
    after.join('a');
    expect(after.open('me-session-s').nodeId).toBe('a');

    const late = new PretendFleet();
    late.router.restoreSticky(kept);
    late.join('b');
    late.pass(ROUTING.stickySessionGraceMs);
    expect(late.open('me-session-t').nodeId).toBe('b');
  });
});

describe('a node that was revoked', () => {
  test.each(['before', 'after'] as const)(
    'is forgotten when it is revoked %s the end of its session',
    (when) => {
      const fleet = new PretendFleet();
      const index = fleet.join('gone');
      fleet.join('stays');
      if (when === 'before') fleet.router.forget('gone');
      fleet.leave(index);
      if (when === 'after') fleet.router.forget('gone');
      fleet.pass(2_000);
      expect(fleet.router.routingOf(index + 1)).toBeNull();
      expect(fleet.open().nodeId).toBe('stays');
    },
  );
});

describe('associations', () => {
  const request = () => narrowed(anyNode(), { speaks: 'udp' });

  test('go only to nodes whose lanes all know UDP', () => {
    const fleet = new PretendFleet();
    for (let at = 0; at < 20; at++) fleet.lane(`old${at}`, {}, false);
    expect(fleet.router.pick(request())).toBe('noMatch');
    const first = fleet.lane('new');
    expect(fleet.router.pick(request())).toMatchObject({ nodeId: 'new' });
    const second = fleet.lane('new', {}, false);
    expect(fleet.router.pick(request())).toBe('noMatch');
    fleet.leave(second);
    fleet.router.describe({ ...unknownNode('new'), tags: ['lte'] });
    expect(fleet.router.pick(request())).toMatchObject({ nodeId: 'new' });
    fleet.leave(first);
    expect(fleet.router.pick(request())).toBe('noMatch');
  });
});
