// One hub and one node per data directory: a lock that the kernel drops with its process, however that ends. Node has no flock(2);
// SQLite has locks that work on every platform, so the lock is an empty database in an exclusive transaction.

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { inSentences, isBusy, makePrivateFile } from './sqliteFile.ts';
import { UserError } from './userError.ts';

export interface DataDirLock {
  release(): void;
}

/** Throws UserError when another of the kind, in this process or any other, holds the directory. Collected as garbage, it is released. */
export function lockDataDir(dataDir: string, kind: 'hub' | 'node'): DataDirLock {
  const lock = tryLockDataDir(dataDir, kind);
  if (lock === null) throw heldElsewhere(dataDir, kind);
  return lock;
}

export function heldElsewhere(dataDir: string, kind: 'hub' | 'node'): UserError {
  return new UserError(
    `another ${kind} runs in ${dataDir}; stop it with restunnel stop, or give this one another --data-dir`,
  );
}

/** null when another of the kind holds the directory. Throws UserError when there can be no lock. */
export function tryLockDataDir(dataDir: string, kind: 'hub' | 'node'): DataDirLock | null {
  const path = join(dataDir, `${kind}.lock`);
  return inSentences(path, () => {
    makePrivateFile(path);
    const database = new DatabaseSync(path, { timeout: 0 });
    try {
      // Nothing is ever written, so no journal need lie beside it.
      database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    } catch (error) {
      database.close();
      if (isBusy(error)) return null;
      throw error;
    }
    return { release: () => database.close() };
  });
}
