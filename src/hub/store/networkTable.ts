// The networks from which devices were let in: a table of the store, so that a hub that starts again knows where its devices come from.

import type { DatabaseSync } from 'node:sqlite';
import { inSentences, inTransaction } from '../../base/sqliteFile.ts';

export interface SeenNetwork {
  /** base/sourceKey.ts, networkKey(). */
  readonly network: string;
  readonly seenAtMs: number;
}

export class NetworkTable {
  readonly #path: string;
  readonly #database: DatabaseSync;

  constructor(path: string, database: DatabaseSync) {
    this.#path = path;
    this.#database = database;
  }

  /** Longest ago first. */
  all(): SeenNetwork[] {
    return inSentences(this.#path, () => {
      const sql = 'SELECT network, seen_at AS seenAtMs FROM networks ORDER BY seen_at';
      return this.#database.prepare(sql).all() as unknown as SeenNetwork[];
    });
  }

  /** Forgets what was seen before `sinceMs`, and of the rest what was seen longest ago when there are more than `max`. */
  write(networks: readonly SeenNetwork[], sinceMs: number, max: number): void {
    inTransaction(this.#path, this.#database, () => {
      const put = this.#database.prepare('INSERT OR REPLACE INTO networks VALUES (?, ?)');
      for (const { network, seenAtMs } of networks) put.run(network, seenAtMs);
      this.#database.prepare('DELETE FROM networks WHERE seen_at < ?').run(sinceMs);
      const sql =
        'DELETE FROM networks WHERE network IN (SELECT network FROM networks ORDER BY seen_at DESC LIMIT -1 OFFSET ?)';
      this.#database.prepare(sql).run(max);
    });
  }
}
