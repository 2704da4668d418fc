// Slabs of one size, kept for the next session that needs one: only sessions with bytes under way hold a slab. A thread has one pool for
// each purpose. The slab given back last goes out first, because it is still in the processor's cache. After a burst its slabs go
// back to the system: making slabs anew costs garbage collections, keeping them costs memory.

import { freeSlab, type Slab } from '../base/slab.ts';

export class SlabPool {
  readonly slabBytes: number;
  readonly #make: (bytes: number) => Slab;
  readonly #unmake: (slab: Slab) => void;
  readonly #free: Slab[] = [];
  /** Given back in this turn, and too many. */
  readonly #surplus: Slab[] = [];
  readonly #freeMax: number;
  readonly #restMax: number;
  /** The fewest free slabs since the last trim: so many were not needed. */
  #idle = 0;
  /** Slabs handed out and not given back. */
  taken = 0;

  /**
   * @param freeMaxBytes of free slabs, at any time
   * @param restBytes of free slabs, which trim() leaves
   * @param unmake gives a slab's memory back to the system
   */
  constructor(
    make: (bytes: number) => Slab,
    slabBytes: number,
    freeMaxBytes: number,
    restBytes: number,
    unmake: (slab: Slab) => void = freeSlab,
  ) {
    this.#make = make;
    this.#unmake = unmake;
    this.slabBytes = slabBytes;
    this.#freeMax = Math.floor(freeMaxBytes / slabBytes);
    this.#restMax = Math.floor(restBytes / slabBytes);
  }

  take(): Slab {
    this.taken++;
    const slab = this.#free.pop() ?? this.#surplus.pop() ?? this.#make(this.slabBytes);
    if (this.#free.length < this.#idle) this.#idle = this.#free.length;
    return slab;
  }

  /** The session that gives it may read from it until the turn ends. */
  give(slab: Slab): void {
    this.taken--;
    if (this.#free.length < this.#freeMax) this.#free.push(slab);
    else this.#surplus.push(slab);
  }

  /** At the end of a turn: frees those that were too many. */
  shed(): void {
    for (let slab = this.#surplus.pop(); slab !== undefined; slab = this.#surplus.pop()) this.#unmake(slab);
  }

  /** Whether trim() has something to do, now or later. */
  get hasSpare(): boolean {
    return this.#free.length > this.#restMax;
  }

  /** Frees half of the slabs that nobody needed since the last call, and of those the ones that were used longest ago. */
  trim(): void {
    const spare = Math.min(Math.ceil(this.#idle / 2), this.#free.length - this.#restMax);
    if (spare > 0) for (const slab of this.#free.splice(0, spare)) this.#unmake(slab);
    this.#idle = this.#free.length;
  }
}
