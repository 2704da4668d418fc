// Bytes that a local socket did not take yet: a FIFO that grows by doubling, never past its stream's window, because the peer may not
// send more. Buffers come from a pool by size, so that streams that stall and wake leave no garbage.

import type { Slab } from '../base/slab.ts';
import { PROTOCOL } from '../limits/wire.ts';

const SMALLEST_SHIFT = 12;
const LARGEST_SHIFT = 24;
/** Of free buffers of all sizes. */
const KEEP_BYTES = 8_388_608;

export class Pending {
  slab: Slab;
  head = 0;
  tail = 0;
  /** The first bytes are the hub's own (a rewritten HTTP head): writing them gives the peer no credit. */
  uncounted = 0;

  constructor(slab: Slab) {
    this.slab = slab;
  }

  get bytes(): number {
    return this.tail - this.head;
  }
}

export class PendingPool {
  readonly #make: (bytes: number) => Slab;
  readonly #heldMaxBytes: number;
  readonly #relieve: () => void;
  readonly #free: Slab[][] = [];
  #freeBytes = 0;
  /** Of all pending buffers in use. */
  heldBytes = 0;

  /** `relieve`: more than `heldMaxBytes` are held. Drops what can be spared. */
  constructor(make: (bytes: number) => Slab, heldMaxBytes: number, relieve: () => void) {
    this.#make = make;
    this.#heldMaxBytes = heldMaxBytes;
    this.#relieve = relieve;
    for (let shift = SMALLEST_SHIFT; shift <= LARGEST_SHIFT; shift++) this.#free.push([]);
  }

  get isOverfull(): boolean {
    return this.heldBytes > this.#heldMaxBytes;
  }

  /** A new Pending with a copy of bytes[offset, offset + length). */
  hold(bytes: Uint8Array, offset: number, length: number): Pending {
    const pending = new Pending(this.#take(length));
    this.append(pending, bytes, offset, length);
    return pending;
  }

  append(pending: Pending, bytes: Uint8Array, offset: number, length: number): void {
    const needed = pending.bytes + length;
    if (pending.tail + length > pending.slab.bytes.length) {
      const old = pending.slab;
      if (needed > old.bytes.length) pending.slab = this.#take(needed);
      pending.slab.bytes.set(old.bytes.subarray(pending.head, pending.tail));
      pending.tail -= pending.head;
      pending.head = 0;
      if (pending.slab !== old) this.#give(old);
    }
    pending.slab.bytes.set(bytes.subarray(offset, offset + length), pending.tail);
    pending.tail += length;
  }

  /** `taken` bytes were written: how many of them the peer gets credit for. */
  advance(pending: Pending, taken: number): number {
    pending.head += taken;
    const own = Math.min(taken, pending.uncounted);
    pending.uncounted -= own;
    return taken - own;
  }

  /** The Pending is not used any more. */
  drop(pending: Pending): void {
    this.#give(pending.slab);
  }

  #take(bytes: number): Slab {
    if (bytes > PROTOCOL.maxWindowBytes) throw new RangeError('a stream holds more than the largest window');
    const shift = Math.max(SMALLEST_SHIFT, 32 - Math.clz32(bytes - 1));
    const free = this.#free[shift - SMALLEST_SHIFT]!.pop();
    if (free !== undefined) this.#freeBytes -= free.bytes.length;
    const slab = free ?? this.#make(2 ** shift);
    this.heldBytes += slab.bytes.length;
    if (this.isOverfull) this.#relieve();
    return slab;
  }

  #give(slab: Slab): void {
    this.heldBytes -= slab.bytes.length;
    const shift = 31 - Math.clz32(slab.bytes.length);
    if (this.#freeBytes + slab.bytes.length > KEEP_BYTES) return;
    this.#freeBytes += slab.bytes.length;
    this.#free[shift - SMALLEST_SHIFT]!.push(slab);
  }
}
