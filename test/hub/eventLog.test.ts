// Events: in order across restarts, bounded in number and in rate, found by every filter, written or not.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Events } from '../../src/hub/fleet/eventLog.ts';
import { Store } from '../../src/hub/store/store.ts';
import { EVENTS } from '../../src/limits/ownerBounds.ts';
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
  events = new Events(store.path, store.database);
}

function restart(): void {
  events.close();
  store.close();
  open();
}

function texts(query: Partial<EventQuery> = {}): string[] {
  return events.read({ limit: 1_000, ...query }).map(({ text }) => text);
}

function rows(): number {
  return Number(store.database.prepare('SELECT count(*) AS n FROM events').get()!.n);
}

test('events come newest first, each with the name its node had then', () => {
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
  expect(events.read({ limit: 10 })).toEqual(expected);
  events.write(10);
  expect(events.read({ limit: 10 })).toEqual(expected);
});

describe('numbers', () => {
  test('go on after a clean end', () => {
    events.add({ kind: 'hubStopping', text: 'end' }, NOW, 0);
    restart();
    events.add({ kind: 'hubStarted', text: 'start' }, NOW, 0);
    expect(events.read({ limit: 9 }).map(({ number }) => number)).toEqual([2, 1]);
  });

  test('never repeat, even after a hub was killed before it wrote them', () => {
    events.add({ kind: 'hubStarted', text: 'written' }, NOW, 0);
    events.write(0);
    for (let at = 0; at < 100; at++) events.add({ kind: 'changed', text: 'not written' }, NOW, 0);
    const { lastNumber } = events;
    store.close();
    open();
    events.add({ kind: 'hubStarted', text: 'again' }, NOW, 0);
    expect(events.lastNumber).toBeGreaterThan(lastNumber);
    expect(texts()).toEqual(['again', 'written']);
  });
});

describe('writes', () => {
  test('come once a second, in one transaction', () => {
    events.add({ kind: 'changed', text: 'one' }, NOW, 0);
    events.write(0);
    events.add({ kind: 'changed', text: 'two' }, NOW, 1);
    events.add({ kind: 'changed', text: 'three' }, NOW, 1);
    events.write(999);
    expect(rows()).toBe(1);
    events.write(1_000);
    expect(rows()).toBe(3);
    expect(texts()).toEqual(['three', 'two', 'one']);
  });

  test('lose nothing when the disk takes none', () => {
    const beside = store.database;
    beside.exec(`
      CREATE TABLE full (id INTEGER PRIMARY KEY AUTOINCREMENT);
      INSERT INTO full VALUES (9223372036854775807);
      CREATE TRIGGER full_insert BEFORE INSERT ON events BEGIN INSERT INTO full VALUES (NULL); END;`);
    events.add({ kind: 'changed', text: 'kept' }, NOW, 0);
    expect(() => events.write(0)).toThrow(/cannot use the store/);
    expect(texts()).toEqual(['kept']);
    for (let at = 0; at < EVENTS.pendingMax + 10; at++)
      events.add({ kind: 'changed', text: `${at}` }, NOW, 0);
    expect(texts({ limit: 10_000 }).length).toBe(EVENTS.pendingMax);
    beside.exec('DROP TRIGGER full_insert');
    events.write(1_000);
    expect(rows()).toBe(EVENTS.pendingMax);
  });
});

test('the oldest events make room for new ones', () => {
  store.database.exec(`
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${EVENTS.rowsMax + EVENTS.rowsSlack - 1})
    INSERT INTO events SELECT i, ${NOW}, 'connected', NULL, NULL, 'old' FROM n`);
  events = new Events(store.path, store.database);
  expect(rows()).toBe(EVENTS.rowsMax + EVENTS.rowsSlack - 1);
  events.add({ kind: 'changed', text: 'new' }, NOW, 0);
  events.write(0);
  expect(rows()).toBe(EVENTS.rowsMax);
  expect(texts({ limit: 2 })).toEqual(['new', 'old']);
});

describe('floods', () => {
  test('of strangers keep a few events and say how many were left out', () => {
    for (let at = 0; at < 1_000; at++) events.add({ kind: 'refused', text: `refused ${at}` }, NOW, at);
    expect(texts({ kinds: ['refused'] }).length).toBe(EVENTS.strangersBurst);
    const later = 1_000 + 1_000 / EVENTS.perSecond;
    events.add({ kind: 'refused', text: 'refused again' }, NOW, later);
    expect(texts({ kinds: ['refused'] })[0]).toBe(
      `refused again (${1_000 - EVENTS.strangersBurst} more of this kind were left out)`,
    );
  });

  test('of one kind leave the others alone, and what the owner did is never left out', () => {
    for (let at = 0; at < 5_000; at++)
      events.add({ kind: 'disconnected', node: phone, text: 'gone' }, NOW, at / 10);
    expect(texts({ kinds: ['disconnected'] }).length).toBe(EVENTS.burst);
    events.add({ kind: 'connected', node: phone, text: 'back' }, NOW, 500);
    expect(texts({ limit: 1 })).toEqual(['back']);
    for (let at = 0; at < 500; at++) events.add({ kind: 'changed', node: phone, text: 'changed' }, NOW, 500);
    expect(texts({ kinds: ['changed'] }).length).toBe(500);
  });

  test('of words are cut off', () => {
    events.add({ kind: 'warning', text: 'x'.repeat(10_000) }, NOW, 0);
    expect(texts()[0]!.length).toBe(EVENTS.textMaxChars);
  });
});

test('every filter finds what a naive one finds, in memory and in the table', () => {
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
  fc.assert(
    fc.property(
      fc.array(made, { maxLength: 30 }),
      fc.nat(30),
      fc.array(query, { maxLength: 8 }),
      (list, written, queries) => {
        store.database.exec('DELETE FROM events');
        events = new Events(store.path, store.database);
        const all: EventRecord[] = [];
        for (const [at, event] of list.entries()) {
          if (at === written) events.write(0);
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
          expect(events.read(asked)).toEqual(expected.reverse().slice(0, limit));
        }
      },
    ),
    { numRuns: 60 },
  );
});
