// What the nodes moved over time: the last minutes from memory, the rest from the store, and the sums of today and this month that quotas
// go by.

import type { Logger } from 'pino';
import { localDay, monthOfDay } from '../../base/localTime.ts';
import { UnwritableError } from '../../base/sqliteFile.ts';
import { HISTORY } from '../../limits/owner.ts';
import type { HistoryRange, History as HistoryView, Traffic } from '../../model/fleet.ts';
import type { HubStore } from '../store/hubStore.ts';
import type { Sums as StoredSums } from '../store/storeJobs.ts';
import { RecentTraffic } from './recentTraffic.ts';
import { ALL_NODES, type Figures, HOUR_MS, MINUTE_MS, Rollup, type Sample } from './rollup.ts';

/** The resolution and source of each range. */
const RANGES = {
  '1h': { from: 'minutes', stepMs: MINUTE_MS, steps: 60 },
  '1d': { from: 'minutes', stepMs: 10 * MINUTE_MS, steps: 144 },
  '30d': { from: 'hours', stepMs: 6 * HOUR_MS, steps: 120 },
} as const;

/** Written over every second; who asks gets a copy. */
interface Sums {
  readonly today: { downBytes: number; upBytes: number };
  readonly month: { downBytes: number; upBytes: number };
}

const UNWRITABLE = 'history cannot be written; it is kept in memory until it can';
const WRITABLE = 'history is written again';
const UNREADABLE = 'the sums of the day cannot be read; they are asked for again';

const NOTHING: Traffic = { downBytes: 0, upBytes: 0 };

/** The times of one moment: milliseconds since the Unix epoch, and of a clock that nobody sets back. */
export interface Moment {
  readonly wallMs: number;
  readonly runMs: number;
}

export class History {
  readonly #store: HubStore;
  readonly #log: Logger;
  readonly #warn: (text: string) => void;
  readonly #rollup = new Rollup();
  readonly #recent = new RecentTraffic();
  /** Of the local date `#day`, written and unwritten. */
  #sums = new Map<string, Sums>();
  #day = '';
  #writtenMs: number;
  #triedMs: number;
  #thinnedMs: number;
  #countedMs: number;
  /** Since when the wall clock has run evenly with the other. */
  #steadyMs: number;
  #offsetMs: number;
  #isWritable = true;
  #rowsWritten = 0;
  /** The write under way, or a resolved promise. Never rejects. */
  #writing: Promise<void> = Promise.resolve();
  /** A day has begun, and the store is being asked for its sums. */
  #isTurning = false;
  #isReadable = true;

  /**
   * `sums`: the store's, of the day and month of `now`. `warn`: hears once when nothing can be written any more, and once when it can
   * again.
   */
  constructor(
    store: HubStore,
    sums: StoredSums,
    log: Logger,
    now: Moment,
    warn: (text: string) => void = () => {},
  ) {
    this.#store = store;
    this.#log = log;
    this.#warn = warn;
    this.#writtenMs = now.runMs;
    this.#triedMs = now.runMs;
    this.#thinnedMs = now.runMs;
    this.#countedMs = now.runMs;
    this.#steadyMs = now.runMs;
    this.#offsetMs = now.wallMs - now.runMs;
    this.#useSums(localDay(now.wallMs), sums);
  }

