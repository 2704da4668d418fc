// Stores of earlier versions: they open, nothing of them is lost, and what is new begins with its defaults.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { UserError } from '../../src/base/userError.ts';
import { changedSettings, DEFAULT_SETTINGS } from '../../src/hub/fleet/nodeSettings.ts';
import { SCHEMA_VERSION } from '../../src/hub/store/migrations.ts';
import { Store } from '../../src/hub/store/store.ts';

/** As restunnel 0.1.0 made it. */
const VERSION_1 = `
  CREATE TABLE nodes (
    id TEXT PRIMARY KEY, public_key BLOB NOT NULL UNIQUE, name TEXT NOT NULL, created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL, last_timestamp BLOB NOT NULL, revoked_at INTEGER
  ) STRICT;
  CREATE UNIQUE INDEX nodes_by_name ON nodes (name) WHERE revoked_at IS NULL;
  CREATE TABLE tokens (
    hash BLOB PRIMARY KEY, name TEXT, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, used_by TEXT,
    used_at INTEGER, cancelled_at INTEGER
  ) STRICT;
  INSERT INTO nodes VALUES ('0011', x'01', 'phone', 5, 6, x'02', NULL), ('0022', x'03', 'phone', 7, 8, x'04', 9);
  INSERT INTO tokens VALUES (x'05', 'tv', 1, 2, NULL, NULL, NULL);
  PRAGMA user_version = 1;`;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'restunnel-migrations-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test('a store of the first version opens', () => {
  const old = new DatabaseSync(join(dir, 'hub.db'));
  old.exec(VERSION_1);
  old.close();
  const store = new Store(dir);
  const facts = { name: 'phone', createdAtMs: 5, lastSeenAtMs: 6, revokedAtMs: null };
  expect(store.listNodes()).toMatchObject([
    { id: '0011', ...facts },
    { id: '0022', revokedAtMs: 9 },
  ]);
  expect(store.database.prepare('SELECT count(*) AS n FROM tokens').get()!.n).toBe(1);
  expect(store.settings.all().size).toBe(0);
  expect(store.users.all()).toEqual([]);
  expect(store.history.sums('2026-01', '2026-01-01')).toEqual(new Map());
  expect(store.events.read({ limit: 10 })).toEqual([]);
  store.close();
});

test('names that routes cannot tell apart, or that look like ids, get others, with an event for each', () => {
  const old = new DatabaseSync(join(dir, 'hub.db'));
  old.exec(VERSION_1);
  old.exec(`INSERT INTO nodes VALUES
    ('0033', x'06', 'PHONE', 9, 9, x'02', NULL), ('0044', x'07', 'Phone-2', 8, 9, x'02', NULL),
    ('0055', x'08', '00112233AABBCCDD', 9, 9, x'02', NULL), ('0066', x'09', 'tv', 9, 9, x'02', NULL)`);
  old.close();
  const store = new Store(dir);
  const names = store.listNodes().map(({ id, name }) => `${id} ${name}`);
  expect(names).toEqual([
    '0033 PHONE-3',
    '0044 Phone-2',
    '0055 node-0055',
    '0011 phone',
    '0066 tv',
    '0022 phone',
  ]);
  const events = store.events.read({ limit: 10 });
  expect(events.map(({ nodeId, nodeName, kind, text }) => [nodeId, nodeName, kind, text])).toEqual([
    ['0055', 'node-0055', 'changed', '00112233AABBCCDD is called node-0055 now: its name looked like an id'],
    ['0033', 'PHONE-3', 'changed', "PHONE is called PHONE-3 now: routes could not tell it from another's"],
  ]);
  store.close();
  const again = new Store(dir);
  expect(again.listNodes().map(({ id, name }) => `${id} ${name}`)).toEqual(names);
  again.close();
});

test('settings come back as they were stored', () => {
  const store = new Store(dir);
  const settings = changedSettings(DEFAULT_SETTINGS, {
    tags: ['home', 'lte'],
    country: 'DE',
    paused: true,
    limits: { mbitPerSecond: 2.5, streams: 7, monthlyBytes: 2 ** 52, hours: '22:00-06:00' },
    rotateSchedule: 'every 6h',
  });
  store.settings.put('one', settings);
  store.settings.put('two', DEFAULT_SETTINGS);
  store.close();
  const again = new Store(dir);
  expect(again.settings.all()).toEqual(
    new Map([
      ['one', settings],
      ['two', DEFAULT_SETTINGS],
    ]),
  );
  again.settings.put('one', DEFAULT_SETTINGS);
  expect(again.settings.all().get('one')).toEqual(DEFAULT_SETTINGS);
  again.close();
});

test('a store of a later version is left alone', () => {
  new Store(dir).close();
  const later = new DatabaseSync(join(dir, 'hub.db'));
  later.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
  later.close();
  expect(() => new Store(dir)).toThrow(UserError);
  expect(() => new Store(dir)).toThrow(/written by a newer restunnel/);
});
