// The store's record of the hub that it belongs to: the key, and a count of changes to what an owner must never lose without a word
// (devices, revocations, users, settings). A copy of that count elsewhere tells an older store from a newer one.

import type { DatabaseSync } from 'node:sqlite';
import { inDurableTransaction, inSentences } from '../../base/sqliteFile.ts';
import { UserError } from '../../base/userError.ts';
import { NO_STORE, type StoreFacts } from './identity.ts';

export class IdentityTable {
  /** Hears of changes once they are on the disk. */
  onChange: () => void = () => {};
  readonly #path: string;
  readonly #database: DatabaseSync;
  #told: number;

  constructor(path: string, database: DatabaseSync) {
    this.#path = path;
    this.#database = database;
    this.#told = this.changes;
  }

  get changes(): number {
    return inSentences(this.#path, () =>
      Number(this.#database.prepare('SELECT changes FROM identity').get()?.changes),
    );
  }

  facts(): StoreFacts {
    const sql = `SELECT (SELECT hub_key FROM identity) AS key, count(*) AS devices,
      count(*) FILTER (WHERE revoked_at IS NULL) AS members FROM nodes`;
    return inSentences(this.#path, () => {
      const row = this.#database.prepare(sql).get();
      if (row === undefined) return NO_STORE;
      return {
        isThere: true,
        key: row.key as string | null,
        devices: Number(row.devices),
        members: Number(row.members),
      };
    });
  }

  /** `publicKey`: of the hub, base64url. */
  nameKey(publicKey: string): void {
    inDurableTransaction(this.#path, this.#database, () => {
      this.#database.prepare('UPDATE identity SET hub_key = ?').run(publicKey);
    });
  }

  /** `work` as one change: in a transaction that is on the disk when this returns. */
  change<T>(work: () => T): T {
    const result = inDurableTransaction(this.#path, this.#database, () => {
      const made = work();
      this.count();
      return made;
    });
    this.tell();
    return result;
  }

  /** Another change, in a transaction that is open; tell() comes after it. */
  count(): void {
    this.#database.exec('UPDATE identity SET changes = changes + 1');
  }

  /** Tells the new count. When it cannot be read now, the change is written all the same, and the next one tells it. */
  tell(): void {
    try {
      const { changes } = this;
      if (changes === this.#told) return;
      this.#told = changes;
      this.onChange();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
    }
  }
}
