// Bytes that a local socket did not take yet: a FIFO that grows by doubling, never past its stream's window, because the peer may not
// send more. Some free buffers are kept by size, so that streams that stall and wake leave no garbage; the memory of the others goes back
// to the system.

import type { Slab } from '../base/slab.ts';
import { MEMORY } from '../limits/engine.ts';
import { PROTOCOL } from '../limits/wire.ts';
import type { Reactor } from '../reactor/reactor.ts';
import type { HeldShare } from '../ring/heldShare.ts';
import { type Backlog, type Holder, LARGEST_SHIFT, Pending, SMALLEST_SHIFT } from './backlog.ts';

export class PendingPool {
  readonly #lender: Pick<Reactor, 'borrowSlab' | 'returnSlab' | 'nowMs'>;
  readonly #free: Slab[][] = [];
  readonly share: HeldShare;
  #freeBytes = 0;

  constructor(lender: Pick<Reactor, 'borrowSlab' | 'returnSlab' | 'nowMs'>, share: HeldShare) {
    this.#lender = lender;
    this.share = share;
    for (let shift = SMALLEST_SHIFT; shift <= LARGEST_SHIFT; shift++) this.#free.push([]);
  }

  /** Of all buffers in use. */
  get heldBytes(): number {
    return this.share.heldBytes;
  }

  /** A new Pending with a copy of bytes[offset, offset + length). */
  hold(
    backlog: Backlog,
    holder: Holder,
    tag: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): Pending {
    const pending = new Pending(this.#take(length), backlog, holder, tag);
    backlog.add(pending, this.#lender.nowMs);
    this.append(pending, bytes, offset, length);
    return pending;
  }

  append(pending: Pending, bytes: Uint8Array, offset: number, length: number): void {
    const needed = pending.bytes + length;
    if (needed > pending.slab.bytes.length) this.#grow(pending, needed);
    else if (pending.tail + length > pending.slab.bytes.length) {
      pending.slab.bytes.copyWithin(0, pending.head, pending.tail);
      pending.tail -= pending.head;
      pending.head = 0;
    }
    pending.slab.bytes.set(bytes.subarray(offset, offset + length), pending.tail);
    pending.tail += length;
  }

  #grow(pending: Pending, bytes: number): void {
    const old = pending.slab;
    const slab = this.#take(bytes);
    slab.bytes.set(old.bytes.subarray(pending.head, pending.tail));
    pending.backlog.remove(pending);
    pending.slab = slab;
    pending.backlog.add(pending, this.#lender.nowMs);
    pending.tail -= pending.head;
    pending.head = 0;
    this.#give(old);
  }

  /** `taken` bytes were written: how many of them the peer gets credit for. */
  advance(pending: Pending, taken: number): number {
    if (taken > 0) pending.backlog.progressed(pending, this.#lender.nowMs);
    pending.head += taken;
    const own = Math.min(taken, pending.uncounted);
    pending.uncounted -= own;
    return taken - own;
  }

  /** The Pending is not used any more. */
  drop(pending: Pending): void {
    pending.backlog.remove(pending);
    this.#give(pending.slab);
  }

  #take(bytes: number): Slab {
    if (bytes > PROTOCOL.maxWindowBytes) throw new RangeError('a stream holds more than the largest window');
    const shift = Math.max(SMALLEST_SHIFT, 32 - Math.clz32(bytes - 1));
    const free = this.#free[shift - SMALLEST_SHIFT]!.pop();
    if (free !== undefined) this.#freeBytes -= free.bytes.length;
    const slab = free ?? this.#lender.borrowSlab(2 ** shift);
    this.share.add(slab.bytes.length);
    return slab;
  }

  #give(slab: Slab): void {
    this.share.add(-slab.bytes.length);
    if (this.#freeBytes + slab.bytes.length > MEMORY.keptBytes) {
      this.#lender.returnSlab(slab);
      return;
    }
    const shift = 31 - Math.clz32(slab.bytes.length);
    this.#freeBytes += slab.bytes.length;
    this.#free[shift - SMALLEST_SHIFT]!.push(slab);
  }
}
