// What passed since the last write, as rows of minutes, hours and days, per node and for all. Pure: time and samples are arguments.
// Buckets follow the clock on the wall, bytes follow counters: a clock that jumps moves bytes to another bucket, and never counts them
// twice or loses them.

import { localDay } from '../../base/localTime.ts';
import { HISTORY } from '../../limits/owner.ts';

/** What one node did since the sample before; streams: open now. */
export interface Sample {
  readonly nodeId: string;
  readonly downBytes: number;
  readonly upBytes: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly streams: number;
}

export interface Figures {
  downBytes: number;
  upBytes: number;
  succeeded: number;
  failed: number;
  /** The most at once. */
  streams: number;
}

/** `at`: the bucket's first millisecond; of a day, the local date. To be added to the row that may be there already. */
export interface Row<At extends number | string> extends Readonly<Figures> {
  readonly nodeId: string;
  readonly at: At;
}

export interface Rows {
  readonly minutes: readonly Row<number>[];
  readonly hours: readonly Row<number>[];
  readonly days: readonly Row<string>[];
}

/** The id under which all nodes together are kept; no node has it. */
export const ALL_NODES = '';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;

type Bucket = Map<string, Figures>;

export class Rollup {
  readonly #rowsMax: number;
  readonly #dayOf: (atMs: number) => string;
  /** By minute, in the order they came; a joined one has the time of its earliest. */
  #minutes = new Map<number, Bucket>();
  /** Rows in them. */
  #rows = 0;
  /** On its way to the disk; null: nothing is. */
  #taken: Map<number, Bucket> | null = null;

  /** `dayOf`: the local date of a time. */
  constructor(dayOf: (atMs: number) => string = localDay, rowsMax: number = HISTORY.pendingRowsMax) {
    this.#dayOf = dayOf;
    this.#rowsMax = rowsMax;
  }

  /** Whether there is nothing to take. */
  get isEmpty(): boolean {
    return this.#rows === 0;
  }

  /** Whether rows are on their way to the disk. */
  get isTaken(): boolean {
    return this.#taken !== null;
  }

  /** Samples of one moment: one per node, those that did nothing may be absent. */
  feed(nowMs: number, samples: readonly Sample[]): void {
    const at = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
    let streams = 0;
    let all: Figures | null = null;
    for (const sample of samples) {
      streams += sample.streams;
      if (isNothing(sample)) continue;
      add(this.#figures(at, sample.nodeId), sample);
      all ??= this.#figures(at, ALL_NODES);
      add(all, sample);
    }
    if (all !== null) all.streams = Math.max(all.streams, streams);
    if (this.#rows > this.#rowsMax) this.#join();
  }

  /** All that is not written, in sums; of one minute there may be several rows. */
  rows(): Rows {
    return this.#taken === null ? this.#sums([this.#minutes]) : this.#sums([this.#taken, this.#minutes]);
  }

  /** The rows to write, once those taken before are written() or notWritten(). */
  take(): Rows {
    this.#taken = this.#minutes;
    this.#minutes = new Map();
    this.#rows = 0;
    return this.#sums([this.#taken]);
  }

  written(): void {
    this.#taken = null;
  }

  /** They stay for the next time. */
  notWritten(): void {
    const since = this.#minutes;
    this.#minutes = this.#taken ?? new Map();
    this.#taken = null;
    for (const [at, bucket] of since) {
      const into = bucketOf(this.#minutes, at);
      for (const [nodeId, figures] of bucket) join(into, nodeId, figures);
    }
    this.#rows = 0;
    for (const bucket of this.#minutes.values()) this.#rows += bucket.size;
    if (this.#rows > this.#rowsMax) this.#join();
  }

  #sums(parts: readonly Map<number, Bucket>[]): Rows {
    const minutes: Row<number>[] = [];
    const hours = new Map<number, Bucket>();
    const days = new Map<string, Bucket>();
    for (const [at, bucket] of parts.flatMap((part) => [...part])) {
      const hour = bucketOf(hours, Math.floor(at / HOUR_MS) * HOUR_MS);
      const day = bucketOf(days, this.#dayOf(at));
      for (const [nodeId, figures] of bucket) {
        minutes.push({ nodeId, at, ...figures });
        join(hour, nodeId, figures);
        join(day, nodeId, figures);
      }
    }
    return { minutes, hours: rowsOf(hours), days: rowsOf(days) };
  }

  /** Bytes of a node in both directions that are not written yet. */
  unwritten(nodeId: string): number {
    let bytes = 0;
    for (const bucket of [
      ...(this.#taken ?? new Map<number, Bucket>()).values(),
      ...this.#minutes.values(),
    ]) {
      const figures = bucket.get(nodeId);
      if (figures !== undefined) bytes += figures.downBytes + figures.upBytes;
    }
    return bytes;
  }

  #figures(at: number, nodeId: string): Figures {
    const bucket = bucketOf(this.#minutes, at);
    let figures = bucket.get(nodeId);
    if (figures === undefined) {
      figures = { downBytes: 0, upBytes: 0, succeeded: 0, failed: 0, streams: 0 };
      bucket.set(nodeId, figures);
      this.#rows++;
    }
    return figures;
  }

  /** Room by coarser times, oldest first: minutes of one hour, then of one day, then whichever; sums stay. */
  #join(): void {
    while (this.#rows > this.#rowsMax && this.#minutes.size > 1) {
      const times = [...this.#minutes.keys()].sort((one, other) => one - other);
      const pair =
        pairWithin(times, (at) => Math.floor(at / HOUR_MS)) ??
        pairWithin(times, this.#dayOf) ??
        pairWithin(times, () => 0)!;
      const into = this.#minutes.get(pair[0])!;
      const from = this.#minutes.get(pair[1])!;
      this.#rows -= into.size + from.size;
      for (const [nodeId, figures] of from) join(into, nodeId, figures);
      this.#rows += into.size;
      this.#minutes.delete(pair[1]);
    }
  }
}

function isNothing({ downBytes, upBytes, succeeded, failed, streams }: Sample): boolean {
  return downBytes === 0 && upBytes === 0 && succeeded === 0 && failed === 0 && streams === 0;
}

function add(figures: Figures, { downBytes, upBytes, succeeded, failed, streams }: Readonly<Figures>): void {
  figures.downBytes += downBytes;
  figures.upBytes += upBytes;
  figures.succeeded += succeeded;
  figures.failed += failed;
  if (streams > figures.streams) figures.streams = streams;
}

function join(bucket: Bucket, nodeId: string, figures: Readonly<Figures>): void {
  const known = bucket.get(nodeId);
  if (known === undefined) bucket.set(nodeId, { ...figures });
  else add(known, figures);
}

function bucketOf<At>(buckets: Map<At, Bucket>, at: At): Bucket {
  let bucket = buckets.get(at);
  if (bucket === undefined) {
    bucket = new Map();
    buckets.set(at, bucket);
  }
  return bucket;
}

function rowsOf<At extends number | string>(buckets: Map<At, Bucket>): Row<At>[] {
  return [...buckets].flatMap(([at, bucket]) =>
    [...bucket].map(([nodeId, figures]) => ({ nodeId, at, ...figures })),
  );
}

/** The first two neighbours of the same group. */
function pairWithin(times: readonly number[], groupOf: (at: number) => unknown): [number, number] | null {
  for (let at = 1; at < times.length; at++) {
    const [before, after] = [times[at - 1]!, times[at]!];
    if (groupOf(before) === groupOf(after)) return [before, after];
  }
  return null;
}
