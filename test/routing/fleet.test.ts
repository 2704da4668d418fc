// An hour of a fleet in a second: 200 nodes that come and go, 5,000 sticky sessions, and streams without one. Every promise of a sticky
// session is checked.

import { describe, expect, test } from 'vitest';
import type { Route } from '../../src/routing/routedNode.ts';
import { PretendFleet, read } from './pretendFleet.ts';

const NODES = 200;
const SESSIONS = 5_000;
const TTL_MS = 300_000;
const STEPS = 3_600;

test('200 nodes come and go for an hour, and 5,000 sticky sessions keep their promises', () => {
  const fleet = new PretendFleet(2026);
  const { random } = fleet;
  const roundTrips = Array.from({ length: NODES }, (_, at) => (at % 4) * 100);
  const lanes: (number | null)[] = roundTrips.map((roundTripMs, at) =>
    fleet.join(`n${at}`, {}, { roundTripMs }),
  );
  fleet.pass(5_000);
  const sessions = Array.from({ length: SESSIONS }, (_, at) => ({
    request: read(`me-session-s${at}-ttl-300s${at % 3 === 0 ? '-strict' : ''}`),
    strict: at % 3 === 0,
    promised: null as string | null,
    usedMs: 0,
  }));
  const isUp = (nodeId: string) => lanes[Number(nodeId.slice(1))] !== null;
  const open: Route[] = [];
  const unsticky = new Array<number>(NODES).fill(0);
  const fair = new Array<number>(NODES).fill(0);
  const counts = { kept: 0, moved: 0, lost: 0, begun: 0, wrong: 0 };

  const use = (session: (typeof sessions)[number]) => {
    const alive = session.promised !== null && fleet.nowMs - session.usedMs < TTL_MS;
    const route = fleet.router.pick(session.request);
    if (typeof route === 'string') {
      // Only a strict one whose node is away may fail, and never otherwise than by saying so.
      if (route !== 'sessionLost' || !session.strict || !alive || isUp(session.promised!)) counts.wrong++;
      counts.lost++;
      return;
    }
    if (!alive) counts.begun++;
    else if (route.nodeId === session.promised) counts.kept++;
    else if (session.strict || isUp(session.promised!)) counts.wrong++;
    else counts.moved++;
    if (!isUp(route.nodeId)) counts.wrong++;
    session.promised = route.nodeId;
    session.usedMs = fleet.nowMs;
    fleet.figures[route.index]!.load++;
    open.push(route);
  };

  for (let step = 0; step < STEPS; step++) {
    fleet.pass(1_000);
    // About one in a hundred nodes goes in a second, and comes back after a minute or so.
    for (let at = 0; at < NODES; at++) {
      const index = lanes[at]!;
      if (index === null) {
        if (random() < 1 / 60) lanes[at] = fleet.lane(`n${at}`, { roundTripMs: roundTrips[at]! });
      } else if (random() < 1 / 200) {
        fleet.leave(index);
        lanes[at] = null;
      }
    }
    for (let at = 0; at < 40; at++) use(sessions[Math.floor(random() * SESSIONS)]!);
    const up = roundTrips.map((roundTripMs, at) => (lanes[at] === null ? 0 : 200 / (200 + roundTripMs)));
    const sum = up.reduce((all, weight) => all + weight);
    for (let at = 0; at < 60; at++) {
      const route = fleet.open();
      if (!isUp(route.nodeId)) counts.wrong++;
      unsticky[Number(route.nodeId.slice(1))]!++;
      open.push(route);
    }
    for (const [at, weight] of up.entries()) fair[at]! += (60 * weight) / sum;
    while (open.length > 500) {
      const place = Math.floor(random() * open.length);
      fleet.close(open[place]!);
      open[place] = open.at(-1)!;
      open.pop();
    }
  }

  expect(counts.wrong).toBe(0);
  for (const count of [counts.kept, counts.moved, counts.lost, counts.begun])
    expect(count).toBeGreaterThan(1_000);
  // By weight class: each of its 50 nodes had its share of coming and going.
  for (const group of [0, 1, 2, 3]) {
    const of = (values: readonly number[]) =>
      values.reduce((sum, value, at) => (at % 4 === group ? sum + value : sum), 0);
    expect(Math.abs(of(unsticky) / of(fair) - 1)).toBeLessThan(0.1);
  }
  // And of every single node, as far as it was there long enough to say.
  const off = unsticky.map((count, at) => Math.abs(count / fair[at]! - 1));
  expect(Math.max(...off)).toBeLessThan(0.1);
});

describe('many nodes', () => {
  test('10,000 nodes join, change and leave, and only connected ones are picked', () => {
    const fleet = new PretendFleet(5);
    const indices = Array.from({ length: 10_000 }, (_, at) =>
      fleet.join(`n${at}`, { tags: [`t${at % 10}`] }),
    );
    for (let at = 0; at < 1_000; at++) expect(Number(fleet.open('me-tag-t3').nodeId.slice(1)) % 10).toBe(3);
    for (const index of indices.slice(0, 9_999)) fleet.leave(index);
    expect(fleet.open().nodeId).toBe('n9999');
    fleet.leave(indices[9_999]!);
    expect(fleet.router.pick()).toBe('noNode');
  });
});
