// Events: in order across restarts, bounded in number and in rate, found by every filter, written or not.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Events } from '../../src/hub/fleet/eventLog.ts';
import { DirectStore } from '../../src/hub/store/directStore.ts';
import { Store } from '../../src/hub/store/store.ts';
import { EVENTS } from '../../src/limits/owner.ts';
import { EVENT_KINDS, type EventQuery, type EventRecord } from '../../src/model/fleet.ts';

const NOW = Date.UTC(2026, 5, 15, 12);
const phone = { id: 'phone-id', name: 'phone' };

let dir: string;
let store: Store;
let events: Events;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'restunnel-events-'));
  open();
});
afterEach(() => {
  store.close();
  rmSync(dir, { recursive: true, force: true });
});

function open(): void {
  store = new Store(dir);
  load();
}

/** As a hub that starts knows them. */
function load(): void {
  events = new Events(new DirectStore(store), store.events.last());
}

/** What a hub does once a second. */
function write(): void {
  const unwritten = events.unwritten();
  const ownEvents = events.ownUnwritten();
  store.record({ seen: new Map(), events: unwritten, ownEvents });
  events.written(Math.max(unwritten.at(-1)?.number ?? 0, ownEvents.at(-1)?.number ?? 0));
}

function restart(): void {
  write();
  store.close();
  open();
}

async function texts(query: Partial<EventQuery> = {}): Promise<string[]> {
  return (await events.read({ limit: 1_000, ...query })).map(({ text }) => text);
}

function rows(): number {
  return Number(store.database.prepare('SELECT count(*) AS n FROM events').get()!.n);
}

test('events come newest first, each with the name its node had then', async () => {
  events.add({ kind: 'hubStarted', text: 'the hub started' }, NOW, 0);
  events.add({ kind: 'connected', node: phone, text: 'phone connected' }, NOW + 5, 5);
  const expected = [
    {
      number: 2,
      at: new Date(NOW + 5).toISOString(),
      kind: 'connected',
      nodeId: 'phone-id',
      nodeName: 'phone',
      text: 'phone connected',
    },
    {
      number: 1,
      at: new Date(NOW).toISOString(),
      kind: 'hubStarted',
      nodeId: null,
      nodeName: null,
      text: 'the hub started',
    },
  ];
  expect(await events.read({ limit: 10 })).toEqual(expected);
  write();
  expect(await events.read({ limit: 10 })).toEqual(expected);
});

describe('numbers', () => {
  test('go on after a clean end', async () => {
    events.add({ kind: 'hubStopping', text: 'end' }, NOW, 0);
    restart();
    events.add({ kind: 'hubStarted', text: 'start' }, NOW, 0);
    expect((await events.read({ limit: 9 })).map(({ number }) => number)).toEqual([2, 1]);
  });

  test('never repeat, even after a hub was killed before it wrote them', async () => {
    events.add({ kind: 'hubStarted', text: 'written' }, NOW, 0);
    write();
    for (let at = 0; at < 100; at++) events.add({ kind: 'changed', text: 'not written' }, NOW, 0);
    const { lastNumber } = events;
    store.close();
    open();
    events.add({ kind: 'hubStarted', text: 'again' }, NOW, 0);
    expect(events.lastNumber).toBeGreaterThan(lastNumber);
    expect(await texts()).toEqual(['again', 'written']);
  });
});

describe('writes', () => {
  test('lose nothing when the disk takes none', async () => {
    const beside = store.database;
    beside.exec(`
      CREATE TABLE full (id INTEGER PRIMARY KEY AUTOINCREMENT);
      INSERT INTO full VALUES (9223372036854775807);
      CREATE TRIGGER full_insert BEFORE INSERT ON events BEGIN INSERT INTO full VALUES (NULL); END;`);
    events.add({ kind: 'changed', text: 'kept' }, NOW, 0);
    expect(() => write()).toThrow(/cannot use the store/);
    expect(await texts()).toEqual(['kept']);
    for (let at = 0; at < EVENTS.pendingMax + 10; at++)
      events.add({ kind: 'changed', text: `${at}` }, NOW, 0);
    expect((await texts({ limit: 10_000 })).length).toBe(EVENTS.pendingMax);
    beside.exec('DROP TRIGGER full_insert');
    write();
    expect(rows()).toBe(EVENTS.pendingMax);
  });
});

