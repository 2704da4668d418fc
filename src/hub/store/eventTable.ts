// Events in the store: adding them, bounding their number, finding them. Those that only the history of their node has are in a table of
// their own, of which each node keeps its newest.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { inSentences, inTransaction } from '../../base/sqliteFile.ts';
import { EVENTS } from '../../limits/owner.ts';
import type { EventKind, EventQuery, EventRecord } from '../../model/fleet.ts';

/** The newest event of an earlier run. */
export interface LastEvent {
  /** 0: there is none. */
  readonly number: number;
  readonly kind: EventKind | null;
}

export class EventTable {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #insertOwn: StatementSync;
  readonly #boundOwn: StatementSync;
  #rows: number;
  #ownRows: number;

  constructor(path: string, database: DatabaseSync) {
    this.#path = path;
    this.#database = database;
    database.function('holds', { deterministic: true }, (text, needle) =>
      String(text).toLowerCase().includes(String(needle)) ? 1 : 0,
    );
    this.#insert = database.prepare('INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)');
    this.#insertOwn = database.prepare('INSERT INTO node_events VALUES (?, ?, ?, ?, ?, ?)');
    this.#boundOwn = database.prepare(
      `DELETE FROM node_events WHERE node_id = ?1 AND number <=
        (SELECT number FROM node_events WHERE node_id = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)`,
    );
    this.#rows = Number(database.prepare('SELECT count(*) AS n FROM events').get()?.n);
    this.#ownRows = Number(database.prepare('SELECT count(*) AS n FROM node_events').get()?.n);
  }

  last(): LastEvent {
    return inSentences(this.#path, () => {
      const sql = 'SELECT number, kind FROM events ORDER BY number DESC LIMIT 1';
      const last = this.#database.prepare(sql).get();
      const own = this.#database.prepare('SELECT max(number) AS number FROM node_events').get();
      const number = Math.max(Number(last?.number ?? 0), Number(own?.number ?? 0));
      return { number, kind: (last?.kind ?? null) as EventKind | null };
    });
  }

  /** Oldest first; all or none. When there are too many, the oldest go. `own`: for the histories of their nodes alone. */
  add(events: readonly EventRecord[], own: readonly EventRecord[] = []): void {
    if (events.length === 0 && own.length === 0) return;
    let removed = 0;
    inTransaction(this.#path, this.#database, () => {
      for (const { number, at, kind, nodeId, nodeName, text } of events) {
        this.#insert.run(number, Date.parse(at), kind, nodeId, nodeName, text);
      }
      for (const { number, at, kind, nodeId, nodeName, text } of own) {
        this.#insertOwn.run(number, Date.parse(at), kind, nodeId, nodeName, text);
      }
      for (const nodeId of new Set(own.map((event) => event.nodeId))) {
        removed += Number(this.#boundOwn.run(nodeId, EVENTS.ownPerNodeMax).changes);
      }
    });
    this.#rows += events.length;
    this.#ownRows += own.length - removed;
    if (this.#rows >= EVENTS.rowsMax + EVENTS.rowsSlack) this.#rows -= this.#bound('events', EVENTS.rowsMax);
    if (this.#ownRows >= EVENTS.ownRowsMax + EVENTS.rowsSlack) {
      this.#ownRows -= this.#bound('node_events', EVENTS.ownRowsMax);
    }
  }

  /** How many rows went. */
  #bound(table: 'events' | 'node_events', rowsMax: number): number {
    return inTransaction(this.#path, this.#database, () => {
      const newest = `SELECT number FROM ${table} ORDER BY number DESC LIMIT 1 OFFSET ?`;
      const sql = `DELETE FROM ${table} WHERE number <= (${newest})`;
      return Number(this.#database.prepare(sql).run(rowsMax).changes);
    });
  }

  /** Newest first; of one node, its own history as well. */
  read({ kinds, nodeId, contains, before, after, limit }: EventQuery): EventRecord[] {
    const conditions: string[] = [];
    const values: (string | number)[] = [];
    const where = (condition: string, ...more: (string | number)[]) => {
      conditions.push(condition);
      values.push(...more);
    };
    if (before !== undefined) where('number < ?', before);
    if (after !== undefined) where('number > ?', after);
    if (nodeId !== undefined) where('node_id = ?', nodeId);
    if (kinds !== undefined) where(`kind IN (${kinds.map(() => '?').join()})`, ...kinds);
    if (contains !== undefined) where('holds(text, ?)', contains.toLowerCase());
    const filter = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
    const listed = `SELECT * FROM events ${filter}`;
    const all = nodeId === undefined ? listed : `${listed} UNION ALL SELECT * FROM node_events ${filter}`;
    if (nodeId !== undefined) values.push(...values);
    return inSentences(this.#path, () =>
      this.#database
        .prepare(`${all} ORDER BY number DESC LIMIT ?`)
        .all(...values, limit)
        .map((row) => ({
          number: Number(row.number),
          at: new Date(Number(row.at)).toISOString(),
          kind: row.kind as EventKind,
          nodeId: row.node_id as string | null,
          nodeName: row.node_name as string | null,
          text: String(row.text),
        })),
    );
  }
}
