// The connections of an epoll reactor: typed arrays by slot, an id (generation and slot) checked on every use. Used by epoll.ts.

import type { ConnHandler, ConnId } from './reactor.ts';

export const SLOT_MASK = 2 ** 20 - 1;
const GENERATION_UNIT = 2 ** 20;
const FIRST_CAPACITY = 256;

// Flags of a slot.
/** connect() is under way. */
export const CONNECTING = 1;
/** An edge told of something to read, and no read has found the queue empty since. */
export const READABLE = 2;
/** The peer has ended, an error or urgent data came: a short read does not prove the queue empty, only EAGAIN does. */
export const UNTIL_EAGAIN = 4;
/** A write came short: the next edge of room is to be told. */
export const WANT_WRITE = 8;
export const PAUSED = 16;
/** read() returned END or an error: no more onReadable. */
export const END_READ = 32;
export const WRITE_SHUT = 64;
/** The kernel told of an error that nobody has heard yet. */
export const ERRORED = 256;
/** The slot stands in the ready queue. It outlives the connection, so that a slot stands there once at most. */
export const QUEUED = 128;

/** The handler of an accepted connection that nobody attached yet. */
export const UNATTACHED: ConnHandler = {
  onConnected() {},
  onConnectFailed() {},
  onReadable() {},
  onWritable() {},
  onBroken() {},
};

export class ConnTable {
  readonly #slotsMax: number;
  /** The id while open, 0 while free. Slot 0 is never used. */
  ids = new Float64Array(FIRST_CAPACITY);
  generations = new Uint32Array(FIRST_CAPACITY);
  /** -1: none (a dial that failed at once and is to be told). */
  fds = new Int32Array(FIRST_CAPACITY);
  flags = new Uint16Array(FIRST_CAPACITY);
  tags = new Float64Array(FIRST_CAPACITY);
  /** The errno a connection broke with, once told; 0 before. */
  brokenErrnos = new Uint16Array(FIRST_CAPACITY);
  /** The timer of a connect() under way, else 0. */
  connectTimers = new Float64Array(FIRST_CAPACITY);
  handlers: ConnHandler[] = new Array<ConnHandler>(FIRST_CAPACITY).fill(UNATTACHED);
  #freeSlots = new Int32Array(FIRST_CAPACITY);
  #freeCount = 0;
  /** Slots at and above this one have never been used. */
  slotsUsed = 1;
  open = 0;

  constructor(connectionsMax: number) {
    this.#slotsMax = Math.min(connectionsMax, SLOT_MASK + 1);
    // Equal to no id, so that an id of 0 names nothing.
    this.ids[0] = -1;
  }

  /** The slot of an open connection, or -1. */
  slotOf(conn: ConnId): number {
    const slot = conn & SLOT_MASK;
    return this.ids[slot] === conn ? slot : -1;
  }

  get full(): boolean {
    return this.#freeCount === 0 && this.slotsUsed >= this.#slotsMax;
  }

  /** A slot for a new connection, its id in ids[slot]. Not to be called when full. */
  add(fd: number, flags: number, handler: ConnHandler, tag: number): number {
    let slot: number;
    if (this.#freeCount > 0) slot = this.#freeSlots[--this.#freeCount]!;
    else {
      if (this.slotsUsed === this.ids.length) this.#grow();
      slot = this.slotsUsed++;
    }
    const generation = (this.generations[slot]! + 1) >>> 0 || 1;
    this.generations[slot] = generation;
    this.ids[slot] = generation * GENERATION_UNIT + slot;
    this.fds[slot] = fd;
    this.flags[slot] = (this.flags[slot]! & QUEUED) | flags;
    this.tags[slot] = tag;
    this.handlers[slot] = handler;
    this.open++;
    return slot;
  }

  remove(slot: number): void {
    this.ids[slot] = 0;
    this.flags[slot] = this.flags[slot]! & QUEUED;
    this.brokenErrnos[slot] = 0;
    this.handlers[slot] = UNATTACHED;
    this.#freeSlots[this.#freeCount++] = slot;
    this.open--;
  }

  #grow(): void {
    const capacity = this.ids.length * 2;
    this.ids = grown(this.ids, new Float64Array(capacity));
    this.generations = grown(this.generations, new Uint32Array(capacity));
    this.fds = grown(this.fds, new Int32Array(capacity));
    this.flags = grown(this.flags, new Uint16Array(capacity));
    this.tags = grown(this.tags, new Float64Array(capacity));
    this.brokenErrnos = grown(this.brokenErrnos, new Uint16Array(capacity));
    this.connectTimers = grown(this.connectTimers, new Float64Array(capacity));
    this.#freeSlots = grown(this.#freeSlots, new Int32Array(capacity));
    while (this.handlers.length < capacity) this.handlers.push(UNATTACHED);
  }
}

function grown<T extends Int32Array | Uint32Array | Uint16Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
