// History in the store: restarts, clocks that jump, days of 23 hours, full disks, thinning; and the month's sums that quotas count by.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { localDay, monthOfDay } from '../../src/base/localTime.ts';
import { UserError } from '../../src/base/userError.ts';
import { DirectStore } from '../../src/hub/store/directStore.ts';
import { Store } from '../../src/hub/store/store.ts';
import { History } from '../../src/hub/traffic/history.ts';
import { HOUR_MS, MINUTE_MS, type Sample } from '../../src/hub/traffic/rollup.ts';
import { HISTORY } from '../../src/limits/owner.ts';
import type { HistoryRange } from '../../src/model/fleet.ts';
import { inZone } from './inZone.ts';

const DAY_MS = 24 * HOUR_MS;

let dir: string;
let store: Store;
let direct: DirectStore;
let history: History;
let lines: string[];
/** The wall's clock and the running one part when the wall's is set. */
let now: { wallMs: number; runMs: number };

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'restunnel-history-'));
  lines = [];
  now = { wallMs: Date.UTC(2026, 5, 15, 12), runMs: 5_000 };
  open();
});
afterEach(() => {
  store.close();
  rmSync(dir, { recursive: true, force: true });
});

function open(): void {
  store = new Store(dir);
  direct = new DirectStore(store);
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line).msg) });
  history = new History(direct, sumsNow(), log, now);
}

function sumsNow() {
  const day = localDay(now.wallMs);
  return store.history.sums(monthOfDay(day), day);
}

/** As a kill -9 leaves it: nothing is written any more. */
function killed(): void {
  store.close();
  open();
}

function pass(ms: number): void {
  now = { wallMs: now.wallMs + ms, runMs: now.runMs + ms };
}

function sample(nodeId: string, downBytes: number, more: Partial<Sample> = {}): Sample {
  return { nodeId, downBytes, upBytes: 0, succeeded: 1, failed: 0, streams: 1, ...more };
}

/** Resolves when the store has answered. */
async function feed(...samples: Sample[]): Promise<void> {
  history.feed(now, samples);
  await answered();
}

function answered(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const downOf = async (nodeId: string | null, range: HistoryRange) => {
  const { points } = await history.read(now, nodeId, range);
  return points.reduce((sum, { downBytes }) => sum + downBytes, 0);
};

function rows(table: string, where = "node_id <> ''"): number {
  return Number(store.database.prepare(`SELECT count(*) AS n FROM ${table} WHERE ${where}`).get()!.n);
}

describe('ranges', () => {
  test('have no gaps, end with the current step, and hold what was fed', async () => {
    const course = fc.array(fc.tuple(fc.integer({ min: 1, max: 200_000 }), fc.nat(1e6)), { maxLength: 30 });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(course, async (steps) => {
        const nodeId = `node-${run++}`;
        const fed: { atMs: number; bytes: number }[] = [];
        for (const [passedMs, bytes] of steps) {
          pass(passedMs);
          await feed(sample(nodeId, bytes));
          fed.push({ atMs: now.wallMs, bytes });
        }
        for (const range of ['10m', '1h', '1d', '30d'] as const) {
          const { stepMs, points } = await history.read(now, nodeId, range);
          const times = points.map(({ at }) => Date.parse(at));
          expect(times.map((at) => at - times[0]!)).toEqual(points.map((_, step) => step * stepMs));
          expect(times.at(-1)! <= now.wallMs && now.wallMs - times.at(-1)! < 2 * stepMs).toBe(true);
          if (range === '10m') continue;
          expect(points.map(({ downBytes }) => downBytes)).toEqual(
            times.map((at) =>
              fed.reduce((sum, { atMs, bytes }) => sum + (atMs >= at && atMs < at + stepMs ? bytes : 0), 0),
            ),
          );
        }
      }),
      { numRuns: 30 },
    );
  });

  test('show a node alone, and all of them', async () => {
    await feed(sample('one', 100, { streams: 3 }), sample('two', 11, { streams: 4, failed: 2 }));
    for (const range of ['10m', '1h', '1d', '30d'] as const) {
      expect([await downOf('one', range), await downOf('two', range), await downOf(null, range)]).toEqual([
        100, 11, 111,
      ]);
      const { succeeded, failed, streams } = (await history.read(now, null, range)).points.at(-1)!;
      expect({ succeeded, failed, streams }).toEqual({ succeeded: 2, failed: 2, streams: 7 });
    }
    expect(await downOf('nobody', '1d')).toBe(0);
  });
});

