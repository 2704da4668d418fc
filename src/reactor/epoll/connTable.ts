// The connections of an epoll reactor as numbers: typed arrays by slot, and an id (generation and slot) that is checked on every use.
// Accessors that take a slot expect one that slotOf() or add() returned.

import { grown } from '../../base/grown.ts';
import { type ConnHandler, type ConnId, SLOTS_MAX, type TimerId } from '../reactor.ts';

const SLOT_MASK = SLOTS_MAX - 1;
const FIRST_CAPACITY = 256;

// Flags of a slot.
/** connect() is under way. */
export const CONNECTING = 1;
/** An edge reported something to read, and no read has found the receive queue empty since. */
export const READABLE = 2;
/** The peer ended, or an error or urgent data came: a short read no longer proves the queue empty, only EAGAIN does. */
export const UNTIL_EAGAIN = 4;
/** A write was cut short: the next edge of room goes to the handler. */
export const WANT_WRITE = 8;
export const PAUSED = 16;
/** read() returned END or an error: no more onReadable. */
export const END_READ = 32;
export const WRITE_SHUT = 64;
/** The slot is in the ready queue. This flag outlives the connection, so that a slot is queued once at most. */
export const QUEUED = 128;
/** The kernel reported an error that the handler has not heard of yet. */
export const ERRORED = 256;
/** UNTIL_EAGAIN, and the last read got less than it asked for: most likely only the end, or the error, is left. */
export const READ_SHORT = 512;

/** The handler of an accepted connection that has not been attached yet. */
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
  #ids = new Float64Array(FIRST_CAPACITY);
  #generations = new Uint32Array(FIRST_CAPACITY);
  #fds = new Int32Array(FIRST_CAPACITY);
  #flags = new Uint16Array(FIRST_CAPACITY);
  #tags = new Float64Array(FIRST_CAPACITY);
  #brokenErrnos = new Uint16Array(FIRST_CAPACITY);
  #connectTimers = new Float64Array(FIRST_CAPACITY);
  #handlers: ConnHandler[] = new Array<ConnHandler>(FIRST_CAPACITY).fill(UNATTACHED);
  #freeSlots = new Int32Array(FIRST_CAPACITY);
  #freeCount = 0;
  /** Slots from here on have never been used. */
  #slotsUsed = 1;
  #open = 0;
  /** The connection whose handler is being called, else 0. */
  current: ConnId = 0;

  constructor(connectionsMax: number) {
    this.#slotsMax = Math.min(connectionsMax, SLOTS_MAX);
    // Equal to no id, so that an id of 0 names nothing.
    this.#ids[0] = -1;
  }

  get open(): number {
    return this.#open;
  }

  get full(): boolean {
    return this.#freeCount === 0 && this.#slotsUsed >= this.#slotsMax;
  }

  /** A slot for a new connection. Must not be called when full. fd is -1 for a dial that failed at once. */
  add(fd: number, flags: number, handler: ConnHandler, tag: number): number {
    const slot = this.#takeSlot();
    const generation = (this.#generations[slot]! + 1) >>> 0 || 1;
    this.#generations[slot] = generation;
    this.#ids[slot] = generation * SLOTS_MAX + slot;
    this.#fds[slot] = fd;
    this.#flags[slot] = (this.#flags[slot]! & QUEUED) | flags;
    this.setHandler(slot, handler, tag);
    this.#open++;
    return slot;
  }

  #takeSlot(): number {
    if (this.#freeCount > 0) return this.#freeSlots[--this.#freeCount]!;
    if (this.#slotsUsed === this.#ids.length) this.#grow();
    return this.#slotsUsed++;
  }

  /** The slot of an open connection, or -1. */
  slotOf(conn: ConnId): number {
    const slot = conn & SLOT_MASK;
    return this.#ids[slot] === conn ? slot : -1;
  }

  idOf(slot: number): ConnId {
    return this.#ids[slot]!;
  }

  generationOf(slot: number): number {
    return this.#generations[slot]!;
  }

  /** The id of the connection that was watched under this slot and generation, or 0 when it has been closed since. */
  idOfEvent(slot: number, generation: number): ConnId {
    return this.#generations[slot] === generation ? this.#ids[slot]! : 0;
  }

  fdOf(slot: number): number {
    return this.#fds[slot]!;
  }

  flagsOf(slot: number): number {
    return this.#flags[slot]!;
  }

  /** True when any of these flags is set. */
  has(slot: number, flags: number): boolean {
    return (this.#flags[slot]! & flags) !== 0;
  }

  set(slot: number, flags: number): void {
    this.#flags[slot]! |= flags;
  }

  clear(slot: number, flags: number): void {
    this.#flags[slot]! &= ~flags;
  }

  handlerOf(slot: number): ConnHandler {
    return this.#handlers[slot]!;
  }

  tagOf(slot: number): number {
    return this.#tags[slot]!;
  }

  setHandler(slot: number, handler: ConnHandler, tag: number): void {
    this.#handlers[slot] = handler;
    this.#tags[slot] = tag;
  }

  /** The errno that the handler heard when the connection broke; 0 before. */
  brokenErrnoOf(slot: number): number {
    return this.#brokenErrnos[slot]!;
  }

  setBrokenErrno(slot: number, errno: number): void {
    this.#brokenErrnos[slot] = errno;
  }

  /** The timer of a connect() under way, else 0. */
  connectTimerOf(slot: number): TimerId {
    return this.#connectTimers[slot]!;
  }

  setConnectTimer(slot: number, timer: TimerId): void {
    this.#connectTimers[slot] = timer;
  }

  remove(slot: number): void {
    this.#ids[slot] = 0;
    this.#flags[slot]! &= QUEUED;
    this.#brokenErrnos[slot] = 0;
    this.#handlers[slot] = UNATTACHED;
    this.#freeSlots[this.#freeCount++] = slot;
    this.#open--;
  }

  /** The open connections' slots. */
  slots(): number[] {
    const slots: number[] = [];
    for (let slot = 1; slot < this.#slotsUsed; slot++) if (this.#ids[slot] !== 0) slots.push(slot);
    return slots;
  }

  #grow(): void {
    const capacity = this.#ids.length * 2;
    this.#ids = grown(this.#ids, new Float64Array(capacity));
    this.#generations = grown(this.#generations, new Uint32Array(capacity));
    this.#fds = grown(this.#fds, new Int32Array(capacity));
    this.#flags = grown(this.#flags, new Uint16Array(capacity));
    this.#tags = grown(this.#tags, new Float64Array(capacity));
    this.#brokenErrnos = grown(this.#brokenErrnos, new Uint16Array(capacity));
    this.#connectTimers = grown(this.#connectTimers, new Float64Array(capacity));
    this.#freeSlots = grown(this.#freeSlots, new Int32Array(capacity));
    while (this.#handlers.length < capacity) this.#handlers.push(UNATTACHED);
  }
}
