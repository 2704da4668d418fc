// The bytes that every load carries: one repeating block whose length is prime, entered at a place of the stream's own, so that bytes
// of another stream, or shifted, doubled or left out by any round number, never compare equal.

import type { Slab } from '../../src/base/slab.ts';
import type { Reactor } from '../../src/reactor/reactor.ts';

/** The largest prime below 64 Ki. */
export const PERIOD_BYTES = 65_521;
/** Bytes that lie in one piece from any place of the period. */
export const PIECE_BYTES = 262_144;

export class Pattern {
  /** PERIOD_BYTES + PIECE_BYTES of it, to be sent from in place. */
  readonly slab: Slab;
  readonly #buffer: Buffer;

  constructor(reactor: Reactor) {
    this.slab = reactor.slab(PERIOD_BYTES + PIECE_BYTES);
    const { bytes } = this.slab;
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    let state = 0x9e3779b9;
    for (let i = 0; i < PERIOD_BYTES; i++) {
      // xorshift32 (Marsaglia 2003)
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      bytes[i] = state & 0xff;
    }
    for (let at = PERIOD_BYTES; at < bytes.length; at += PERIOD_BYTES) {
      bytes.copyWithin(at, 0, Math.min(PERIOD_BYTES, bytes.length - at));
    }
  }

  /** Where in the slab the byte `position` of the stream `key` lies; PIECE_BYTES may be taken from there. */
  offset(key: number, position: number): number {
    return (key * 7_919 + position) % PERIOD_BYTES;
  }

  /** True when the `length` (≤ PIECE_BYTES) bytes at `at` are those of the stream `key` from `position` on. */
  matches(key: number, position: number, bytes: Buffer, at: number, length: number): boolean {
    const offset = this.offset(key, position);
    return bytes.compare(this.#buffer, offset, offset + length, at, at + length) === 0;
  }
}
