// Extents whose pages the system takes back one by one.

import type { Slab } from '../../base/slab.ts';
import { type Libc, MADV_DONTNEED, MADV_NOHUGEPAGE } from '../libc.ts';

export class Pages {
  readonly #libc: Libc;
  readonly #slab: (bytes: number) => Slab;
  readonly #pageBytes: number;

  constructor(libc: Libc, slab: (bytes: number) => Slab) {
    this.#libc = libc;
    this.#slab = slab;
    this.#pageBytes = libc.getpagesize();
  }

  /** A slab that begins with a page. Its pages stay small: huge ones would hold, and take again, memory between those in use. */
  extent(bytes: number): Slab {
    const around = this.#slab(bytes + this.#pageBytes);
    const start = upTo(around.address, this.#pageBytes) - around.address;
    const address = around.address + start;
    this.#libc.madvise(address, bytes, MADV_NOHUGEPAGE);
    return {
      bytes: around.bytes.subarray(start, start + bytes),
      view: new DataView(around.bytes.buffer, start, bytes),
      address,
    };
  }

  /** Whole pages only, because madvise rounds a length up. What lies in them reads as zeros afterwards. */
  discard({ address }: Slab, offset: number, length: number): void {
    const start = upTo(address + offset, this.#pageBytes);
    const end = address + offset + length;
    const bytes = end - (end % this.#pageBytes) - start;
    if (bytes > 0) this.#libc.madvise(start, bytes, MADV_DONTNEED);
  }
}

function upTo(address: number, unit: number): number {
  return Math.ceil(address / unit) * unit;
}
