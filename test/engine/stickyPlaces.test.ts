// Clients of a cluster's sticky sessions: when the cluster is asked, what becomes of the client meanwhile, and what without an answer.

import { beforeEach, describe, expect, test } from 'vitest';
import { PLACE_ASKED, StickyPlaces } from '../../src/engine/stickyPlaces.ts';
import { CLUSTER_STICKY } from '../../src/limits/cluster.ts';
import type { FailureName } from '../../src/model/failures.ts';
import { PretendFleet, read } from '../routing/pretendFleet.ts';

let fleet: PretendFleet;
let asked: { query: number; nodeId: string }[];
let timers: (() => void)[];
let places: StickyPlaces;
let placed: (FailureName | null)[];

beforeEach(() => {
  fleet = new PretendFleet();
  fleet.router.sharesSticky = true;
  fleet.join('one');
  asked = [];
  timers = [];
  placed = [];
  places = new StickyPlaces({
    router: fleet.router,
    ask: (query, _sticky, nodeId) => asked.push({ query, nodeId }),
    timers: { set: (_ms, run) => timers.push(run), clear: () => {} },
  });
});

const ask = (username: string) =>
  places.ask(read(username), 'any.example', (failure) => placed.push(failure));

describe('the cluster', () => {
  test('is asked once about a session that this hub does not know, with the node of its own choice', () => {
    expect(ask('u-session-a')).toBe(PLACE_ASKED);
    expect(asked).toMatchObject([{ nodeId: 'one' }]);
    places.answer(asked[0]!.query, 'elsewhere');
    expect(placed).toEqual([null]);
    expect(ask('u-session-a')).toBeNull();
    expect(asked).toHaveLength(1);
  });

  test('is asked again when a soft session becomes strict, with the node that it has', () => {
    expect(ask('u-session-a')).toBe(PLACE_ASKED);
    places.answer(asked[0]!.query, 'elsewhere');
    expect(ask('u-session-a-strict')).toBe(PLACE_ASKED);
    expect(asked[1]).toMatchObject({ nodeId: 'elsewhere' });
    places.answer(asked[1]!.query, 'one');
    expect(ask('u-session-a-strict')).toBeNull();
    expect(fleet.open('u-session-a-strict').nodeId).toBe('one');
  });

  test('is not asked without a cluster, without a sticky session, or when no node can be had', () => {
    expect(ask('u')).toBeNull();
    expect(ask('u-country-de-session-a')).toBeNull();
    fleet.router.sharesSticky = false;
    expect(ask('u-session-a')).toBeNull();
    expect(asked).toEqual([]);
  });
});

describe('without its word', () => {
  test.each(['it cannot be asked', 'it gives no answer in time'])(
    '%s: a soft session goes on, a strict one fails',
    (how) => {
      for (const name of ['u-session-soft', 'u-session-strict-strict']) expect(ask(name)).toBe(PLACE_ASKED);
      if (how.startsWith('it cannot')) for (const { query } of asked) places.answer(query, null);
      else for (const run of timers) run();
      expect(placed).toEqual([null, 'clusterAway']);
      expect(fleet.router.knowsSticky(read('u-session-strict-strict').sticky!)).toBe(false);
      expect(fleet.open('u-session-soft').nodeId).toBe('one');
    },
  );

  test('no more clients wait than may', () => {
    for (let at = 0; at < CLUSTER_STICKY.questionsMax; at++)
      expect(ask(`u-session-s${at}`)).toBe(PLACE_ASKED);
    expect(ask('u-session-more')).toBeNull();
    expect(ask('u-session-more-strict')).toBe('hubBusy');
    expect(placed).toEqual([]);
  });
});
