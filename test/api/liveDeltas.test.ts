// Deltas of the live channel: a page that applies them knows what a page that gets ticks knows, from few bytes, whoever comes late.

import type { ServerResponse } from 'node:http';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Live } from '../../src/api/liveChannel.ts';
import { LiveDeltas } from '../../src/api/liveDeltas.ts';
import { liveDelta } from '../../src/api/schemas/live.ts';
import { LiveDeltaReader } from '../../src/dashboard/pages/liveDeltas.ts';
import { DASHBOARD } from '../../src/limits/owner.ts';
import type { LiveDelta, LiveTick, NodeView } from '../../src/model/fleet.ts';
import { serveFake } from '../dashboard/serveFake.ts';
import { ask, bearerOf } from './asker.ts';
import { FakeFleet } from './fakeFleet.ts';
import { FakeResponse } from './fakeResponse.ts';

const PHONE = new FakeFleet({ nodes: 1, now: () => 0 }).nodes()[0]!;
const HUB = {} as LiveTick['hub'];

function nodeOf(at: number): NodeView {
  const nothing = { downBytes: 0, upBytes: 0 };
  return { ...PHONE, id: `id-${at}`, name: `device${at}`, today: nothing, month: nothing };
}

function tickOf(...nodes: NodeView[]): LiveTick {
  return { at: '2026-01-01T00:00:00.000Z', hub: HUB, nodes, events: [] };
}

function moved(node: NodeView, bytes: number): NodeView {
  const more = ({ downBytes, upBytes }: NodeView['today']) => ({ downBytes: downBytes + bytes, upBytes });
  return { ...node, downBytesPerSecond: bytes, today: more(node.today), month: more(node.month) };
}

test('what moves comes in lists, and what it adds up to every few seconds', () => {
  const nodes = [nodeOf(0), nodeOf(1), nodeOf(2)];
  const deltas = new LiveDeltas(nodes, 0);
  const once = moved(nodes[1]!, 700);
  const twice = moved(once, 300);
  const first = deltas.next(tickOf(once), 1_000);
  expect(first).toMatchObject({
    nodes: [],
    changed: [],
    moving: { numbers: [1], downBytesPerSecond: [700] },
    moved: { numbers: [] },
  });
  expect(deltas.next(tickOf(twice), 2_000).moving.downBytesPerSecond).toEqual([300]);
  const due = deltas.next(tickOf(), DASHBOARD.movedEveryMs);
  expect(due.moved).toEqual({ numbers: [1], downBytes: [1_000], upBytes: [0] });
  expect(deltas.next(tickOf(), 2 * DASHBOARD.movedEveryMs).moved.numbers).toEqual([]);
});

test('what the owner changes comes at once, a new day as well, and a new node gets the next number', () => {
  const node = moved(nodeOf(0), 100);
  const deltas = new LiveDeltas([node], 0);
  const tagged = { ...moved(node, 50), tags: ['home'], paused: true };
  expect(deltas.next(tickOf(tagged), 1).changed).toEqual([{ number: 0, tags: ['home'], paused: true }]);
  const today = { downBytes: 5, upBytes: 0 };
  const { downBytes } = tagged.month;
  const nextDay = { ...tagged, today, month: { downBytes: downBytes + 5, upBytes: 0 } };
  expect(deltas.next(tickOf(nextDay), 2).changed).toEqual([{ number: 0, today, month: nextDay.month }]);
  expect(deltas.next(tickOf(), DASHBOARD.movedEveryMs).moved.numbers).toEqual([]);
  const late = nodeOf(1);
  expect(deltas.next(tickOf(late), 3).nodes).toEqual([late]);
  expect(deltas.next(tickOf({ ...late, streams: late.streams + 1 }), 4).moving.numbers).toEqual([1]);
});

test('a page knows what the hub knows, whatever happens and whenever it comes', () => {
  const change = fc.record({
    at: fc.nat(7),
    what: fc.constantFrom('move', 'pause', 'streams', 'ping', 'newDay', 'none'),
    amount: fc.nat(1_000),
  });
  const ticks = fc.array(fc.array(change, { maxLength: 4 }), { maxLength: 20 });
  fc.assert(
    fc.property(ticks, fc.nat(19), (list, comesAt) => {
      const known = new Map([0, 1, 2].map((at) => [`id-${at}`, nodeOf(at)]));
      const deltas = new LiveDeltas([...known.values()], 0);
      const early = new LiveDeltaReader();
      early.read('state', JSON.stringify(tickOf(...deltas.nodes)));
      const seen = new Map(deltas.nodes.map((node) => [node.id, node]));
      let late: LiveDeltaReader | null = null;
      const seenLate = new Map<string, NodeView>();
      const last = list.length + 1;
      for (let second = 1; second <= last; second++) {
        const changed = new Map<string, NodeView>();
        for (const { at, what, amount } of list[second - 1] ?? []) {
          const node = known.get(`id-${at}`) ?? nodeOf(at);
          const next = changedBy(node, what, amount);
          known.set(node.id, next);
          changed.set(node.id, next);
        }
        // At the end all sums are told.
        const atMs = second === last ? second * 1_000 + DASHBOARD.movedEveryMs : second * 1_000;
        const delta = deltas.next(tickOf(...changed.values()), atMs);
        for (const node of early.read('delta', JSON.stringify(delta)).nodes) seen.set(node.id, node);
        if (late !== null) {
          for (const node of late.read('delta', JSON.stringify(delta)).nodes) seenLate.set(node.id, node);
        } else if (second - 1 >= comesAt || second === last - 1) {
          late = new LiveDeltaReader();
          const state = late.read('state', JSON.stringify(tickOf(...deltas.nodes)));
          for (const node of state.nodes) seenLate.set(node.id, node);
        }
      }
      expect(seen).toEqual(known);
      if (late !== null) expect(seenLate).toEqual(known);
    }),
  );
});

