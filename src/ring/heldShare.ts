// What the threads of a process hold for sockets that do not take it, under one bound. With several threads half of it is divided among
// them, and the other half is whoever needs it first: so no thread can take what another needs to go on, and none has to ask.

import { memoryShare } from '../base/machineMemory.ts';
import { MEMORY } from '../limits/engine.ts';

/** Of what the threads count together. */
const PAGE_BYTES = 4_096;

/** How threads share it. */
export interface HeldPlan {
  readonly maxBytes: number;
  /** That hold bytes. */
  readonly threads: number;
  /** Pages of the common half that are in use. */
  readonly common: SharedArrayBuffer;
}

/** What a hub may hold unless its owner says otherwise. */
export function hubMemoryBytes(): number {
  return memoryShare(MEMORY.hubDivisor, MEMORY.hubMinBytes, MEMORY.hubMaxBytes);
}

/** Likewise for a node. */
export function nodeMemoryBytes(): number {
  return memoryShare(MEMORY.nodeDivisor, MEMORY.nodeMinBytes, MEMORY.nodeMaxBytes);
}

export function heldPlan(maxBytes: number, threads: number): HeldPlan {
  return { maxBytes, threads: Math.max(1, threads), common: new SharedArrayBuffer(64) };
}

/** One thread's part of it. */
export class HeldShare {
  readonly maxBytes: number;
  /** What windows of this thread may grow by. */
  readonly windowBudgetBytes: number;
  readonly #own: number;
  readonly #common: number;
  readonly #used: Int32Array;
  #pages = 0;

  constructor({ maxBytes, threads, common }: HeldPlan) {
    const pages = Math.floor(maxBytes / PAGE_BYTES);
    this.maxBytes = maxBytes;
    this.windowBudgetBytes = Math.floor(maxBytes / 2 / threads);
    this.#own = threads === 1 ? pages : Math.floor(pages / 2 / threads);
    this.#common = pages - threads * this.#own;
    this.#used = new Int32Array(common);
  }

  /** By this thread. */
  get heldBytes(): number {
    return this.#pages * PAGE_BYTES;
  }

  /** Whole pages; negative when they are no longer held. May lead beyond the bound: then streams have to go. */
  add(bytes: number): void {
    const before = Math.max(0, this.#pages - this.#own);
    this.#pages += bytes / PAGE_BYTES;
    const after = Math.max(0, this.#pages - this.#own);
    if (after !== before) Atomics.add(this.#used, 0, after - before);
  }

  /** This thread holds more than its own part, and the common one is used up. */
  get isOverfull(): boolean {
    return this.#pages > this.#own && Atomics.load(this.#used, 0) > this.#common;
  }

  /** What this thread holds, of that and what it may still hold: 0 to 1, and more beyond the bound. */
  get fullness(): number {
    const commonLeft = this.#common - Atomics.load(this.#used, 0);
    const left = Math.max(0, this.#own - this.#pages) + commonLeft;
    return this.#pages === 0 ? 0 : this.#pages / Math.max(1, this.#pages + left);
  }

  get isTight(): boolean {
    return this.fullness >= MEMORY.tightShare;
  }

  get refusesStreams(): boolean {
    return this.fullness >= MEMORY.refusedShare;
  }
}
