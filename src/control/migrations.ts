// The store's schema, version by version. A released migration is never edited: the next one goes behind it.

import type { DatabaseSync } from 'node:sqlite';

/** MIGRATIONS[n] leads from schema version n to n + 1 (PRAGMA user_version). Times are milliseconds since the Unix epoch. */
const MIGRATIONS: readonly string[] = [
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
];

export const SCHEMA_VERSION = MIGRATIONS.length;

/** Brings the database to our schema, in one transaction. False when it is newer than we are; it is untouched then. */
export function migrate(database: DatabaseSync): boolean {
  if (versionOf(database) === SCHEMA_VERSION) return true;
  database.exec('BEGIN IMMEDIATE');
  try {
    // Read again: another process may have migrated while we waited for the lock.
    const version = versionOf(database);
    for (const migration of MIGRATIONS.slice(version)) database.exec(migration);
    if (version < SCHEMA_VERSION) database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    database.exec('COMMIT');
    return version <= SCHEMA_VERSION;
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

function versionOf(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.user_version);
}