function changedBy(node: NodeView, what: string, amount: number): NodeView {
  switch (what) {
    case 'move':
      return moved(node, amount);
    case 'pause':
      return { ...node, paused: !node.paused, tags: [`t${amount}`] };
    case 'streams':
      return { ...node, streams: amount };
    case 'ping':
      return { ...node, roundTripMs: amount % 2 === 0 ? amount : null };
    case 'newDay':
      return { ...node, today: { downBytes: 0, upBytes: 0 } };
    default:
      return node;
  }
}

test('viewers of ticks and viewers of deltas share a channel; one that was slow gets a state, and deltas fit it', () => {
  let nowMs = 0;
  const fleet = new FakeFleet({ nodes: 3, now: () => nowMs });
  const live = new Live({ fleet, now: () => nowMs });
  const [ticks, deltas, slow] = [new FakeResponse(), new FakeResponse(), new FakeResponse()];
  live.add(ticks as unknown as ServerResponse, null);
  live.add(deltas as unknown as ServerResponse, null, true);
  live.add(slow as unknown as ServerResponse, null, true);
  const kinds = ({ written }: FakeResponse) => written.map((text) => /^event: (\w+)/.exec(text)?.[1]);
  const tick = (isSlow: boolean) => {
    nowMs += 1_000;
    slow.writableNeedDrain = isSlow;
    fleet.tick();
  };
  tick(false);
  tick(true);
  tick(true);
  tick(false);
  tick(false);
  expect(kinds(ticks)).toEqual(['state', 'tick', 'tick', 'tick', 'tick', 'tick']);
  expect(kinds(deltas)).toEqual(['state', 'delta', 'delta', 'delta', 'delta', 'delta']);
  expect(kinds(slow)).toEqual(['state', 'delta', 'state', 'delta']);
  const [one, other] = [deltas, slow].map(({ written }) => {
    const reader = new LiveDeltaReader();
    const nodes = new Map<string, NodeView>();
    for (const text of written) {
      const [, event, data] = /^event: (\w+)\ndata: (.*)\n\n$/s.exec(text)!;
      for (const node of reader.read(event!, data!).nodes) nodes.set(node.id, node);
    }
    return nodes;
  });
  const fields = (nodes: ReadonlyMap<string, NodeView>) =>
    [...nodes.values()].map(({ id, streams, downBytesPerSecond, today }) => [
      id,
      streams,
      downBytesPerSecond,
      today,
    ]);
  expect(fields(other!)).toEqual(fields(one!));
  live.close();
  expect(fleet.watchers.size).toBe(0);
});

test('a delta of a large fleet is a small part of its tick', () => {
  const nodes = Array.from({ length: 1_000 }, (_, at) => nodeOf(at));
  const deltas = new LiveDeltas(nodes, 0);
  const tick = tickOf(...nodes.map((node) => moved(node, 12_345)));
  const delta = deltas.next(tick, 1_000);
  expect(JSON.stringify(delta).length * 20).toBeLessThan(JSON.stringify(tick).length);
});

test('over HTTP: the token is needed, and what comes fits its description', async () => {
  const fake = await serveFake({ nodes: 3 });
  try {
    const refused = await ask(fake, '/api/v1/live?deltas=true');
    expect(refused.status).toBe(403);
    const wrong = await ask(fake, '/api/v1/live?deltas=yes', { headers: bearerOf(fake) });
    expect(wrong.status).toBe(400);
    const response = await fetch(`http://${fake.dashboard.address}/api/v1/live?deltas=true`, {
      headers: bearerOf(fake),
    });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!text.includes('event: delta')) {
      if (text.includes('event: state')) fake.fleet.tick();
      text += (await reader.read()).value;
    }
    while (!text.endsWith('\n\n')) text += (await reader.read()).value;
    const data = /event: delta\ndata: (.*)\n\n/.exec(text)![1]!;
    const delta = JSON.parse(data) as LiveDelta;
    expect(liveDelta.safeParse(delta).error).toBeUndefined();
    await reader.cancel();
  } finally {
    await fake.close();
  }
});
