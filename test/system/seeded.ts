// A stream of bytes that anyone can make and check at any position, without storing or hashing it: one random-looking block, repeated.
// Different seeds give different streams, so bytes on the wrong stream are noticed.

/** A prime: no power of two that buffers come in divides it. */
const PERIOD = 1_048_573;
const CHUNK_MAX = 262_144;

const block = makeBlock();

function makeBlock(): Buffer {
  const bytes = Buffer.allocUnsafe(PERIOD + CHUNK_MAX);
  let state = 0x9e3779b9;
  for (let at = 0; at < PERIOD; at++) {
    // xorshift32
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state;
  }
  bytes.copy(bytes, PERIOD, 0, CHUNK_MAX);
  return bytes;
}

/** Bytes of the stream at `offset`: `length` of them, or 256 KiB if that is less. Shared memory: do not write. */
export function seededAt(seed: number, offset: number, length: number): Buffer {
  const start = (seed * 65_537 + offset) % PERIOD;
  return block.subarray(start, start + Math.min(length, CHUNK_MAX));
}

/** The first `length` bytes of the stream, in memory of their own. */
export function seeded(seed: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; ) at += seededAt(seed, at, length - at).copy(bytes, at);
  return bytes;
}

/** Looks whether bytes that arrive are the stream's, in order. */
export class SeededCheck {
  readonly seed: number;
  bytes = 0;
  /** Where the first chunk that is wrong began; -1 while all is well. */
  wrongAt = -1;

  constructor(seed: number) {
    this.seed = seed;
  }

  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      const expected = seededAt(this.seed, this.bytes, chunk.length - at);
      if (this.wrongAt < 0 && expected.compare(chunk, at, at + expected.length) !== 0)
        this.wrongAt = this.bytes;
      at += expected.length;
      this.bytes += expected.length;
    }
  }
}
