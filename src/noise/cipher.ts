// One direction of a session after its handshake: the record counter and the rekeying.

import type { Slab } from '../base/slab.ts';
import { PROTOCOL } from '../limits/wire.ts';
import type { Aead } from './aead.ts';

const U32_MAX = 0xffff_ffff;
const REKEY_MASK = PROTOCOL.rekeyAfterRecords - 1;

// The counter decides when to rekey, so its low word must wrap exactly at a rekey.
if ((PROTOCOL.rekeyAfterRecords & REKEY_MASK) !== 0 || PROTOCOL.rekeyAfterRecords > 2 ** 31) {
  throw new Error('PROTOCOL.rekeyAfterRecords must be a power of two, at most 2^31');
}

/** A direction has used up its 2^64-1 nonces: the session must end. */
export class NonceExhaustedError extends Error {
  override readonly name = 'NonceExhaustedError';
}

export class TransportCipher {
  readonly #aead: Aead;
  /** The counter of the next record, as two u32. Rekeying does not reset it. */
  #low: number;
  #high: number;

  /** `firstLow` and `firstHigh` are the counter of the first record, 0 in every real session. */
  constructor(aead: Aead, firstLow = 0, firstHigh = 0) {
    this.#aead = aead;
    this.#low = firstLow;
    this.#high = firstHigh;
  }

  /** Seals `length` bytes at offset in place, and writes the 16-byte tag after them. Throws NonceExhaustedError. */
  seal(slab: Slab, offset: number, length: number): void {
    if (this.#exhausted()) throw new NonceExhaustedError('the session has used up its nonces');
    this.#aead.seal(slab, offset, length, this.#low, this.#high);
    this.#advance();
  }

  /**
   * Opens a record in place, which leaves the plaintext, sealedLength - 16 bytes, at offset. False when the record is forged, out of
   * order or past the last nonce: then the counter stays, and the session must end.
   */
  open(slab: Slab, offset: number, sealedLength: number): boolean {
    if (this.#exhausted()) return false;
    if (!this.#aead.open(slab, offset, sealedLength, this.#low, this.#high)) return false;
    this.#advance();
    return true;
  }

  wipe(): void {
    this.#aead.wipe();
  }

  /** 2^64-1 is reserved for REKEY (Noise revision 34, section 5.1). */
  #exhausted(): boolean {
    return this.#low === U32_MAX && this.#high === U32_MAX;
  }

  #advance(): void {
    this.#low = (this.#low + 1) >>> 0;
    if (this.#low === 0) this.#high = (this.#high + 1) >>> 0;
    if ((this.#low & REKEY_MASK) === 0) this.#aead.rekey();
  }
}
