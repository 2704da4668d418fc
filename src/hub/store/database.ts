// Opens the store's SQLite file and brings its schema up to date.

import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { damaged, inSentences, isBusy, makePrivateFile } from '../../base/sqliteFile.ts';
import { UserError } from '../../base/userError.ts';
import { CONTROL } from '../../limits/owner.ts';
import { migrate } from './migrations.ts';

/**
 * The file is made if need be. It belongs to this process alone until it is closed: nobody else's lock can stop the hub, and nobody
 * else's write can slip past it. Throws BusyError when another program has it open for longer than `waitMs`, which blocks; UserError
 * when it can't be used.
 */
export function openDatabase(path: string, waitMs: number): DatabaseSync {
  return inSentences(path, () => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    makePrivateFile(path);
    const deadlineMs = performance.now() + waitMs;
    for (;;) {
      const database = new DatabaseSync(path, { timeout: 0 });
      try {
        prepare(path, database);
        return database;
      } catch (error) {
        database.close();
        if (!isBusy(error) || performance.now() >= deadlineMs) throw error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, CONTROL.storeRetryMs);
      }
    }
  });
}

function prepare(path: string, database: DatabaseSync): void {
  // Exclusive before the first look at the file: then its index lies in memory, without hub.db-shm (sqlite.org/wal.html#noshm).
  database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
  const { quick_check: verdict } = database.prepare('PRAGMA quick_check(1)').get()!;
  if (verdict !== 'ok') throw damaged(path);
  if (!migrate(database)) throw new UserError(`${path} was written by a newer restunnel; update this one`);
}
