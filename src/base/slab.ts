// A slab: bytes that never move, known by view and by address, so that a system call needs no new view per call. Used by everyone
// who moves bytes. Slabs are made by a reactor (Reactor.slab) because only it knows whether addresses are needed.

export interface Slab {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Address of bytes[0] in this process, or 0 where no foreign call will ever see the slab. */
  readonly address: number;
}
