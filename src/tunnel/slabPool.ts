// Slabs of one size, kept for the next session that needs one: only sessions with bytes under way hold a slab. A thread has one pool for
// each purpose. The slab given back last goes out first, because it is still in the processor's cache.

import type { Slab } from '../base/slab.ts';

export class SlabPool {
  readonly slabBytes: number;
  readonly #make: (bytes: number) => Slab;
  readonly #free: Slab[] = [];
  readonly #keepMax: number;
  /** Slabs handed out and not given back. */
  taken = 0;

  constructor(make: (bytes: number) => Slab, slabBytes: number, keepMax: number) {
    this.#make = make;
    this.slabBytes = slabBytes;
    this.#keepMax = keepMax;
  }

  take(): Slab {
    this.taken++;
    return this.#free.pop() ?? this.#make(this.slabBytes);
  }

  give(slab: Slab): void {
    this.taken--;
    if (this.#free.length < this.#keepMax) this.#free.push(slab);
  }
}
