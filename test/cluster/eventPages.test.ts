// Pages over the events of several hubs: whoever follows the links sees every event of every hub that answers once, and none twice.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeCursor, type EventCursor, encodeCursor, WHOLE } from '../../src/cluster/eventCursor.ts';
import { mergedPage, placeAt } from '../../src/cluster/eventPages.ts';
import { HUB_LIST, PICTURE } from '../../src/limits/cluster.ts';
import type { EventRecord } from '../../src/model/fleet.ts';

const NOW_MS = 1_800_000_000_000;

function event(number: number, atMs: number): EventRecord {
  const at = new Date(atMs).toISOString();
  return { number, at, kind: 'changed', nodeId: null, nodeName: null, text: `${number}` };
}

/** A hub as the others know it: it answers with what it has at a place, at most so many at once. */
class FakeHub {
  readonly id: string;
  readonly events: EventRecord[] = [];
  readonly answerMax: number;
  isThere = true;

  constructor(index: number, answerMax: number) {
    this.id = index.toString(16).padStart(16, '0');
    this.answerMax = answerMax;
  }

  happen(atMs: number): void {
    this.events.push(event((this.events.at(-1)?.number ?? 0) + 1, atMs));
  }

  answer(cursor: EventCursor, limit: number) {
    const { after, before } = placeAt(cursor, this.id);
    const askedMax = Math.min(limit, this.answerMax);
    const found = this.events.filter(({ number }) => number > after && (before === null || number < before));
    return { id: this.id, name: this.id, events: found.toReversed().slice(0, askedMax), askedMax };
  }
}

function page(hubs: readonly FakeHub[], cursor: EventCursor, limit: number, nowMs = NOW_MS) {
  const answers = hubs.filter(({ isThere }) => isThere).map((hub) => hub.answer(cursor, limit));
  return mergedPage(cursor, answers, limit, nowMs);
}

const names = (events: readonly EventRecord[]) => events.map(({ hub, number }) => `${hub} ${number}`);
const allOf = (hubs: readonly FakeHub[]) =>
  hubs.flatMap(({ id, events }) => events.map(({ number }) => `${id} ${number}`)).sort();

/** Follows the links to older events to their end. */
function readAll(
  hubs: readonly FakeHub[],
  first: EventCursor,
  limit: number,
  between = () => {},
): EventRecord[] {
  const found: EventRecord[] = [];
  for (let cursor: EventCursor | null = first; cursor !== null; ) {
    const { events, older } = page(hubs, cursor, limit);
    expect(events.length).toBeLessThanOrEqual(limit);
    found.push(...events);
    cursor = older === null ? null : decodeCursor(older)!;
    between();
  }
  return found;
}

const fleets = fc
  .tuple(
    fc.integer({ min: 1, max: 4 }),
    fc.integer({ min: 1, max: 6 }),
    fc.array(fc.tuple(fc.nat(3), fc.integer({ min: -3, max: 9 })), { maxLength: 60 }),
  )
  .map(([count, answerMax, steps]) => () => {
    const hubs = Array.from(
      { length: count },
      (_, index) => new FakeHub(index + 1, answerMax + 20 * (index % 2)),
    );
    let atMs = NOW_MS - 3_600_000;
    for (const [hub, step] of steps) {
      atMs += step;
      hubs[hub % count]!.happen(atMs);
    }
    return hubs;
  });

test('the links to older events lead over every event once, whatever comes meanwhile', () => {
  fc.assert(
    fc.property(fleets, fc.integer({ min: 1, max: 9 }), (make, limit) => {
      const hubs = make();
      const expected = allOf(hubs);
      const found = readAll(hubs, WHOLE, limit, () => {
        for (const hub of hubs) hub.happen(NOW_MS + 1_000);
      });
      expect(names(found).sort()).toEqual(expected);
      for (const hub of hubs) {
        const own = found.filter((one) => one.hub === hub.id).map(({ number }) => number);
        expect(own).toEqual(own.toSorted((one, other) => other - one));
      }
    }),
  );
});

