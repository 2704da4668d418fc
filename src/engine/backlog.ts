// What waits for the local sockets of one party: of a hub's clients, or at a node of one hub's streams. Finds the bytes that have waited
// longest without progress, most of them first, without a search: buffers of one size form a list by the time of their last progress, so
// the heaviest of all is at the head of a list.

import type { Slab } from '../base/slab.ts';

/** The smallest and the largest buffer, as powers of two. */
export const SMALLEST_SHIFT = 12;
export const LARGEST_SHIFT = 24;
const LISTS = LARGEST_SHIFT - SMALLEST_SHIFT + 1;

/** Has sockets for which bytes wait. */
export interface Holder {
  /** Resets the socket: its bytes need not wait any more. The Pending is dropped when it returns. */
  giveUp(tag: number): void;
}

/** What waits for one local socket. */
export class Pending {
  slab: Slab;
  head = 0;
  tail = 0;
  /** The first bytes are the hub's own (a rewritten HTTP head): writing them gives the peer no credit. */
  uncounted = 0;
  /** Who has the socket, and under which tag. */
  holder: Holder;
  tag: number;
  readonly backlog: Backlog;
  /** When the socket last took some of it, or its buffer grew. */
  progressMs = 0;
  older: Pending | null = null;
  newer: Pending | null = null;

  constructor(slab: Slab, backlog: Backlog, holder: Holder, tag: number) {
    this.slab = slab;
    this.backlog = backlog;
    this.holder = holder;
    this.tag = tag;
  }

  get bytes(): number {
    return this.tail - this.head;
  }
}

export class Backlog {
  readonly #oldest: (Pending | null)[] = new Array(LISTS).fill(null);
  readonly #newest: (Pending | null)[] = new Array(LISTS).fill(null);
  /** Of all buffers in its lists. */
  heldBytes = 0;

  /** Bytes have begun to wait, or their buffer has grown. */
  add(pending: Pending, nowMs: number): void {
    this.heldBytes += pending.slab.bytes.length;
    this.#append(pending, nowMs);
  }

  /** Before its buffer goes. */
  remove(pending: Pending): void {
    this.heldBytes -= pending.slab.bytes.length;
    this.#unlink(pending);
  }

  /** Its socket has taken some of it. */
  progressed(pending: Pending, nowMs: number): void {
    this.#unlink(pending);
    this.#append(pending, nowMs);
  }

  /** What has most bytes × time without progress, of all that had none for `stalledMs`. */
  heaviest(nowMs: number, stalledMs: number): Pending | null {
    let heaviest: Pending | null = null;
    let most = -1;
    for (let list = 0; list < LISTS; list++) {
      const pending = this.#oldest[list]!;
      if (pending === null || nowMs - pending.progressMs < stalledMs) continue;
      const weight = pending.slab.bytes.length * (nowMs - pending.progressMs + 1);
      if (weight <= most) continue;
      most = weight;
      heaviest = pending;
    }
    return heaviest;
  }

  #append(pending: Pending, nowMs: number): void {
    const list = listOf(pending);
    const newest = this.#newest[list]!;
    pending.progressMs = nowMs;
    pending.older = newest;
    pending.newer = null;
    if (newest === null) this.#oldest[list] = pending;
    else newest.newer = pending;
    this.#newest[list] = pending;
  }

  #unlink(pending: Pending): void {
    const list = listOf(pending);
    const { older, newer } = pending;
    if (older === null) this.#oldest[list] = newer;
    else older.newer = newer;
    if (newer === null) this.#newest[list] = older;
    else newer.older = older;
    pending.older = null;
    pending.newer = null;
  }
}

function listOf({ slab }: Pending): number {
  return 31 - Math.clz32(slab.bytes.length) - SMALLEST_SHIFT;
}
