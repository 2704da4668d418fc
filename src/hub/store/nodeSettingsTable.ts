// What the owner decided about each node, limits included: a table of the store.

import type { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { inSentences } from '../../base/sqliteFile.ts';
import type { NodeSettings } from '../../model/fleet.ts';
import { DEFAULT_SETTINGS } from '../fleet/nodeSettings.ts';
import type { IdentityTable } from './identityTable.ts';

const tagsColumn = z.array(z.string());

export class SettingsTable {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #identity: IdentityTable;

  constructor(path: string, database: DatabaseSync, identity: IdentityTable) {
    this.#path = path;
    this.#database = database;
    this.#identity = identity;
  }

  /** The defaults for a node about which nothing was decided. */
  get(nodeId: string): NodeSettings {
    return inSentences(this.#path, () => {
      const row = this.#database.prepare('SELECT * FROM node_settings WHERE node_id = ?').get(nodeId);
      return row === undefined ? DEFAULT_SETTINGS : settingsOf(row);
    });
  }

  /** By node id; nodes about which nothing was decided are absent. */
  all(): Map<string, NodeSettings> {
    return inSentences(this.#path, () => {
      const rows = this.#database.prepare('SELECT * FROM node_settings').all();
      return new Map(rows.map((row) => [String(row.node_id), settingsOf(row)]));
    });
  }

  put(nodeId: string, { tags, country, paused, limits, rotateSchedule }: NodeSettings): void {
    this.#identity.change(() => {
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
    });
  }
}

function settingsOf(row: Record<string, unknown>): NodeSettings {
  return {
    tags: tagsColumn.parse(JSON.parse(String(row.tags))),
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