describe('a restart', () => {
  test('loses a minute at most', async () => {
    for (let second = 0; second < 150; second++) {
      pass(1_000);
      await feed(sample('one', 1));
    }
    killed();
    expect(await downOf('one', '1h')).toBe(120);
    expect(history.month('one')).toEqual({ downBytes: 120, upBytes: 0 });
    await feed(sample('one', 5));
    await history.write(now);
    killed();
    expect([await downOf('one', '1h'), await downOf('one', '1d'), await downOf('one', '30d')]).toEqual([
      125, 125, 125,
    ]);
    expect(history.today('one').downBytes).toBe(125);
  });

  test('loses little of a quota', async () => {
    const quota = 256_000;
    for (let second = 0; second < 59; second++) {
      pass(1_000);
      await feed(sample('one', 500, { upBytes: 500 }));
      history.guardQuota(now, 'one', quota);
      await answered();
    }
    killed();
    const { downBytes, upBytes } = history.month('one');
    expect(downBytes + upBytes).toBeGreaterThanOrEqual(
      59_000 - 1_000 - (HISTORY.quotaWriteEveryMs / 1_000) * 1_000,
    );
  });
});

describe('the month', () => {
  test('is the local one: sums start over with it, and yesterday is not today', async () => {
    await inZone('Asia/Tokyo', async () => {
      store.close();
      now.wallMs = Date.UTC(2026, 5, 30, 14, 59, 30);
      open();
      await feed(sample('one', 100));
      expect(history.month('one').downBytes).toBe(100);
      pass(31_000);
      await feed(sample('one', 7, { upBytes: 3 }));
      expect(history.month('one')).toEqual({ downBytes: 7, upBytes: 3 });
      expect(history.today('one')).toEqual({ downBytes: 7, upBytes: 3 });
      pass(DAY_MS);
      await feed(sample('one', 1));
      expect(history.today('one')).toEqual({ downBytes: 1, upBytes: 0 });
      expect(history.month('one')).toEqual({ downBytes: 8, upBytes: 3 });
      await history.write(now);
      killed();
      expect(history.today('one')).toEqual({ downBytes: 1, upBytes: 0 });
      expect(history.month('one')).toEqual({ downBytes: 8, upBytes: 3 });
      expect(history.month('never')).toEqual({ downBytes: 0, upBytes: 0 });
    });
  });

  test('that begins while the store cannot be read loses nothing', async () => {
    let isBroken = false;
    const { sums } = store.history;
    store.history.sums = function (month, day) {
      if (isBroken) throw new UserError('the disk cannot be read');
      return sums.call(this, month, day);
    };
    await feed(sample('one', 1));
    isBroken = true;
    pass(DAY_MS);
    await feed(sample('one', 10));
    pass(1_000);
    await feed(sample('one', 100));
    expect(lines).toEqual(['the sums of the day cannot be read; they are asked for again']);
    isBroken = false;
    pass(1_000);
    await feed(sample('one', 1_000));
    expect([history.today('one').downBytes, history.month('one').downBytes]).toEqual([1_110, 1_111]);
  });

  test('a day of 23 hours and one of 25 are one day each', async () => {
    await inZone('Europe/Berlin', async () => {
      for (const [wallMs, hours, day] of [
        [Date.UTC(2026, 2, 28, 23), 23, '2026-03-29'],
        [Date.UTC(2026, 9, 24, 22), 25, '2026-10-25'],
      ] as const) {
        now.wallMs = wallMs;
        for (let hour = 0; hour < hours; hour++) {
          await feed(sample('one', 1));
          expect(history.today('one').downBytes).toBe(hour + 1);
          pass(HOUR_MS);
        }
        await feed(sample('one', 1));
        expect(history.today('one').downBytes).toBe(1);
        expect(rows('history_days', `node_id = 'one' AND at = '${day}' AND down = ${hours}`)).toBe(1);
      }
    });
  });
});

describe('a clock', () => {
  test('that is set back counts nothing twice and loses nothing', async () => {
    for (let minute = 0; minute < 5; minute++) {
      await feed(sample('one', 10));
      pass(MINUTE_MS);
    }
    now.wallMs -= 3 * MINUTE_MS;
    for (let minute = 0; minute < 5; minute++) {
      await feed(sample('one', 1));
      pass(MINUTE_MS);
    }
    await history.write(now);
    expect([await downOf('one', '1h'), await downOf('one', '1d'), await downOf('one', '30d')]).toEqual([
      55, 55, 55,
    ]);
    expect(history.month('one').downBytes).toBe(55);
    killed();
    expect(history.month('one').downBytes).toBe(55);
  });

  test('that goes back a day and comes again counts each byte on one day', async () => {
    await feed(sample('one', 1));
    pass(60_000);
    now.wallMs -= DAY_MS;
    await feed(sample('one', 2));
    expect([history.today('one').downBytes, history.month('one').downBytes]).toEqual([2, 3]);
    now.wallMs += DAY_MS;
    await feed(sample('one', 4));
    expect([history.today('one').downBytes, history.month('one').downBytes]).toEqual([5, 7]);
  });

  test('that jumps years ahead removes nothing, one that has run evenly for a while does', async () => {
    await feed(sample('one', 1));
    await history.write(now);
    for (const aheadMs of [0, 1_000 * DAY_MS]) {
      now.wallMs += aheadMs;
      for (let second = 0; second < HISTORY.clockSteadyMs / 1_000 - 60; second += 60) {
        pass(60_000);
        await feed(sample('two', 1));
      }
      expect(rows('history_minutes', "node_id = 'one'")).toBe(1);
    }
    for (let minute = 0; minute < 3; minute++) {
      pass(60_000);
      await feed(sample('two', 1));
    }
    expect(rows('history_minutes', "node_id = 'one'")).toBe(0);
    expect(rows('history_days', "node_id = 'one'")).toBe(0);
  });
});

