// Every counter that threads share, by name. Each slot has one writer, and other threads read it without a message. The slots of each
// writer are in cache lines of their own.

import { USERS } from '../limits/owner.ts';
import { SESSION } from '../limits/session.ts';
import type { FailureName } from '../model/failures.ts';
import { CONNECT_TIME_BOUNDS_MS, connectTimeBucket } from './connectTimes.ts';
import { causeIndex, FAILURE_CAUSES } from './failureCauses.ts';

const LINE_BYTES = 64;
const INTS_PER_LINE = LINE_BYTES / 4;

/** Int32s for one count of each failure, in whole lines. */
const CAUSES = Math.ceil(FAILURE_CAUSES.length / INTS_PER_LINE) * INTS_PER_LINE;
const TIMES = CONNECT_TIME_BOUNDS_MS.length;

/** Per thread: a line of counters, then the failures by cause. */
const THREAD_BYTES = LINE_BYTES + CAUSES * 4;
/** Int32 in the thread's line. */
export const THREAD = {
  asleep: 0,
  connections: 1,
  clients: 2,
  strangers: 3,
  lingering: 4,
  heldKib: 5,
  streams: 6,
} as const;
/** Int32 of the thread: the first of the failures. */
export const THREAD_CAUSES = INTS_PER_LINE;

/** Per session: a line that the front writes, then what the worker writes: a line of counters, connect times, failures by cause. */
const SESSION_BYTES = 2 * LINE_BYTES + TIMES * 4 + CAUSES * 4;
/** Int32 in the front's line. */
export const FRONT = { opened: 0 } as const;
/** Int32 in the worker's line. */
export const WORKER = {
  closed: 16,
  roundTripMs: 17,
  succeeded: 18,
  datagrams: 19,
  silent: 22,
  changes: 23,
} as const;
/** From WORKER.datagrams: towards targets, towards clients, dropped. */
export const DATAGRAM_COUNTS = 3;
/** Float64 in the worker's line (8-byte index). */
export const BYTES = { sent: 12, received: 13 } as const;
/** Int32 of the session: the first of the connect times, and of the failures. */
export const SESSION_TIMES = 2 * INTS_PER_LINE;
export const SESSION_CAUSES = SESSION_TIMES + TIMES;

/** Slot 0 belongs to no user. */
const USER_SLOTS = 1 + USERS.countedMax;

export interface SharedSlots {
  readonly threads: SharedArrayBuffer;
  readonly sessions: SharedArrayBuffer;
  /** By thread and user: streams that have ended. */
  readonly users: SharedArrayBuffer;
}

export function makeSlots(threads: number): SharedSlots {
  return {
    threads: new SharedArrayBuffer(threads * THREAD_BYTES),
    sessions: new SharedArrayBuffer(SESSION.indicesMax * SESSION_BYTES),
    users: new SharedArrayBuffer(threads * USER_SLOTS * 4),
  };
}

export class ThreadSlots {
  readonly marks: Int32Array;
  readonly #base: number;

  constructor(slots: SharedSlots, thread: number) {
    this.marks = new Int32Array(slots.threads);
    this.#base = (thread * THREAD_BYTES) / 4;
  }

  get asleepIndex(): number {
    return this.#base + THREAD.asleep;
  }

