// The nodes' traffic in the store: adding rows, thinning them, reading them.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { inSentences, inTransaction } from '../../base/sqliteFile.ts';
import { HISTORY, RESERVE } from '../../limits/owner.ts';
import type { Traffic } from '../../model/fleet.ts';
import { type Figures, HOUR_MS, type Row, type Rows } from '../traffic/rollup.ts';

export interface Step extends Readonly<Figures> {
  /** Counted from the range's first millisecond. */
  readonly step: number;
}

export class HistoryTable {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #add: Record<'minutes' | 'hours' | 'days', StatementSync>;

  constructor(path: string, database: DatabaseSync) {
    this.#path = path;
    this.#database = database;
    const add = (table: string) =>
      database.prepare(`INSERT INTO ${table} VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
        down = down + excluded.down, up = up + excluded.up, succeeded = succeeded + excluded.succeeded,
        failed = failed + excluded.failed, streams = max(streams, excluded.streams)`);
    this.#add = { minutes: add('history_minutes'), hours: add('history_hours'), days: add('history_days') };
  }

  /** All or nothing. Throws UserError when the disk takes none. */
  write(rows: Rows): void {
    inTransaction(this.#path, this.#database, () => {
      for (const row of rows.minutes) run(this.#add.minutes, row);
      for (const row of rows.hours) run(this.#add.hours, row);
      for (const row of rows.days) run(this.#add.days, row);
    });
  }

  /** In steps that take little room each, for a disk that has little. How many rows were written. */
  writeDays(days: Rows['days']): number {
    let written = 0;
    try {
      for (; written < days.length; written += RESERVE.rowsPerStep) {
        const step = days.slice(written, written + RESERVE.rowsPerStep);
        inTransaction(this.#path, this.#database, () => {
          for (const row of step) run(this.#add.days, row);
        });
        // From the journal into the file, so that the next step begins at the journal's start again.
        this.#database.exec('PRAGMA wal_checkpoint(RESTART)');
      }
    } catch (error) {
      if (written === 0) throw error;
    }
    return Math.min(written, days.length);
  }

  /** Removes what is older than it may be: at most `max` rows of each table. `day`: the first local date that stays. */
  thin(nowMs: number, day: string, max: number): void {
    inTransaction(this.#path, this.#database, () => {
      this.#remove('history_minutes', 'at < ?', nowMs - HISTORY.minutesKeptMs, max);
      this.#remove('history_hours', 'at < ?', nowMs - HISTORY.hoursKeptMs - HOUR_MS, max);
      this.#remove('history_days', 'at < ?', day, max);
    });
  }

  #remove(table: string, where: string, value: number | string, max: number): void {
    this.#database
      .prepare(
        `DELETE FROM ${table} WHERE (node_id, at) IN (SELECT node_id, at FROM ${table} WHERE ${where} ORDER BY at LIMIT ?)`,
      )
      .run(value, max);
  }

  /** Removes the oldest rows of each table that has more than it may have; those of all nodes together stay. */
  bound(rowsMax: { minutes: number; hours: number; days: number }): void {
    inTransaction(this.#path, this.#database, () => {
      for (const name of ['minutes', 'hours', 'days'] as const) {
        const table = `history_${name}`;
        const count = Number(this.#database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n);
        if (count > rowsMax[name]) this.#remove(table, 'node_id <> ?', '', count - rowsMax[name]);
      }
    });
  }

  /** What each node moved in a month ("2026-02") and on a day of it ("2026-02-28"). */
  sums(month: string, day: string): Map<string, { month: Traffic; today: Traffic }> {
    return inSentences(this.#path, () => {
      const rows = this.#database
        .prepare(
          `SELECT node_id AS nodeId, sum(down) AS down, sum(up) AS up,
             sum(CASE WHEN at = ? THEN down ELSE 0 END) AS downToday, sum(CASE WHEN at = ? THEN up ELSE 0 END) AS upToday
           FROM history_days WHERE at BETWEEN ? AND ? GROUP BY node_id`,
        )
        .all(day, day, `${month}-01`, `${month}-31`);
      return new Map(
        rows.map(({ nodeId, down, up, downToday, upToday }) => [
          String(nodeId),
          {
            month: { downBytes: Number(down), upBytes: Number(up) },
            today: { downBytes: Number(downToday), upBytes: Number(upToday) },
          },
        ]),
      );
    });
  }

  /** What is known of a node between two times, in steps of `stepMs`; steps without a row are absent. */
  steps(nodeId: string, from: 'minutes' | 'hours', fromMs: number, untilMs: number, stepMs: number): Step[] {
    return inSentences(this.#path, () => {
      const sql = `SELECT CAST((at - ?) / ? AS INTEGER) AS step, sum(down) AS downBytes, sum(up) AS upBytes, sum(succeeded) AS succeeded,
          sum(failed) AS failed, max(streams) AS streams
        FROM history_${from} WHERE node_id = ? AND at >= ? AND at < ? GROUP BY step`;
      return this.#database.prepare(sql).all(fromMs, stepMs, nodeId, fromMs, untilMs) as unknown as Step[];
    });
  }
}

function run(statement: StatementSync, row: Row<number> | Row<string>): void {
  const { nodeId, at, downBytes, upBytes, succeeded, failed, streams } = row;
  statement.run(nodeId, at, downBytes, upBytes, succeeded, failed, streams);
}
