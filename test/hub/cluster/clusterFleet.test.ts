// One picture of a fleet at several hubs: devices that are connected anywhere, sums of what they do, and what only another hub can answer.

import { beforeEach, describe, expect, test } from 'vitest';
import { UserError } from '../../../src/base/userError.ts';
import { ClusterFleet } from '../../../src/hub/cluster/clusterFleet.ts';
import { atHub, FleetPicture } from '../../../src/hub/cluster/fleetPicture.ts';
import {
  answerHub,
  type HubQuestion,
  type HubQuestions,
  type OtherHubs,
} from '../../../src/hub/cluster/hubQuestions.ts';
import { PICTURE } from '../../../src/limits/cluster.ts';
import type { LiveTick, NodeView } from '../../../src/model/fleet.ts';
import { FakeFleet } from '../../api/fakeFleet.ts';

let nowMs: number;
/** Three devices, the same at both hubs. */
let here: FakeFleet;
let there: FakeFleet;
let isThereReachable: boolean;
let fleet: ClusterFleet;

const [BERLIN, PARIS] = ['b'.repeat(16), 'a'.repeat(16)];

/** As the hub does whose fleet this is. */
const others: OtherHubs = {
  async ask<Question extends HubQuestion>(question: Question, asked: HubQuestions[Question]['asked']) {
    if (!isThereReachable) return { answers: [], missing: ['paris'] };
    try {
      const answer = await answerHub(there, PARIS, question, asked);
      return { answers: [{ id: PARIS, hub: 'paris', answer }], missing: [] };
    } catch (error) {
      if (error instanceof UserError) return { answers: [], missing: ['paris'] };
      throw error;
    }
  },
};

function say(isWhole = true, changes: Partial<NodeView> = {}): void {
  const { stopping, nodesConnected, nodesPaired, streams, clients } = there.status();
  const { downBytesPerSecond, upBytesPerSecond, connectsPerSecond, failuresPerSecond } = there.status();
  const figures = {
    ...{ stopping, nodesConnected, nodesPaired, streams, clients },
    ...{ downBytesPerSecond, upBytesPerSecond, connectsPerSecond, failuresPerSecond },
  };
  const nodes = there.nodes().map((node) => atHub({ ...node, ...changes }));
  fleet.hear(
    {
      hub: 'p',
      name: 'paris',
      isWhole,
      nodes,
      figures,
      connects: { succeeded: 7, failures: {} },
    },
    nowMs,
  );
}

beforeEach(() => {
  nowMs = 1_800_000_000_000;
  [here, there] = [new FakeFleet({ now: () => nowMs }), new FakeFleet({ now: () => nowMs })];
  isThereReachable = true;
  fleet = new ClusterFleet({
    id: BERLIN,
    own: here,
    picture: new FleetPicture(),
    others,
    connected: () => here.nodes().flatMap(({ id, connected }) => (connected ? [id] : [])),
    hub: () => 'berlin',
    wallMs: () => nowMs,
    ended: () => {},
  });
});

const [FIRST, SECOND] = ['0001f00d', '0002f00d'];

describe('a device', () => {
  test('shows the hubs to which it is connected, and the sums of what it does there', () => {
    expect(fleet.node(FIRST).hubs).toEqual(['berlin']);
    const before = fleet.node(FIRST);
    say();
    const merged = fleet.node(FIRST);
    expect(merged.hubs).toEqual(['berlin', 'paris']);
    expect(merged.streams).toBe(2 * before.streams);
    expect(merged.lanes).toBe(2 * before.lanes);
    expect(merged.month.downBytes).toBe(2 * before.month.downBytes);
    expect(merged.roundTripMs).toBe(before.roundTripMs);
    expect([merged.way, merged.via]).toEqual([before.way, before.via]);
    expect(fleet.nodes().map(({ id }) => id)).toEqual(here.nodes().map(({ id }) => id));
    expect(fleet.nodePage('', 1).nodes[0]!.hubs).toEqual(['berlin', 'paris']);
  });

  test('comes as it comes to each hub', () => {
    const wayOf = () => {
      const { way, via } = fleet.node(FIRST);
      return [way, via];
    };
    const [own] = wayOf();
    say(true, { way: own === 'tcp' ? 'webSocket' : 'tcp', via: 'http' });
    expect(wayOf()).toEqual(['both', 'http']);
    here.setAway(FIRST, true);
    expect(wayOf()).toEqual([own === 'tcp' ? 'webSocket' : 'tcp', 'http']);
  });

  test('that is away here and connected elsewhere is connected', () => {
    here.setAway(FIRST, true);
    expect(fleet.node(FIRST)).toMatchObject({ state: 'away', connected: false, hubs: [] });
    say();
    expect(fleet.node(FIRST)).toMatchObject({ state: 'connected', connected: true, hubs: ['paris'] });
  });

  test('that was revoked here is revoked, whatever a hub says that has not heard of it', async () => {
    await here.revoke(FIRST);
    say();
    expect(fleet.node(FIRST)).toMatchObject({ state: 'revoked', connected: false, hubs: [] });
  });

  test('is not where a hub has fallen silent, or says that it has left', () => {
    say();
    there.setAway(FIRST, true);
    say(false);
    expect(fleet.node(FIRST).hubs).toEqual(['berlin']);
    expect(fleet.node(SECOND).hubs).toEqual(['berlin', 'paris']);
    nowMs += PICTURE.hubSilentMs + 1;
    fleet.forgetSilent(nowMs);
    expect(fleet.node(SECOND).hubs).toEqual(['berlin']);
  });
});

