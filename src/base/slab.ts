// A slab: bytes that never move, known by view and by address, so that a system call needs no new view per call.
// A reactor makes it (Reactor.slab): only it knows whether addresses are needed.

export interface Slab {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Address of bytes[0] in this process, or 0 where no foreign call will ever see the slab. */
  readonly address: number;
}

/** Throws RangeError unless bytes[offset .. offset + length) lies in the slab: a system call would write anywhere. */
export function assertInSlab(slab: Slab, offset: number, length: number): void {
  if (!(offset >= 0 && length >= 0 && offset + length <= slab.bytes.length)) {
    throw new RangeError('outside the slab');
  }
}

/**
 * Gives the slab's memory back at once, where the collector would wait for its next run. Views of it become empty, so assertInSlab()
 * refuses what is left of them.
 */
export function freeSlab(slab: Slab): void {
  (slab.bytes.buffer as ArrayBuffer).transfer(0);
}
