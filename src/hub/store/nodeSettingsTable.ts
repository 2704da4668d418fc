// What the owner decided about each node, limits included: a table of the store.

import type { DatabaseSync } from 'node:sqlite';
import { damaged, inSentences } from '../../base/sqliteFile.ts';
import type { NodeSettings } from '../../model/fleet.ts';

export class SettingsTable {
  readonly #path: string;
  readonly #database: DatabaseSync;

  constructor(path: string, database: DatabaseSync) {
    this.#path = path;
    this.#database = database;
  }

  /** By node id; nodes about which nothing was decided are absent. */
  all(): Map<string, NodeSettings> {
    return inSentences(this.#path, () => {
      const rows = this.#database.prepare('SELECT * FROM node_settings').all();
      return new Map(rows.map((row) => [String(row.node_id), this.#settingsOf(row)]));
    });
  }

  /** Within a transaction of the caller's. */
  put(nodeId: string, { tags, country, paused, limits, rotateSchedule }: NodeSettings): void {
    this.#database
      .prepare('INSERT OR REPLACE INTO node_settings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)')
      .run(
        nodeId,
        JSON.stringify(tags),
        country,
        paused ? 1 : 0,
        limits.mbitPerSecond,
        limits.streams,
        limits.monthlyBytes,
        limits.hours,
        rotateSchedule,
      );
  }

  #settingsOf(row: Record<string, unknown>): NodeSettings {
    return {
      tags: this.#tagsOf(String(row.tags)),
      country: row.country as string | null,
      paused: row.paused !== 0,
      limits: {
        mbitPerSecond: row.mbit_per_second as number | null,
        streams: row.streams as number | null,
        monthlyBytes: row.monthly_bytes as number | null,
        hours: row.hours as string | null,
      },
      rotateSchedule: row.rotate_schedule as string | null,
    };
  }

  /** As put() wrote them. */
  #tagsOf(column: string): string[] {
    const tags = JSON.parse(column) as unknown;
    if (!Array.isArray(tags)) throw damaged(this.#path);
    return tags.map(String);
  }
}