test('the figures count a device once, and streams of all hubs', () => {
  here.setAway(FIRST, true);
  say();
  expect(fleet.status().nodesConnected).toBe(3);
  expect(fleet.status().streams).toBe(here.status().streams + there.status().streams);
});

test('whoever watches hears of changes at other hubs, each watcher of all', () => {
  const heard: LiveTick[][] = [[], []];
  const ends = heard.map((ticks) => fleet.watch((tick) => ticks.push(tick)));
  say();
  here.tick();
  for (const ticks of heard) {
    expect(ticks.at(-1)!.nodes.find(({ id }) => id === FIRST)!.hubs).toEqual(['berlin', 'paris']);
  }
  for (const end of ends) end();
  expect(here.watchers.size).toBe(0);
});

describe('what only another hub knows', () => {
  test('events of all hubs in the order of time, with the hub of each', async () => {
    nowMs += 1_000;
    await there.change(FIRST, { paused: true });
    nowMs += 1_000;
    await here.change(SECOND, { paused: true });
    const { events, older, newer } = await fleet.hubs.eventPage({ limit: 50 }, null);
    expect(events.slice(0, 2).map(({ hub, nodeId }) => [hub, nodeId])).toEqual([
      ['berlin', SECOND],
      ['paris', FIRST],
    ]);
    const all = [...(await here.events({ limit: 500 })), ...(await there.events({ limit: 500 }))];
    const found = [...events];
    for (let cursor = older; cursor !== null; ) {
      const page = await fleet.hubs.eventPage({ limit: 7 }, cursor);
      found.push(...page.events);
      cursor = page.older;
    }
    expect(found.length).toBe(all.length);
    await there.change(FIRST, { paused: false });
    await here.change(SECOND, { paused: false });
    const since = await fleet.hubs.eventPage({ limit: 50 }, newer);
    expect(since.events.map(({ hub }) => hub).sort()).toEqual(['berlin', 'paris']);
  });

  test('a hub that does not answer is named, and what happened there comes when it does', async () => {
    isThereReachable = false;
    nowMs += 3_600_000;
    const first = await fleet.hubs.eventPage({ limit: 50 }, null);
    expect(first.missingHubs).toEqual(['paris']);
    expect(new Set(first.events.map(({ hub }) => hub))).toEqual(new Set(['berlin']));
    nowMs += 1_000;
    await there.change(FIRST, { paused: true });
    isThereReachable = true;
    const next = await fleet.hubs.eventPage({ limit: 50 }, first.newer);
    expect(next.missingHubs).toEqual([]);
    expect(next.events.map(({ hub, nodeId }) => [hub, nodeId])).toEqual([['paris', FIRST]]);
    await expect(fleet.hubs.eventPage({ limit: 50 }, 'no cursor')).rejects.toThrow(UserError);
  });

  test('each hub alone, for who counts at each', () => {
    say();
    const [own, other] = fleet.hubs.hubs();
    expect([own!.name, other!.name]).toEqual(['berlin', 'paris']);
    expect(own!.figures.streams).toBe(here.status().streams);
    expect(own!.connects!.succeeded).toBe(here.status().connects.succeeded);
    expect(other!.connects).toEqual({ succeeded: 7, failures: {} });
    expect(other!.nodes.get(FIRST)!.connected).toBe(true);
    expect(fleet.hubs.own.status()).toEqual(here.status());
  });

  test('history is summed', async () => {
    const own = await here.history(FIRST, '1h');
    const both = await fleet.history(FIRST, '1h');
    expect(both.points.map(({ downBytes }) => downBytes)).toEqual(
      own.points.map(({ downBytes }) => 2 * downBytes),
    );
  });

  test('a new address comes from the hub that has the device', async () => {
    here.setAway(FIRST, true);
    say();
    expect((await fleet.rotate(FIRST)).nodeId).toBe(FIRST);
    expect(there.calls.some((call) => call.includes('rotate'))).toBe(true);
    expect(here.calls.some((call) => call.includes('rotate'))).toBe(false);
    isThereReachable = false;
    await expect(fleet.rotate(FIRST)).rejects.toThrow(UserError);
  });

  test('a sticky session ends at every hub, and is listed once', async () => {
    expect(await fleet.sessions()).toEqual(await here.sessions());
    await here.endSession('me', 'cart42');
    expect(await fleet.endSession('me', 'cart42')).toMatchObject({ name: 'cart42' });
    await expect(fleet.endSession('me', 'cart42')).rejects.toThrow(UserError);
  });
});
