// The store's schema, version by version. Never edit a released migration: append the next one.

import type { DatabaseSync } from 'node:sqlite';
import { foldName } from '../../model/nameSyntax.ts';
import { freeName, looksLikeId } from '../fleet/nodeName.ts';

/** MIGRATIONS[n] leads from schema version n to n + 1 (PRAGMA user_version). Times are milliseconds since the Unix epoch. */
const MIGRATIONS: readonly (string | ((database: DatabaseSync) => void))[] = [
  `
  CREATE TABLE nodes (
    id TEXT PRIMARY KEY,
    public_key BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    last_timestamp BLOB NOT NULL,
    revoked_at INTEGER
  ) STRICT;
  CREATE UNIQUE INDEX nodes_by_name ON nodes (name) WHERE revoked_at IS NULL;
  CREATE TABLE tokens (
    hash BLOB PRIMARY KEY,
    name TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_by TEXT,
    used_at INTEGER,
    cancelled_at INTEGER
  ) STRICT;
  `,
  `
  CREATE TABLE users (
    name TEXT PRIMARY KEY,
    hash TEXT NOT NULL,
    streams INTEGER,
    tags TEXT,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
  ) STRICT;
  `,
  // What the owner decides about a node. Without a row: the defaults.
  `
  CREATE TABLE node_settings (
    node_id TEXT PRIMARY KEY,
    tags TEXT NOT NULL,
    country TEXT,
    paused INTEGER NOT NULL,
    mbit_per_second REAL,
    streams INTEGER,
    monthly_bytes INTEGER,
    hours TEXT,
    rotate_schedule TEXT
  ) STRICT;
  `,
  // Traffic per node, and of all nodes under the empty id. Each row holds all of its time: finer rows may go, coarser ones stay.
  // Days are the hub's local ones ('2026-02-28'), minutes and hours go by their first millisecond.
  `
  CREATE TABLE history_minutes (
    node_id TEXT NOT NULL, at INTEGER NOT NULL,
    down INTEGER NOT NULL, up INTEGER NOT NULL, succeeded INTEGER NOT NULL, failed INTEGER NOT NULL, streams INTEGER NOT NULL,
    PRIMARY KEY (node_id, at)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX history_minutes_by_time ON history_minutes (at);
  CREATE TABLE history_hours (
    node_id TEXT NOT NULL, at INTEGER NOT NULL,
    down INTEGER NOT NULL, up INTEGER NOT NULL, succeeded INTEGER NOT NULL, failed INTEGER NOT NULL, streams INTEGER NOT NULL,
    PRIMARY KEY (node_id, at)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX history_hours_by_time ON history_hours (at);
  CREATE TABLE history_days (
    node_id TEXT NOT NULL, at TEXT NOT NULL,
    down INTEGER NOT NULL, up INTEGER NOT NULL, succeeded INTEGER NOT NULL, failed INTEGER NOT NULL, streams INTEGER NOT NULL,
    PRIMARY KEY (node_id, at)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX history_days_by_time ON history_days (at);
  `,
  // What happened; the oldest go.
  `
  CREATE TABLE events (
    number INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    node_id TEXT,
    node_name TEXT,
    text TEXT NOT NULL
  ) STRICT;
  CREATE INDEX events_by_node ON events (node_id, number);
  `,
  // A new link may set the timestamp back: the largest before it.
  'ALTER TABLE nodes ADD COLUMN timestamp_before BLOB',
  foldNames,
  // Where devices have proved their keys, as base/sourceKey.ts names networks.
  'CREATE TABLE networks (network TEXT PRIMARY KEY, seen_at INTEGER NOT NULL) STRICT, WITHOUT ROWID',
  // One row: the hub's key (null: not known yet), and how often an owner's changes were counted.
  `
  CREATE TABLE identity (hub_key TEXT, changes INTEGER NOT NULL) STRICT;
  INSERT INTO identity VALUES (NULL, 0);
  `,
  // What happened to single nodes while so much happened that the list of all events only sums it up.
  `
  CREATE TABLE node_events (
    number INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    node_id TEXT NOT NULL,
    node_name TEXT,
    text TEXT NOT NULL
  ) STRICT;
  CREATE INDEX node_events_by_node ON node_events (node_id, number);
  `,
  // A member of a cluster: one row, and the revocations that the cluster has not heard of.
  `
  CREATE TABLE cluster (
    name TEXT NOT NULL, key BLOB NOT NULL, applied INTEGER NOT NULL, agreed_at INTEGER NOT NULL, hubs BLOB
  ) STRICT;
  CREATE TABLE cluster_outbox (node_id TEXT PRIMARY KEY, revoked_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  ALTER TABLE nodes ADD COLUMN enrolled_at INTEGER;
  `,
];

export const SCHEMA_VERSION = MIGRATIONS.length;

/** Brings the database to our schema, in one transaction. False when it is newer than we are; it is untouched then. */
export function migrate(database: DatabaseSync): boolean {
  if (versionOf(database) === SCHEMA_VERSION) return true;
  database.exec('BEGIN IMMEDIATE');
  try {
    // Read again: another process may have migrated while we waited for the lock.
    const version = versionOf(database);
    for (const migration of MIGRATIONS.slice(version)) {
      if (typeof migration === 'string') database.exec(migration);
      else migration(database);
    }
    if (version < SCHEMA_VERSION) database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    database.exec('COMMIT');
    return version <= SCHEMA_VERSION;
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

/** Members' names are unique as routes read them, and none looks like an id: a younger node that collides gets another name. */
function foldNames(database: DatabaseSync): void {
  database.exec(
    `ALTER TABLE nodes ADD COLUMN folded_name TEXT NOT NULL DEFAULT ''; DROP INDEX nodes_by_name`,
  );
  const keep = database.prepare('UPDATE nodes SET name = ?, folded_name = ? WHERE id = ?');
  const tell = database.prepare(
    `INSERT INTO events SELECT coalesce(max(number), 0) + 1, ?, 'changed', ?, ?, ? FROM events`,
  );
  const taken = new Set<string>();
  const rows = database.prepare('SELECT id, name, revoked_at FROM nodes ORDER BY created_at, id').all();
  for (const row of rows) {
    const [id, old] = [String(row.id), String(row.name)];
    const isMember = row.revoked_at === null;
    const wish = looksLikeId(old) ? `node-${id.slice(0, 4)}` : old;
    const name = isMember ? freeName(wish, (candidate) => taken.has(foldName(candidate))) : wish;
    if (isMember) taken.add(foldName(name));
    keep.run(name, foldName(name), id);
    if (name === old) continue;
    const why = wish === old ? "routes could not tell it from another's" : 'its name looked like an id';
    tell.run(Date.now(), id, name, `${old} is called ${name} now: ${why}`);
  }
  database.exec('CREATE UNIQUE INDEX nodes_by_folded_name ON nodes (folded_name) WHERE revoked_at IS NULL');
}

function versionOf(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.user_version);
}
