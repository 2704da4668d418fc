// Opens the store's SQLite file and brings its schema up to date.

import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { damaged, inSentences, isBusy, makePrivateFile } from '../../base/sqliteFile.ts';
import { UserError } from '../../base/userError.ts';
import { CONTROL } from '../../limits/ownerBounds.ts';
import { migrate } from './migrations.ts';

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

function prepare(path: string, database: DatabaseSync): void {
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
  const { quick_check: verdict } = database.prepare('PRAGMA quick_check(1)').get()!;
  if (verdict !== 'ok') throw damaged(path);
  if (!migrate(database)) throw new UserError(`${path} was written by a newer restunnel; update this one`);
}