test('the oldest events make room for new ones', async () => {
  store.database.exec(`
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${EVENTS.rowsMax + EVENTS.rowsSlack - 1})
    INSERT INTO events SELECT i, ${NOW}, 'connected', NULL, NULL, 'old' FROM n`);
  store.close();
  open();
  expect(rows()).toBe(EVENTS.rowsMax + EVENTS.rowsSlack - 1);
  events.add({ kind: 'changed', text: 'new' }, NOW, 0);
  write();
  expect(rows()).toBe(EVENTS.rowsMax);
  expect(await texts({ limit: 2 })).toEqual(['new', 'old']);
});

/** As the hub does each second. */
function sumUp(runMs: number, away: ReadonlySet<string> = new Set()): void {
  events.sumUp((nodeId) => !away.has(nodeId), NOW, runMs);
}

function deviceOf(at: number): { id: string; name: string } {
  return { id: `id-${at}`, name: `device${at}` };
}

function move(kind: 'connected' | 'disconnected', at: number, runMs: number, moved = true): void {
  const node = deviceOf(at);
  events.add({ kind, node, text: `${node.name} ${kind}`, moved }, NOW, runMs);
}

describe('a large fleet', () => {
  const devices = 1_204;

  test('is summed up once a minute, and each device keeps its own history', async () => {
    for (let at = 0; at < devices; at++) move('disconnected', at, 1_000);
    for (let at = 0; at < devices; at++) if (at !== 7) move('connected', at, 2_000);
    for (let at = devices; at < devices + 3; at++) move('connected', at, 3_000);
    write();
    sumUp(61_000, new Set(['id-7']));
    const listed = await texts({ limit: 2 });
    expect(listed).toEqual([
      '3 devices connected in this minute',
      '1,203 devices left and came back in this minute; 1 device left and is not back yet',
    ]);
    expect((await texts()).length).toBe(2 * EVENTS.burst + 2);
    // One that the list has, one that it does not, before and after they are written, and after a restart.
    const own = (at: number) => texts({ nodeId: `id-${at}` });
    expect(await own(0)).toEqual(['device0 connected', 'device0 disconnected']);
    expect(await own(1_000)).toEqual(['device1000 connected', 'device1000 disconnected']);
    move('disconnected', 1_000, 61_000);
    expect((await own(1_000))[0]).toBe('device1000 disconnected');
    restart();
    expect(await own(1_000)).toEqual([
      'device1000 disconnected',
      'device1000 connected',
      'device1000 disconnected',
    ]);
    expect(await texts({ nodeId: 'id-1000', kinds: ['connected'] })).toEqual(['device1000 connected']);
  });

  test('that the list has whole is not summed up', async () => {
    for (let at = 0; at < 200; at++) move('disconnected', at, 1_000);
    sumUp(70_000);
    expect((await texts()).length).toBe(200);
  });

  test('does not seem to leave when lanes of its devices do', async () => {
    for (let at = 0; at < 400; at++) move('disconnected', at, 1_000, false);
    for (let at = 0; at < 400; at++) move('connected', at, 1_000, false);
    sumUp(61_000);
    expect(await texts({ limit: 2 })).toEqual([
      '100 more of this kind in this minute',
      '100 more of this kind in this minute',
    ]);
  });

  test('that only leaves, and one that comes', async () => {
    for (let at = 0; at < 400; at++) move('disconnected', at, 1_000);
    sumUp(61_000, new Set(Array.from({ length: 400 }, (_, at) => `id-${at}`)));
    expect(await texts({ limit: 1 })).toEqual(['400 devices left in this minute']);
    for (let at = 0; at < 400; at++) move('connected', at, 62_000);
    sumUp(122_000);
    expect(await texts({ limit: 1 })).toEqual(['400 devices connected in this minute']);
  });

  test('a device that comes and goes all the time does not push the history of another out', async () => {
    for (let at = 0; at < EVENTS.burst; at++) move('disconnected', 0, 1_000);
    move('disconnected', 1, 1_000);
    for (let at = 0; at < 2 * EVENTS.ownPerNodeMax; at++) move('disconnected', 2, 1_000);
    write();
    expect(await texts({ nodeId: 'id-1' })).toEqual(['device1 disconnected']);
    expect((await texts({ nodeId: 'id-2' })).length).toBe(EVENTS.ownPerNodeMax);
  });
});

