// ChaCha20-Poly1305 by libsodium. Works wherever sodium-native has a prebuilt library.

import sodium from 'sodium-native';
import { assertInSlab, type Slab } from '../base/slab.ts';
import { PROTOCOL } from '../limits/wire.ts';
import type { Aead } from './aead.ts';

const NONCE_BYTES = 12;
const TAG_BYTES = PROTOCOL.tagBytes;

class SodiumAead implements Aead {
  readonly #key: Uint8Array;
  readonly #nonce = new Uint8Array(NONCE_BYTES);
  readonly #nonceView = new DataView(this.#nonce.buffer);

  constructor(key: Uint8Array) {
    if (key.length !== PROTOCOL.keyBytes) throw new RangeError(`an AEAD key has ${PROTOCOL.keyBytes} bytes`);
    this.#key = new Uint8Array(key);
  }

  seal(slab: Slab, offset: number, length: number, nonceLow: number, nonceHigh: number): void {
    assertInSlab(slab, offset, length + TAG_BYTES);
    this.#setNonce(nonceLow, nonceHigh);
    const sealed = slab.bytes.subarray(offset, offset + length + TAG_BYTES);
    const plain = slab.bytes.subarray(offset, offset + length);
    const written = sodium.crypto_aead_chacha20poly1305_ietf_encrypt(
      sealed,
      plain,
      null,
      null,
      this.#nonce,
      this.#key,
    );
    if (written !== length + TAG_BYTES) throw new Error('libsodium failed to seal');
  }

  open(slab: Slab, offset: number, sealedLength: number, nonceLow: number, nonceHigh: number): boolean {
    if (sealedLength < TAG_BYTES) return false;
    assertInSlab(slab, offset, sealedLength);
    this.#setNonce(nonceLow, nonceHigh);
    const sealed = slab.bytes.subarray(offset, offset + sealedLength);
    const plain = slab.bytes.subarray(offset, offset + sealedLength - TAG_BYTES);
    try {
      const written = sodium.crypto_aead_chacha20poly1305_ietf_decrypt(
        plain,
        null,
        sealed,
        null,
        this.#nonce,
        this.#key,
      );
      // The binding returns failure as an unsigned number, so check the length as well.
      return written === sealedLength - TAG_BYTES;
    } catch {
      return false;
    }
  }

  rekey(): void {
    const sealed = new Uint8Array(PROTOCOL.keyBytes + TAG_BYTES);
    this.#setNonce(0xffff_ffff, 0xffff_ffff);
    sodium.crypto_aead_chacha20poly1305_ietf_encrypt(
      sealed,
      new Uint8Array(PROTOCOL.keyBytes),
      null,
      null,
      this.#nonce,
      this.#key,
    );
    this.#key.set(sealed.subarray(0, PROTOCOL.keyBytes));
    sodium.sodium_memzero(sealed);
  }

  wipe(): void {
    sodium.sodium_memzero(this.#key);
  }

  #setNonce(low: number, high: number): void {
    this.#nonceView.setUint32(4, low, true);
    this.#nonceView.setUint32(8, high, true);
  }
}

export function sodiumAead(key: Uint8Array): Aead {
  return new SodiumAead(key);
}
