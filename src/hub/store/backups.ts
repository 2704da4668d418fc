// A copy of the store while it is in use, by SQLite's own backup (sqlite.org/backup.html): whole, and of one moment.

import { rmSync, statSync } from 'node:fs';
import { backup, DatabaseSync } from 'node:sqlite';
import { inSentencesLater, makePrivateFile } from '../../base/sqliteFile.ts';
import { UserError } from '../../base/userError.ts';
import type { Backup } from '../../model/fleet.ts';

/** As a file that no journal belongs to: one that lies where it is restored is then not applied to it (journal.ts). */
function markAsBackup(path: string): void {
  const copy = new DatabaseSync(path);
  try {
    copy.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE');
  } finally {
    copy.close();
  }
}

export class Backups {
  readonly #path: string;
  readonly #database: DatabaseSync;
  #isMaking = false;

  constructor(path: string, database: DatabaseSync) {
    this.#path = path;
    this.#database = database;
  }

  /** Replaces the previous backup. It is copied page by page on another thread. Rejects with UserError. */
  async make(): Promise<Backup> {
    if (this.#isMaking) throw new UserError('a backup is being made already');
    this.#isMaking = true;
    const path = `${this.#path}.backup`;
    try {
      return await inSentencesLater(path, async () => {
        rmSync(path, { force: true });
        makePrivateFile(path);
        await backup(this.#database, path);
        markAsBackup(path);
        return { path, bytes: statSync(path).size };
      });
    } catch (error) {
      rmSync(path, { force: true });
      throw error;
    } finally {
      this.#isMaking = false;
    }
  }
}
