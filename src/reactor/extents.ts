// Slabs that are lent: cut out of extents of address space by halving, and joined again when they come back (a buddy allocator, Knuth,
// TAOCP volume 1, section 2.5). Their pages go back to the system at once, where an allocator of many sizes would keep them.

import { freeSlab, type Slab } from '../base/slab.ts';

const BLOCK_SHIFT = 12;
/** More than malloc ever takes from its own heap (glibc: M_MMAP_THRESHOLD is at most 32 MiB): an extent is mapped for itself. */
const EXTENT_SHIFT = 26;
const ORDERS = EXTENT_SHIFT - BLOCK_SHIFT + 1;
const BLOCKS = 2 ** (EXTENT_SHIFT - BLOCK_SHIFT);
export const EXTENT_BYTES = 2 ** EXTENT_SHIFT;
export const LOAN = { minBytes: 2 ** BLOCK_SHIFT, maxBytes: 2 ** 24 } as const;
/** Joined blocks are given back in at least such pieces, because pages may be larger than the smallest block. */
const PIECE_BYTES = 65_536;
const NONE = -1;

interface Loan {
  readonly extent: Extent;
  readonly block: number;
  readonly order: number;
}

export class Extents {
  readonly #make: (bytes: number) => Slab;
  readonly #discard: (slab: Slab, offset: number, length: number) => void;
  /** The oldest first: they are filled before others, so that those can go. */
  readonly #extents: Extent[] = [];
  readonly #loans = new Map<Slab, Loan>();

  /** `discard`: the pages of these bytes go back to the system; where it cannot, extents do when they are empty. */
  constructor(make: (bytes: number) => Slab, discard: (slab: Slab, offset: number, length: number) => void) {
    this.#make = make;
    this.#discard = discard;
  }

  /** Slabs that are lent. */
  get lent(): number {
    return this.#loans.size;
  }

  /** Extents of address space. */
  get count(): number {
    return this.#extents.length;
  }

  /** `bytes`: a power of two within LOAN. */
  lend(bytes: number): Slab {
    const order = 31 - Math.clz32(bytes) - BLOCK_SHIFT;
    if (bytes < LOAN.minBytes || bytes > LOAN.maxBytes || bytes !== 2 ** (order + BLOCK_SHIFT))
      throw new RangeError(`no slab of ${bytes} bytes is lent`);
    let extent = this.#extents.find((one) => one.hasRoom(order));
    if (extent === undefined) {
      extent = new Extent(this.#make(EXTENT_BYTES));
      this.#extents.push(extent);
    }
    const block = extent.take(order);
    const slab = partOf(extent.slab, block << BLOCK_SHIFT, bytes);
    this.#loans.set(slab, { extent, block, order });
    return slab;
  }

  takeBack(slab: Slab): void {
    const loan = this.#loans.get(slab);
    if (loan === undefined) throw new Error('a slab comes back that was not lent');
    this.#loans.delete(slab);
    const { extent, block, order } = loan;
    const joined = extent.give(block, order);
    if (joined === ORDERS - 1 && this.#extents.length > 1) {
      this.#extents.splice(this.#extents.indexOf(extent), 1);
      freeSlab(extent.slab);
      return;
    }
    const bytes = Math.max(slab.bytes.length, Math.min(2 ** (joined + BLOCK_SHIFT), PIECE_BYTES));
    const offset = block << BLOCK_SHIFT;
    this.#discard(extent.slab, offset - (offset % bytes), bytes);
  }
}

/** A part of a slab, as a slab of its own. */
function partOf({ bytes, address }: Slab, offset: number, length: number): Slab {
  const view = bytes.subarray(offset, offset + length);
  return {
    bytes: view,
    view: new DataView(view.buffer, view.byteOffset, length),
    address: address === 0 ? 0 : address + offset,
  };
}

/** Free blocks of one extent: by order a list, chained through arrays by block. */
class Extent {
  readonly slab: Slab;
  readonly #first = new Int32Array(ORDERS).fill(NONE);
  readonly #next = new Int32Array(BLOCKS);
  readonly #previous = new Int32Array(BLOCKS);
  /** Of the first block of a free one: its order and 1. */
  readonly #freeOrder = new Uint8Array(BLOCKS);
  /** Bit by order: there is a free one. */
  #orders = 0;

  constructor(slab: Slab) {
    this.slab = slab;
    this.#push(0, ORDERS - 1);
  }

  hasRoom(order: number): boolean {
    return this.#orders >>> order !== 0;
  }

  take(order: number): number {
    const larger = this.#orders & (-1 << order);
    let at = 31 - Math.clz32(larger & -larger);
    const block = this.#first[at]!;
    this.#unlink(block, at);
    while (at > order) {
      at--;
      this.#push(block + 2 ** at, at);
    }
    return block;
  }

  /** The order of the free block that it is part of now. */
  give(block: number, order: number): number {
    let at = order;
    let start = block;
    for (; at < ORDERS - 1; at++) {
      const buddy = start ^ (2 ** at);
      if (this.#freeOrder[buddy] !== at + 1) break;
      this.#unlink(buddy, at);
      start = Math.min(start, buddy);
    }
    this.#push(start, at);
    return at;
  }

  #push(block: number, order: number): void {
    const next = this.#first[order]!;
    this.#first[order] = block;
    this.#next[block] = next;
    this.#previous[block] = NONE;
    if (next !== NONE) this.#previous[next] = block;
    this.#freeOrder[block] = order + 1;
    this.#orders |= 1 << order;
  }

  #unlink(block: number, order: number): void {
    const next = this.#next[block]!;
    const previous = this.#previous[block]!;
    if (previous === NONE) this.#first[order] = next;
    else this.#next[previous] = next;
    if (next !== NONE) this.#previous[next] = previous;
    this.#freeOrder[block] = 0;
    if (this.#first[order] === NONE) this.#orders &= ~(1 << order);
  }
}
