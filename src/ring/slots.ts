// Every counter that threads share, by name. Each slot has one writer; others read it without a message. A writer's slots fill cache
// lines of their own. Made by control (control/hub.ts, node/node.ts), written by the engine threads.

import { SESSION } from '../limits.ts';

const LINE_BYTES = 64;

/** Per thread: one line. */
const THREAD_BYTES = LINE_BYTES;
/** Int32 in the thread's line. */
export const THREAD = {
  asleep: 0,
  connections: 1,
  clients: 2,
  strangers: 3,
  lingering: 4,
  heldBytes: 5,
  streams: 6,
} as const;

/** Per session: one line of the front's, one of the worker's. */
const SESSION_BYTES = 2 * LINE_BYTES;
/** Int32 in the front's line. */
export const FRONT = { opened: 0 } as const;
/** Int32 in the worker's line. */
export const WORKER = { closed: 16, roundTripMs: 17 } as const;
/** Float64 in the worker's line (8-byte index). */
export const BYTES = { sent: 12, received: 13 } as const;

export interface SharedSlots {
  readonly threads: SharedArrayBuffer;
  readonly sessions: SharedArrayBuffer;
}

export function makeSlots(threads: number): SharedSlots {
  return {
    threads: new SharedArrayBuffer(threads * THREAD_BYTES),
    sessions: new SharedArrayBuffer(SESSION.sessionsMax * SESSION_BYTES),
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
}

export class SessionSlots {
  readonly #counts: Int32Array;
  readonly #bytes: Float64Array;

  constructor(slots: SharedSlots) {
    this.#counts = new Int32Array(slots.sessions);
    this.#bytes = new Float64Array(slots.sessions);
  }

  /** Streams of this session that are open or on their way to its worker. */
  load(index: number): number {
    const base = (index * SESSION_BYTES) / 4;
    return (this.#counts[base + FRONT.opened]! - Atomics.load(this.#counts, base + WORKER.closed)) | 0;
  }

  /** Front: one more stream was given to the session. */
  opened(index: number): void {
    const at = (index * SESSION_BYTES) / 4 + FRONT.opened;
    this.#counts[at] = (this.#counts[at]! + 1) | 0;
  }

  /** Worker: a stream is over (or could not be opened). */
  closed(index: number): void {
    const at = (index * SESSION_BYTES) / 4 + WORKER.closed;
    Atomics.store(this.#counts, at, (this.#counts[at]! + 1) | 0);
  }

  setBytes(index: number, sent: number, received: number, roundTripMs: number): void {
    const base = (index * SESSION_BYTES) / 8;
    this.#bytes[base + BYTES.sent] = sent;
    this.#bytes[base + BYTES.received] = received;
    this.#counts[2 * base + WORKER.roundTripMs] = roundTripMs;
  }

  sentBytes(index: number): number {
    return this.#bytes[(index * SESSION_BYTES) / 8 + BYTES.sent]!;
  }

  receivedBytes(index: number): number {
    return this.#bytes[(index * SESSION_BYTES) / 8 + BYTES.received]!;
  }

  roundTripMs(index: number): number {
    return this.#counts[(index * SESSION_BYTES) / 4 + WORKER.roundTripMs]!;
  }

  /** Control: the index goes to a new session. Nobody else uses it at that moment. */
  reset(index: number): void {
    const base = (index * SESSION_BYTES) / 4;
    this.#counts.fill(0, base, base + SESSION_BYTES / 4);
    this.setBytes(index, 0, 0, -1);
  }
}