  /** Samples of one moment; writes what is due. */
  feed(now: Moment, samples: readonly Sample[]): void {
    this.#watchClock(now);
    this.#rollup.feed(now.wallMs, samples);
    this.#recent.feed(now.runMs, samples);
    for (const sample of samples) if (sample.downBytes + sample.upBytes > 0) this.#count(sample);
    const day = localDay(now.wallMs);
    if (day !== this.#day && !this.#isTurning) void this.#turnTo(day, now);
    if (now.runMs - this.#triedMs >= HISTORY.writeEveryMs) void this.write(now);
    if (now.runMs - this.#thinnedMs >= HISTORY.writeEveryMs) void this.#thin(now);
  }

  /** Puts what is only in memory into the store, unless that is under way; what it does not take stays for the next time. Never rejects. */
  write(now: Moment): Promise<void> {
    this.#triedMs = now.runMs;
    if (!this.#rollup.isTaken && !this.#rollup.isEmpty) this.#writing = this.#write(now);
    return this.#writing;
  }

  async #write(now: Moment): Promise<void> {
    const rows = this.#rollup.take();
    if (!(await this.#tell(this.#store.ask('writeHistory', rows)))) {
      this.#rollup.notWritten();
      return;
    }
    this.#rollup.written();
    this.#rowsWritten = rows.minutes.length;
    this.#writtenMs = now.runMs;
  }

  /** All that is only in memory, at the end. Whether the store has taken it. Never rejects. */
  async finish(now: Moment): Promise<boolean> {
    await this.#writing;
    await this.write(now);
    return this.#rollup.isEmpty;
  }

  /** Where there is room for little more: the days, whose sums are the month's. How many of their rows were not written. Never rejects. */
  async finishDays(): Promise<number> {
    const { days } = this.#rollup.take();
    const written = await this.#store.ask('writeDays', days).catch(() => 0);
    return days.length - written;
  }

  /** For a node whose quota is `monthlyBytes`: little of it may be lost when the hub is killed. */
  guardQuota(now: Moment, nodeId: string, monthlyBytes: number): void {
    if (!this.#isWritable || now.runMs - this.#writtenMs < HISTORY.quotaWriteEveryMs) return;
    if (this.#rollup.unwritten(nodeId) * HISTORY.quotaUnsavedDivisor >= monthlyBytes) void this.write(now);
  }

  today(nodeId: string): Traffic {
    return copyOf(this.#sums.get(nodeId)?.today);
  }

  month(nodeId: string): Traffic {
    return copyOf(this.#sums.get(nodeId)?.month);
  }

  /** `nodeId` null: all nodes together. The last point is of the step under way. Rejects with UserError when the store cannot be read. */
  async read(now: Moment, nodeId: string | null, range: HistoryRange): Promise<HistoryView> {
    const id = nodeId ?? ALL_NODES;
    if (range === '10m') {
      const points = this.#recent
        .points(id, now.runMs, now.wallMs)
        .map(({ atMs, ...figures }) => point(atMs, figures));
      return { range, stepMs: HISTORY.recentStepMs, points };
    }
    const { from, stepMs, steps } = RANGES[range];
    const untilMs = (Math.floor(now.wallMs / stepMs) + 1) * stepMs;
    const fromMs = untilMs - steps * stepMs;
    const figures = Array.from({ length: steps }, () => ({ ...NO_FIGURES }));
    // What is being written is in memory or in the store, not in both.
    await this.#writing;
    const stored = await this.#store.ask('steps', id, from, fromMs, untilMs, stepMs);
    for (const { step, ...known } of stored) add(figures[step]!, known);
    for (const row of this.#rollup.rows().minutes) {
      if (row.nodeId === id && row.at >= fromMs && row.at < untilMs) {
        add(figures[Math.floor((row.at - fromMs) / stepMs)]!, row);
      }
    }
    return { range, stepMs, points: figures.map((known, step) => point(fromMs + step * stepMs, known)) };
  }

  #count({ nodeId, downBytes, upBytes }: Pick<Sample, 'nodeId' | 'downBytes' | 'upBytes'>): void {
    let sums = this.#sums.get(nodeId);
    if (sums === undefined) {
      sums = { today: { ...NOTHING }, month: { ...NOTHING } };
      this.#sums.set(nodeId, sums);
    }
    sums.today.downBytes += downBytes;
    sums.today.upBytes += upBytes;
    sums.month.downBytes += downBytes;
    sums.month.upBytes += upBytes;
  }

  /** Until the store has answered, the sums go on as those of the day before; one that cannot be read is asked again. */
  async #turnTo(day: string, now: Moment): Promise<void> {
    this.#isTurning = true;
    try {
      await this.write(now);
      this.#useSums(day, await this.#store.ask('sums', monthOfDay(day), day));
      this.#isReadable = true;
    } catch (error) {
      if (this.#isReadable) this.#log.warn({ err: error }, UNREADABLE);
      this.#isReadable = false;
    } finally {
      this.#isTurning = false;
    }
  }

  /** The store's word on a date and its month, and what is not in it yet. */
  #useSums(day: string, stored: StoredSums): void {
    const month = monthOfDay(day);
    this.#sums = new Map();
    for (const [nodeId, { today, month }] of stored)
      this.#sums.set(nodeId, { today: copyOf(today), month: copyOf(month) });
    this.#day = day;
    for (const { nodeId, at, downBytes, upBytes } of this.#rollup.rows().days) {
      if (monthOfDay(at) !== month) continue;
      const known = this.#sums.get(nodeId) ?? { today: NOTHING, month: NOTHING };
      const sum = (one: Traffic) => ({
        downBytes: one.downBytes + downBytes,
        upBytes: one.upBytes + upBytes,
      });
      this.#sums.set(nodeId, {
        today: at === day ? sum(known.today) : copyOf(known.today),
        month: sum(known.month),
      });
    }
  }

  #watchClock(now: Moment): void {
    const offsetMs = now.wallMs - now.runMs;
    if (Math.abs(offsetMs - this.#offsetMs) > HISTORY.clockJumpMs) this.#steadyMs = now.runMs;
    this.#offsetMs = offsetMs;
  }

  async #thin(now: Moment): Promise<void> {
    this.#thinnedMs = now.runMs;
    if (!this.#isWritable) return;
    if (now.runMs - this.#steadyMs >= HISTORY.clockSteadyMs) {
      const day = localDay(now.wallMs - HISTORY.daysKept * 24 * HOUR_MS);
      // As many go as come, at least.
      const max = Math.max(HISTORY.thinRowsMax, 2 * this.#rowsWritten);
      await this.#tell(this.#store.ask('thinHistory', now.wallMs, day, max));
    }
    if (now.runMs - this.#countedMs < HISTORY.countEveryMs) return;
    this.#countedMs = now.runMs;
    const { minuteRowsMax: minutes, hourRowsMax: hours, dayRowsMax: days } = HISTORY;
    await this.#tell(this.#store.ask('boundHistory', { minutes, hours, days }));
  }

  /** Whether it was done. One line of the log when the disk takes no more, one when it does again. Never rejects. */
  async #tell(work: Promise<unknown>): Promise<boolean> {
    try {
      await work;
      if (!this.#isWritable) {
        this.#log.info(WRITABLE);
        this.#warn(WRITABLE);
      }
      this.#isWritable = true;
      return true;
    } catch (error) {
      if (this.#isWritable) {
        const what = error instanceof UnwritableError ? { reason: error.message } : { err: error };
        this.#log.warn(what, UNWRITABLE);
        this.#warn(UNWRITABLE);
      }
      this.#isWritable = false;
      return false;
    }
  }
}

const NO_FIGURES: Readonly<Figures> = { downBytes: 0, upBytes: 0, succeeded: 0, failed: 0, streams: 0 };

function add(figures: Figures, more: Readonly<Figures>): void {
  figures.downBytes += more.downBytes;
  figures.upBytes += more.upBytes;
  figures.succeeded += more.succeeded;
  figures.failed += more.failed;
  figures.streams = Math.max(figures.streams, more.streams);
}

function copyOf(sum: Traffic = NOTHING): Traffic {
  return { downBytes: sum.downBytes, upBytes: sum.upBytes };
}

function point(atMs: number, figures: Readonly<Figures>): HistoryView['points'][number] {
  const { downBytes, upBytes, succeeded, failed, streams } = figures;
  return { at: new Date(atMs).toISOString(), downBytes, upBytes, succeeded, failed, streams };
}
