// Events in the store: adding them, bounding their number, finding them.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { inSentences, inTransaction } from '../../base/sqliteFile.ts';
import { EVENTS } from '../../limits/ownerBounds.ts';
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
  #rows: number;

  constructor(path: string, database: DatabaseSync) {
    this.#path = path;
    this.#database = database;
    database.function('holds', { deterministic: true }, (text, needle) =>
      String(text).toLowerCase().includes(String(needle)) ? 1 : 0,
    );
    this.#insert = database.prepare('INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)');
    this.#rows = Number(database.prepare('SELECT count(*) AS n FROM events').get()?.n);
  }

  last(): LastEvent {
    return inSentences(this.#path, () => {
      const sql = 'SELECT number, kind FROM events ORDER BY number DESC LIMIT 1';
      const last = this.#database.prepare(sql).get();
      return { number: Number(last?.number ?? 0), kind: (last?.kind ?? null) as EventKind | null };
    });
  }

  /** Oldest first; all or none. When there are too many, the oldest go. */
  add(events: readonly EventRecord[]): void {
    if (events.length === 0) return;
    inTransaction(this.#path, this.#database, () => {
      for (const { number, at, kind, nodeId, nodeName, text } of events) {
        this.#insert.run(number, Date.parse(at), kind, nodeId, nodeName, text);
      }
    });
    this.#rows += events.length;
    if (this.#rows >= EVENTS.rowsMax + EVENTS.rowsSlack) this.#bound();
  }

  #bound(): void {
    inTransaction(this.#path, this.#database, () => {
      const sql =
        'DELETE FROM events WHERE number <= (SELECT number FROM events ORDER BY number DESC LIMIT 1 OFFSET ?)';
      this.#rows -= Number(this.#database.prepare(sql).run(EVENTS.rowsMax).changes);
    });
  }

  /** Newest first. */
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
    return inSentences(this.#path, () =>
      this.#database
        .prepare(`SELECT * FROM events ${filter} ORDER BY number DESC LIMIT ?`)
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