test('numbers go on behind those that only the history of a device has', async () => {
  for (let at = 0; at <= EVENTS.burst; at++) move('disconnected', at, 0);
  const { lastNumber } = events;
  write();
  store.close();
  open();
  events.add({ kind: 'hubStarted', text: 'again' }, NOW, 0);
  expect(events.lastNumber).toBeGreaterThan(lastNumber);
});

describe('floods', () => {
  test('of strangers keep a few events, and one a minute says how many there were besides', async () => {
    const flood = 2_000;
    for (let at = 0; at < flood; at++)
      events.add({ kind: 'refused', node: phone, text: `refused ${at}` }, NOW, at / 10);
    sumUp(EVENTS.sumEveryMs - 1);
    expect((await texts({ kinds: ['refused'] })).length).toBe(EVENTS.strangersBurst);
    sumUp(EVENTS.sumEveryMs);
    expect((await texts({ kinds: ['refused'] }))[0]).toBe('1,980 more of this kind in this minute');
    sumUp(2 * EVENTS.sumEveryMs);
    const found = EVENTS.strangersBurst + 1;
    expect((await texts({ kinds: ['refused'] })).length).toBe(found);
    expect((await texts({ nodeId: 'phone-id' })).length).toBe(EVENTS.strangersBurst);
  });

  test('of one kind leave the others alone, and what the owner did is never left out', async () => {
    for (let at = 0; at < 5_000; at++)
      events.add({ kind: 'disconnected', node: phone, text: 'gone' }, NOW, at / 10);
    expect((await texts({ kinds: ['disconnected'] })).length).toBe(EVENTS.burst);
    events.add({ kind: 'connected', node: phone, text: 'back' }, NOW, 500);
    expect(await texts({ limit: 1 })).toEqual(['back']);
    for (let at = 0; at < 500; at++) events.add({ kind: 'changed', node: phone, text: 'changed' }, NOW, 500);
    expect((await texts({ kinds: ['changed'] })).length).toBe(500);
  });

  test('of words are cut off', async () => {
    events.add({ kind: 'warning', text: 'x'.repeat(10_000) }, NOW, 0);
    expect((await texts())[0]!.length).toBe(EVENTS.textMaxChars);
  });
});

test('every filter finds what a naive one finds, in memory and in the table', async () => {
  const made = fc.record({
    kind: fc.constantFrom(...EVENT_KINDS),
    node: fc.constantFrom(null, phone, { id: 'tv-id', name: 'tv' }),
    text: fc.constantFrom('Größe', 'GRÖSSE', '100%', 'under_score', 'plain', 'Plain '),
  });
  const query = fc.record(
    {
      kinds: fc.uniqueArray(fc.constantFrom(...EVENT_KINDS)),
      nodeId: fc.constantFrom('phone-id', 'tv-id', 'none'),
      contains: fc.constantFrom('grö', 'Grö', '%', '_', 'PLAIN', "'", ''),
      before: fc.nat(30),
      after: fc.nat(30),
      limit: fc.integer({ min: 1, max: 30 }),
    },
    { requiredKeys: ['limit'] },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(made, { maxLength: 30 }),
      fc.nat(30),
      fc.array(query, { maxLength: 8 }),
      async (list, written, queries) => {
        store.database.exec('DELETE FROM events');
        load();
        const all: EventRecord[] = [];
        for (const [at, event] of list.entries()) {
          if (at === written) write();
          events.add(event, NOW + at, 0);
          all.push({
            number: at + 1,
            at: new Date(NOW + at).toISOString(),
            kind: event.kind,
            nodeId: event.node?.id ?? null,
            nodeName: event.node?.name ?? null,
            text: event.text,
          });
        }
        for (const { kinds, nodeId, contains, before, after, limit } of queries as EventQuery[]) {
          const expected = all.filter(
            (event) =>
              (kinds === undefined || kinds.includes(event.kind)) &&
              (nodeId === undefined || event.nodeId === nodeId) &&
              (contains === undefined || event.text.toLowerCase().includes(contains.toLowerCase())) &&
              (before === undefined || event.number < before) &&
              (after === undefined || event.number > after),
          );
          const asked = { kinds, nodeId, contains, before, after, limit } as EventQuery;
          expect(await events.read(asked)).toEqual(expected.reverse().slice(0, limit));
        }
      },
    ),
    { numRuns: 60 },
  );
});