describe('thinning', () => {
  test('keeps hours and days when their minutes have gone', async () => {
    await feed(sample('one', 1));
    for (let hour = 0; hour < 28; hour++) {
      pass(HOUR_MS);
      await feed(sample('two', 1));
    }
    expect(rows('history_minutes', "node_id = 'one'")).toBe(0);
    expect([await downOf('one', '1d'), await downOf('one', '30d')]).toEqual([0, 1]);
    for (let day = 0; day < 33; day++) {
      pass(DAY_MS);
      await feed(sample('two', 1));
    }
    expect(rows('history_hours', "node_id = 'one'")).toBe(0);
    expect(rows('history_days', "node_id = 'one'")).toBe(1);
    for (let day = 0; day < HISTORY.daysKept; day++) {
      pass(DAY_MS);
      await feed(sample('two', 1));
    }
    expect(rows('history_days', "node_id = 'one'")).toBe(0);
    expect(rows('history_days', "node_id = 'two'")).toBeLessThanOrEqual(HISTORY.daysKept + 1);
  });

  test('goes on while a quota has its node written every few seconds', async () => {
    await feed(sample('one', 1));
    for (let second = 0; second < 27 * 3_600; second += 10) {
      pass(10_000);
      await feed(sample('two', 1_000));
      history.guardQuota(now, 'two', 1_000);
      await answered();
    }
    expect(rows('history_minutes', "node_id = 'one'")).toBe(0);
  });

  test('bounds the rows however many nodes there are, and keeps those of all together', async () => {
    for (let minute = 0; minute < 10; minute++) {
      await feed(...Array.from({ length: 50 }, (_, at) => sample(`node-${at}`, 1)));
      pass(MINUTE_MS);
    }
    await history.write(now);
    expect(rows('history_minutes')).toBe(500);
    store.history.bound({ minutes: 120, hours: 10, days: 1_000 });
    expect([
      rows('history_minutes', 'true'),
      rows('history_hours', 'true'),
      rows('history_days', 'true'),
    ]).toEqual([120, 10, 51]);
    expect(rows('history_minutes', "node_id = ''")).toBe(10);
    expect(await downOf(null, '1h')).toBe(500);
    expect(await downOf('node-49', '1h')).toBeGreaterThan(0);
    expect(await downOf('node-49', '1h')).toBeLessThan(10);
  });
});

describe('a full disk', () => {
  test('is reported once; what passes meanwhile stays in memory and is written later', async () => {
    const beside = store.database;
    // No row can follow the one with the largest id (sqlite.org/autoinc.html): SQLITE_FULL.
    beside.exec(`
      CREATE TABLE full (id INTEGER PRIMARY KEY AUTOINCREMENT);
      INSERT INTO full VALUES (9223372036854775807);
      CREATE TABLE last (id INTEGER PRIMARY KEY);
      INSERT INTO last VALUES (1); -- the id that Node 26 reads after each statement must fit
      CREATE TRIGGER full_insert BEFORE INSERT ON history_days BEGIN INSERT INTO full VALUES (NULL); END;`);
    for (let minute = 0; minute < 100; minute++) {
      pass(MINUTE_MS);
      await feed(sample('one', 1));
    }
    expect(rows('history_minutes')).toBe(0);
    expect(await downOf('one', '1d')).toBe(100);
    expect(lines).toEqual(['history cannot be written; it is kept in memory until it can']);
    pass(DAY_MS);
    await feed(sample('one', 1));
    expect([history.today('one').downBytes, history.month('one').downBytes]).toEqual([1, 101]);
    beside.exec('DROP TRIGGER full_insert');
    pass(MINUTE_MS);
    await feed(sample('one', 1));
    expect(lines.slice(1)).toEqual(['history is written again']);
    killed();
    expect(history.month('one').downBytes).toBe(102);
    expect(await downOf('one', '30d')).toBe(102);
  });
});