  set(name: keyof typeof THREAD, value: number): void {
    this.marks[this.#base + THREAD[name]] = value;
  }

  get(name: keyof typeof THREAD): number {
    return this.marks[this.#base + THREAD[name]]!;
  }

  /** Counts a failure that a client got from this thread, other than those that SessionSlots.connectFailed() counts. */
  countFailed(cause: FailureName): void {
    this.marks[this.#base + THREAD_CAUSES + causeIndex(cause)]!++;
  }

  /** Failures by this cause that the thread counted, modulo 2^32. */
  failed(cause: FailureName): number {
    return this.marks[this.#base + THREAD_CAUSES + causeIndex(cause)]! >>> 0;
  }
}

/** The streams of users who have a limit on them. */
export class UserSlots {
  readonly #closed: Int32Array;
  readonly #base: number;

  constructor(slots: SharedSlots, thread: number) {
    this.#closed = new Int32Array(slots.users);
    this.#base = thread * USER_SLOTS;
  }

  /** Worker: a stream has ended, or could not be opened. */
  closed(user: number): void {
    Atomics.store(this.#closed, this.#base + user, (this.#closed[this.#base + user]! + 1) | 0);
  }

  /** On all threads, modulo 2^32. */
  closedOf(user: number): number {
    let closed = 0;
    for (let at = user; at < this.#closed.length; at += USER_SLOTS) closed += Atomics.load(this.#closed, at);
    return closed | 0;
  }
}

/** Where a session's Int32s begin. */
function firstInt(index: number): number {
  return (index * SESSION_BYTES) / 4;
}

export class SessionSlots {
  readonly #counts: Int32Array;
  readonly #bytes: Float64Array;

  constructor(slots: SharedSlots) {
    this.#counts = new Int32Array(slots.sessions);
    this.#bytes = new Float64Array(slots.sessions);
  }

  /**
   * Streams of this session that are open or on their way to its worker. Never below 0 on any thread: a stream counts as opened before
   * its worker can close it, and the atomic read of the closed ones comes first, so every opening that it covers is visible.
   */
  load(index: number): number {
    const base = firstInt(index);
    const closed = Atomics.load(this.#counts, base + WORKER.closed);
    return (this.#counts[base + FRONT.opened]! - closed) | 0;
  }

  /** Counts on whenever the worker has counted something else of the session: who reads the counts may leave out one that has not moved. */
  changes(index: number): number {
    return Atomics.load(this.#counts, firstInt(index) + WORKER.changes);
  }

  /** Streams that the front has sent to the session, modulo 2^32. */
  openedStreams(index: number): number {
    return this.#counts[firstInt(index) + FRONT.opened]!;
  }

  /** Behind the change, so that a reader who sees this count sees the change as well. */
  #changed(base: number): void {
    const at = base + WORKER.changes;
    Atomics.store(this.#counts, at, (this.#counts[at]! + 1) | 0);
  }

  /** Front: a stream is about to go to the session. */
  opened(index: number): void {
    const at = firstInt(index) + FRONT.opened;
    this.#counts[at] = (this.#counts[at]! + 1) | 0;
  }

  /** Front: takes back opened(), because no worker got the stream. */
  notOpened(index: number): void {
    const at = firstInt(index) + FRONT.opened;
    this.#counts[at] = (this.#counts[at]! - 1) | 0;
  }

  /** Worker: a stream has ended, or could not be opened. */
  closed(index: number): void {
    const base = firstInt(index);
    const at = base + WORKER.closed;
    Atomics.store(this.#counts, at, (this.#counts[at]! + 1) | 0);
    this.#changed(base);
  }

  /** Worker: the node owes an answer and may be gone, or has been heard again. */
  setSilent(index: number, isSilent: boolean): void {
    this.#counts[firstInt(index) + WORKER.silent] = isSilent ? 1 : 0;
  }

  isSilent(index: number): boolean {
    return this.#counts[firstInt(index) + WORKER.silent] !== 0;
  }

  /** Worker: the node reported a stream connected, `tookMs` after it was opened. */
  connectOk(index: number, tookMs: number): void {
    const base = firstInt(index);
    this.#counts[base + WORKER.succeeded]!++;
    this.#counts[base + SESSION_TIMES + connectTimeBucket(tookMs)]!++;
    this.#changed(base);
  }

  /** Worker: a stream failed before it was connected. One that its client gave up is not counted. */
  connectFailed(index: number, cause: FailureName): void {
    const base = firstInt(index);
    this.#counts[base + SESSION_CAUSES + causeIndex(cause)]!++;
    this.#changed(base);
  }

  /** Connects that succeeded since the session began, modulo 2^32. */
  succeeded(index: number): number {
    return this.#counts[firstInt(index) + WORKER.succeeded]! >>> 0;
  }

  /** Connects that failed by this cause since the session began, modulo 2^32. */
  failed(index: number, cause: FailureName): number {
    return this.#counts[firstInt(index) + SESSION_CAUSES + causeIndex(cause)]! >>> 0;
  }

  /** The same, by the cause's place in FAILURE_CAUSES. */
  failedAt(index: number, cause: number): number {
    return this.#counts[firstInt(index) + SESSION_CAUSES + cause]! >>> 0;
  }

  /** Copies the counts of connect times (connectTimes.ts); `into` has room for CONNECT_TIME_BOUNDS_MS.length. */
  connectTimes(index: number, into: Uint32Array): void {
    const base = firstInt(index) + SESSION_TIMES;
    for (let bucket = 0; bucket < TIMES; bucket++) into[bucket] = this.#counts[base + bucket]!;
  }

  setBytes(index: number, sent: number, received: number, roundTripMs: number): void {
    const base = (index * SESSION_BYTES) / 8;
    this.#bytes[base + BYTES.sent] = sent;
    this.#bytes[base + BYTES.received] = received;
    this.#counts[2 * base + WORKER.roundTripMs] = roundTripMs;
    this.#changed(2 * base);
  }

  /** Worker: since the session began, modulo 2^32. */
  setDatagrams(index: number, up: number, down: number, dropped: number): void {
    const base = firstInt(index);
    const at = base + WORKER.datagrams;
    this.#counts[at] = up;
    this.#counts[at + 1] = down;
    this.#counts[at + 2] = dropped;
    this.#changed(base);
  }

  /** Copies the counts that setDatagrams() stored; `into` has room for DATAGRAM_COUNTS. */
  datagrams(index: number, into: Uint32Array): void {
    const at = firstInt(index) + WORKER.datagrams;
    for (let which = 0; which < DATAGRAM_COUNTS; which++) into[which] = this.#counts[at + which]!;
  }

  sentBytes(index: number): number {
    return this.#bytes[(index * SESSION_BYTES) / 8 + BYTES.sent]!;
  }

  receivedBytes(index: number): number {
    return this.#bytes[(index * SESSION_BYTES) / 8 + BYTES.received]!;
  }

  roundTripMs(index: number): number {
    return this.#counts[firstInt(index) + WORKER.roundTripMs]!;
  }

  /** Control: the index goes to a new session. No other thread uses it at that moment. */
  reset(index: number): void {
    const base = firstInt(index);
    this.#counts.fill(0, base, base + SESSION_BYTES / 4);
    this.setBytes(index, 0, 0, -1);
  }
}
