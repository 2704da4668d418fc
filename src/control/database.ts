// Opens the store's SQLite file for its owner alone and puts SQLite's failures into one sentence. Called by store.ts.

import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { CONTROL } from '../limits.ts';
import { UserError } from '../userError.ts';
import { migrate } from './migrations.ts';

/** Reading may go on working: the disk is full, broken, or was mounted read-only. */
export class UnwritableError extends UserError {}

/** Primary result codes (sqlite.org/rescode.html). */
const SQLITE = {
  busy: 5,
  locked: 6,
  readonly: 8,
  ioerr: 10,
  corrupt: 11,
  full: 13,
  cantopen: 14,
  notadb: 26,
};

/** The file is made if need be. Throws UserError when it can't be used. Blocks while another process makes it. */
export function openDatabase(path: string): DatabaseSync {
  return inSentences(path, () => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    makePrivateFile(path);
    const deadlineMs = performance.now() + CONTROL.storeBusyTimeoutMs;
    for (;;) {
      const database = new DatabaseSync(path, { timeout: CONTROL.storeBusyTimeoutMs });
      try {
        prepare(path, database);
        return database;
      } catch (error) {
        database.close();
        // The change to WAL mode fails at once where other locks are waited for.
        if (!isBusy(error) || performance.now() > deadlineMs) throw error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, CONTROL.storeRetryMs);
      }
    }
  });
}

/**
 * An empty file of mode 0600, unless there is one, which gets that mode; SQLite gives its -wal and -shm files the same. An existing
 * file is not opened: closing it would drop the locks that SQLite holds on it in this process (fcntl(2)).
 */
export function makePrivateFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  chmodSync(path, 0o600);
}

/** Whether an error is SQLite's "another connection holds the lock". */
export function isBusy(error: unknown): boolean {
  const { errcode } = error as { errcode?: number };
  return errcode !== undefined && (errcode & 0xff) === SQLITE.busy;
}

function prepare(path: string, database: DatabaseSync): void {
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
  const { quick_check: verdict } = database.prepare('PRAGMA quick_check(1)').get()!;
  if (verdict !== 'ok') throw damaged(path);
  if (!migrate(database)) throw new UserError(`${path} was written by a newer restunnel; update this one`);
}

/** Runs `work` in one transaction that holds the write lock from its start, so that what it read stays true. */
export function inTransaction<T>(path: string, database: DatabaseSync, work: () => T): T {
  return inSentences(path, () => {
    database.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      database.exec('COMMIT');
      return result;
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  });
}

/** Runs `work`; what SQLite or the file system fails with becomes a UserError, other errors pass through. */
export function inSentences<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw sentenceOf(path, error);
  }
}

function sentenceOf(path: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof UserError) return error;
  const { code, errcode } = error as NodeJS.ErrnoException & { errcode?: number };
  if (errcode === undefined) {
    const isSystemError = code !== undefined && /^E[A-Z0-9]+$/.test(code);
    return isSystemError ? new UserError(`cannot use the store ${path}: ${code}`) : error;
  }
  switch (errcode & 0xff) {
    case SQLITE.corrupt:
    case SQLITE.notadb:
      return damaged(path);
    case SQLITE.busy:
    case SQLITE.locked:
      return new UserError(`the store ${path} is kept busy by another process; try again`);
    case SQLITE.readonly:
    case SQLITE.ioerr:
    case SQLITE.full:
    case SQLITE.cantopen:
      return new UnwritableError(`cannot use the store ${path}: ${error.message}`);
    default:
      return error;
  }
}

function damaged(path: string): UserError {
  return new UserError(
    `the store ${path} is damaged; restore it from a backup, or move it away and pair again`,
  );
}
