// SQLite files and what goes wrong with them: made for their owner alone, transactions, and failures as one sentence.

import { chmodSync, closeSync, openSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { makePrivate } from './fileAccess.ts';
import { UserError } from './userError.ts';

/** Another program has the file open. */
export class BusyError extends UserError {}

/** Reading may go on working: the disk is full, broken, or was mounted read-only. */
export class UnwritableError extends UserError {}

/** The file itself is not what SQLite wrote. */
export class DamagedError extends UserError {}

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

/**
 * An empty file of mode 0600 (Windows: with a list of its own), unless there is one, which gets that mode; SQLite gives its -wal and -shm files the same. An existing
 * file is not opened: closing it would drop the locks that SQLite holds on it in this process (fcntl(2)).
 */
export function makePrivateFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
    makePrivate(path, false);
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

/**
 * Runs `work` in one transaction that is on the disk when this returns (sqlite.org/pragma.html#pragma_synchronous): for what must not
 * come back after a power cut. Other transactions survive the end of the process, and are on the disk after the next of these.
 */
export function inDurableTransaction<T>(path: string, database: DatabaseSync, work: () => T): T {
  database.exec('PRAGMA synchronous = FULL');
  try {
    return inTransaction(path, database, work);
  } finally {
    database.exec('PRAGMA synchronous = NORMAL');
  }
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

/** As inSentences(), for what takes its time. */
export async function inSentencesLater<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
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
      return new BusyError(
        `another program has the store ${path} open; end it first (a backup is made by: restunnel backup FILE)`,
      );
    case SQLITE.readonly:
    case SQLITE.ioerr:
    case SQLITE.full:
    case SQLITE.cantopen:
      return new UnwritableError(`cannot use the store ${path}: ${error.message}`);
    default:
      return error;
  }
}

export function damaged(path: string): DamagedError {
  return new DamagedError(`the store ${path} is damaged; restore it from a backup`);
}