test('pages are in the order of time where clocks run evenly', () => {
  const hubs = [new FakeHub(1, 3), new FakeHub(2, 3), new FakeHub(3, 3)];
  for (let step = 0; step < 60; step++) hubs[(step * 7) % 3]!.happen(NOW_MS + step);
  const times = readAll(hubs, WHOLE, 5).map(({ at }) => at);
  expect(times).toEqual(times.toSorted().reverse());
});

test('the link to newer events leads over those that came since, also at hubs that were not there or are new', () => {
  fc.assert(
    fc.property(fleets, fc.integer({ min: 1, max: 9 }), fc.nat(20), (make, limit, more) => {
      const hubs = make();
      const [away] = hubs;
      away!.isThere = false;
      const before = new Set(allOf(hubs));
      const first = page(hubs, WHOLE, limit);
      for (let count = 0; count < more; count++) hubs[count % hubs.length]!.happen(NOW_MS + 1 + count);
      const late = new FakeHub(9, 3);
      late.happen(NOW_MS + 5);
      const newer = decodeCursor(first.newer!)!;
      // Still away at the next look, and there at the one after it.
      const second = { events: readAll(hubs, newer, limit), newer: page(hubs, newer, limit).newer };
      away!.isThere = true;
      const all = [...hubs, late];
      const seen = [...second.events, ...readAll(all, decodeCursor(second.newer!)!, limit)];
      const expected = allOf(all).filter((name) => !before.has(name));
      expect(names(seen).sort()).toEqual(expected);
    }),
  );
});

test('a hub cannot put in what it was not asked for, nor anything twice', () => {
  const cursor = { sinceMs: 0, places: new Map([['0'.repeat(16), { after: 3, before: 7 }]]) };
  const events = [9, 7, 6, 6, 8, 5, 3, 4].map((number) => event(number, NOW_MS));
  const answer = { id: '0'.repeat(16), name: 'paris', events, askedMax: 50 };
  expect(mergedPage(cursor, [answer], 50, NOW_MS).events.map(({ number }) => number)).toEqual([6, 5, 4]);
});

test('a hub that says nothing but what it was not asked for leads nowhere', () => {
  const cursor = { sinceMs: 0, places: new Map([['0'.repeat(16), { after: 3, before: 7 }]]) };
  const events = [9, 9].map((number) => event(number, NOW_MS));
  const answer = { id: '0'.repeat(16), name: 'paris', events, askedMax: 2 };
  expect(mergedPage(cursor, [answer], 2, NOW_MS)).toEqual({ events: [], older: null, newer: null });
});

test('a hub alone gives its events no hub', () => {
  const answer = { id: '0'.repeat(16), name: null, events: [event(1, NOW_MS)], askedMax: 50 };
  expect(mergedPage(WHOLE, [answer], 50, NOW_MS).events).toEqual([event(1, NOW_MS)]);
});

const cursors = fc.record({
  sinceMs: fc.maxSafeNat(),
  places: fc
    .uniqueArray(
      fc.tuple(
        fc.bigInt(0n, 2n ** 64n - 1n).map((id) => id.toString(16).padStart(16, '0')),
        fc.record({
          after: fc.maxSafeNat(),
          before: fc.option(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
        }),
      ),
      { selector: ([id]) => id, maxLength: HUB_LIST.hubsMax, minLength: 0 },
    )
    .map((places) => new Map(places)),
});

test('a cursor comes back as it was, for as many hubs as a cluster has', () => {
  fc.assert(
    fc.property(cursors, (cursor) => {
      const word = encodeCursor(cursor);
      expect(word.length).toBeLessThanOrEqual(PICTURE.cursorMaxChars);
      expect(decodeCursor(word)).toEqual(cursor);
    }),
  );
});

test('any other word is a cursor or none', () => {
  for (const word of ['', 'x', 'é', 'AA', 'AQ', `AQAA${'A'.repeat(PICTURE.cursorMaxChars)}`])
    expect(decodeCursor(word)).toBeNull();
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.uint8Array().map((bytes) => Buffer.from([1, ...bytes]).toString('base64url')),
      ),
      (word) => {
        const cursor = decodeCursor(word);
        if (cursor !== null) expect(cursor.places.size).toBeLessThanOrEqual(HUB_LIST.hubsMax);
      },
    ),
  );
});
