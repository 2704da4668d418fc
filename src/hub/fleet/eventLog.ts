// What happened to the hub and its nodes, for the owner to read: a bounded table, written at most once a second, and until then the last
// events in memory.

import type { DatabaseSync } from 'node:sqlite';
import { inSentences, inTransaction } from '../../base/sqliteFile.ts';
import { Bucket } from '../../base/tokenBucket.ts';
import { EVENTS } from '../../limits/ownerBounds.ts';
import type { EventKind, EventQuery, EventRecord } from '../../model/fleet.ts';

export interface NewEvent {
  readonly kind: EventKind;
  readonly node?: { readonly id: string; readonly name: string } | null;
  /** A sentence without secrets. */
  readonly text: string;
}

/** The owner's own doing, and what comes once a run: never left out. */
const ALWAYS: ReadonlySet<EventKind> = new Set<EventKind>([
  'hubStarted',
  'hubStopping',
  'linkMade',
  'linkCancelled',
  'changed',
  'revoked',
  'userChanged',
  'rulesLoaded',
]);

export class Events {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #throttles = new Map<EventKind, { readonly bucket: Bucket; leftOut: number }>();
  /** Not in the table yet, oldest first. */
  #pending: EventRecord[] = [];
  #nextNumber = 1;
  #rows = 0;
  #writtenMs = Number.NEGATIVE_INFINITY;

  constructor(path: string, database: DatabaseSync) {
    this.#path = path;
    this.#database = database;
    database.function('holds', { deterministic: true }, (text, needle) =>
      String(text).toLowerCase().includes(String(needle)) ? 1 : 0,
    );
    this.load();
  }

  /** Goes on from what the table holds. */
  load(): void {
    inSentences(this.#path, () => {
      const sql = 'SELECT number, kind FROM events ORDER BY number DESC LIMIT 1';
      const last = this.#database.prepare(sql).get();
      // A hub that was killed had told numbers to viewers which it never wrote.
      const skipped = last === undefined || last.kind === 'hubStopping' ? 0 : EVENTS.pendingMax;
      this.#nextNumber = Number(last?.number ?? 0) + 1 + skipped;
      this.#rows = Number(this.#database.prepare('SELECT count(*) AS n FROM events').get()?.n);
    });
  }

  /** The number of the newest event. */
  get lastNumber(): number {
    return this.#nextNumber - 1;
  }

  /** @param runMs on a clock that nobody sets back */
  add({ kind, node = null, text }: NewEvent, wallMs: number, runMs: number): void {
    const more = ALWAYS.has(kind) ? '' : this.#throttle(kind, runMs);
    if (more === null) return;
    this.#pending.push({
      number: this.#nextNumber++,
      at: new Date(wallMs).toISOString(),
      kind,
      nodeId: node?.id ?? null,
      nodeName: node?.name ?? null,
      text: text.slice(0, EVENTS.textMaxChars) + more,
    });
    if (this.#pending.length > EVENTS.pendingMax) this.#pending.shift();
  }

  /** What to add to the text; null: it is left out. */
  #throttle(kind: EventKind, nowMs: number): string | null {
    const burst = kind === 'refused' ? EVENTS.strangersBurst : EVENTS.burst;
    let throttle = this.#throttles.get(kind);
    if (throttle === undefined) {
      throttle = { bucket: new Bucket(burst, nowMs), leftOut: 0 };
      this.#throttles.set(kind, throttle);
    }
    if (!throttle.bucket.take(EVENTS.perSecond, burst, nowMs)) {
      throttle.leftOut++;
      return null;
    }
    const { leftOut } = throttle;
    throttle.leftOut = 0;
    return leftOut === 0 ? '' : ` (${leftOut} more of this kind were left out)`;
  }

  /** Once a second is enough. Throws UserError when the disk takes none; nothing is lost by that until there are too many. */
  write(runMs: number): void {
    if (this.#pending.length === 0 || runMs - this.#writtenMs < EVENTS.writeEveryMs) return;
    this.#writtenMs = runMs;
    this.#write();
  }

  /** At the end. */
  close(): void {
    if (this.#pending.length > 0) this.#write();
  }

  #write(): void {
    inTransaction(this.#path, this.#database, () => {
      const insert = this.#database.prepare('INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)');
      for (const { number, at, kind, nodeId, nodeName, text } of this.#pending) {
        insert.run(number, Date.parse(at), kind, nodeId, nodeName, text);
      }
    });
    this.#rows += this.#pending.length;
    this.#pending = [];
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
  read(query: EventQuery): EventRecord[] {
    const needle = query.contains?.toLowerCase();
    const fresh = this.#pending.filter((event) => matches(event, query, needle)).reverse();
    if (fresh.length >= query.limit) return fresh.slice(0, query.limit);
    return [...fresh, ...this.#stored(query, needle, query.limit - fresh.length)];
  }

  #stored(query: EventQuery, needle: string | undefined, limit: number): EventRecord[] {
    const conditions: string[] = [];
    const values: (string | number)[] = [];
    const where = (condition: string, ...more: (string | number)[]) => {
      conditions.push(condition);
      values.push(...more);
    };
    if (query.before !== undefined) where('number < ?', query.before);
    if (query.after !== undefined) where('number > ?', query.after);
    if (query.nodeId !== undefined) where('node_id = ?', query.nodeId);
    if (query.kinds !== undefined) where(`kind IN (${query.kinds.map(() => '?').join()})`, ...query.kinds);
    if (needle !== undefined) where('holds(text, ?)', needle);
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

function matches(event: EventRecord, query: EventQuery, needle: string | undefined): boolean {
  const { kinds, nodeId, before, after } = query;
  return (
    (kinds === undefined || kinds.includes(event.kind)) &&
    (nodeId === undefined || event.nodeId === nodeId) &&
    (before === undefined || event.number < before) &&
    (after === undefined || event.number > after) &&
    (needle === undefined || event.text.toLowerCase().includes(needle))
  );
}
