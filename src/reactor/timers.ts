// A hashed timing wheel (Varghese and Lauck, SOSP 1987, scheme 6) in typed arrays: set and clear cost the same whatever the number
// of timers. Pure: time comes as an argument.

import { grown } from '../base/grown.ts';
import { SLOTS_MAX, type TimerHandler, type TimerId } from './reactor.ts';

const BUCKETS = 8_192;
const BUCKET_MASK = BUCKETS - 1;
/** Nodes 0..BUCKETS-1 are the buckets' list heads, this one the head of the list being fired, timers follow. */
const DUE = BUCKETS;
const FIRST_TIMER = BUCKETS + 1;
const FIRST_CAPACITY = 256;

const NO_HANDLER: TimerHandler = { onTimer() {} };

export class TimerWheel {
  readonly #tickMs: number;
  #next = new Int32Array(FIRST_TIMER + FIRST_CAPACITY);
  #prev = new Int32Array(FIRST_TIMER + FIRST_CAPACITY);
  // By slot (node - FIRST_TIMER).
  #dueTicks = new Float64Array(FIRST_CAPACITY);
  /** The id while set, 0 while free. */
  #ids = new Float64Array(FIRST_CAPACITY);
  #generations = new Uint32Array(FIRST_CAPACITY);
  #tags = new Float64Array(FIRST_CAPACITY);
  #handlers: TimerHandler[] = new Array<TimerHandler>(FIRST_CAPACITY).fill(NO_HANDLER);
  /** Free slots, chained through #next by node; 0 ends the chain. */
  #free = 0;
  #slotsUsed = 0;
  #count = 0;
  /** Every tick up to this one has been moved to the due list. */
  #tick: number;
  /** No bucket between #tick and this tick holds a timer. */
  #scanFromTick: number;

  constructor(nowMs: number, tickMs: number) {
    this.#tickMs = tickMs;
    this.#tick = Math.floor(nowMs / tickMs);
    this.#scanFromTick = this.#tick + 1;
    for (let node = 0; node < FIRST_TIMER; node++) this.#next[node] = this.#prev[node] = node;
  }

  /** Timers set and not yet fired. */
  get count(): number {
    return this.#count;
  }

  /** Fires once, not before nowMs + delayMs and at most about a tick later. Throws RangeError past 2^20 timers. */
  set(nowMs: number, delayMs: number, handler: TimerHandler, tag: number): TimerId {
    const slot = this.#takeSlot();
    const dueTick = Math.max(Math.ceil((nowMs + Math.max(delayMs, 0)) / this.#tickMs), this.#tick + 1);
    const generation = (this.#generations[slot]! + 1) >>> 0 || 1;
    const id = generation * SLOTS_MAX + slot;
    this.#generations[slot] = generation;
    this.#ids[slot] = id;
    this.#dueTicks[slot] = dueTick;
    this.#tags[slot] = tag;
    this.#handlers[slot] = handler;
    this.#append(dueTick & BUCKET_MASK, slot + FIRST_TIMER);
    if (dueTick < this.#scanFromTick) this.#scanFromTick = dueTick;
    this.#count++;
    return id;
  }

  /** Does nothing when the timer has fired or was cleared. */
  clear(id: TimerId): void {
    const slot = id & (SLOTS_MAX - 1);
    if (id > 0 && this.#ids[slot] === id) this.#drop(slot);
  }

  /**
   * How long to sleep at most, in whole milliseconds, 0..maxMs. Never past the next timer; possibly too short, when a timer more than
   * a turn of the wheel away shares a bucket with this moment.
   */
  nextDelayMs(nowMs: number, maxMs: number): number {
    if (this.hasDue) return 0;
    if (this.#count === 0) return maxMs;
    const lastTick = Math.floor((nowMs + maxMs) / this.#tickMs);
    let tick = this.#scanFromTick;
    while (tick <= lastTick && this.#next[tick & BUCKET_MASK] === (tick & BUCKET_MASK)) tick++;
    this.#scanFromTick = tick;
    const delayMs = Math.ceil(tick * this.#tickMs - nowMs);
    return Math.min(Math.max(delayMs, 0), maxMs);
  }

  /** Moves every timer that is due at nowMs to the due list, from which fireNext() calls one at a time. */
  expire(nowMs: number): void {
    const nowTick = Math.floor(nowMs / this.#tickMs);
    if (nowTick <= this.#tick) return;
    if (this.#count > 0) {
      // Past a whole turn of the wheel every bucket is visited once.
      const ticks = Math.min(nowTick - this.#tick, BUCKETS);
      for (let tick = nowTick - ticks + 1; tick <= nowTick; tick++)
        this.#expireBucket(tick & BUCKET_MASK, nowTick);
    }
    this.#tick = nowTick;
    if (this.#scanFromTick <= nowTick) this.#scanFromTick = nowTick + 1;
  }

  /** True while a timer that expire() found due waits for fireNext(). */
  get hasDue(): boolean {
    return this.#next[DUE] !== DUE;
  }

  /** Calls the handler of one due timer. The timer is gone before its handler runs. */
  fireNext(): void {
    const node = this.#next[DUE]!;
    if (node === DUE) return;
    const slot = node - FIRST_TIMER;
    const handler = this.#handlers[slot]!;
    const tag = this.#tags[slot]!;
    this.#drop(slot);
    handler.onTimer(tag);
  }

  clearAll(): void {
    for (let slot = 0; slot < this.#slotsUsed; slot++) if (this.#ids[slot] !== 0) this.#drop(slot);
  }

  #expireBucket(head: number, nowTick: number): void {
    let node = this.#next[head]!;
    while (node !== head) {
      const following = this.#next[node]!;
      if (this.#dueTicks[node - FIRST_TIMER]! <= nowTick) {
        this.#unlink(node);
        this.#append(DUE, node);
      }
      node = following;
    }
  }

  #drop(slot: number): void {
    const node = slot + FIRST_TIMER;
    this.#unlink(node);
    this.#ids[slot] = 0;
    this.#handlers[slot] = NO_HANDLER;
    this.#next[node] = this.#free;
    this.#free = node;
    this.#count--;
  }

  #append(head: number, node: number): void {
    const last = this.#prev[head]!;
    this.#next[last] = node;
    this.#prev[node] = last;
    this.#next[node] = head;
    this.#prev[head] = node;
  }

  #unlink(node: number): void {
    const before = this.#prev[node]!;
    const after = this.#next[node]!;
    this.#next[before] = after;
    this.#prev[after] = before;
  }

  #takeSlot(): number {
    const node = this.#free;
    if (node !== 0) {
      this.#free = this.#next[node]!;
      return node - FIRST_TIMER;
    }
    if (this.#slotsUsed === this.#ids.length) this.#grow();
    return this.#slotsUsed++;
  }

  #grow(): void {
    const capacity = this.#ids.length * 2;
    if (capacity > SLOTS_MAX) throw new RangeError('too many timers');
    this.#next = grown(this.#next, new Int32Array(FIRST_TIMER + capacity));
    this.#prev = grown(this.#prev, new Int32Array(FIRST_TIMER + capacity));
    this.#dueTicks = grown(this.#dueTicks, new Float64Array(capacity));
    this.#ids = grown(this.#ids, new Float64Array(capacity));
    this.#generations = grown(this.#generations, new Uint32Array(capacity));
    this.#tags = grown(this.#tags, new Float64Array(capacity));
    while (this.#handlers.length < capacity) this.#handlers.push(NO_HANDLER);
  }
}
