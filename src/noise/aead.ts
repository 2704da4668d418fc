// ChaCha20-Poly1305 as the transport cipher asks for it, whoever computes it.

import type { Slab } from '../base/slab.ts';

/**
 * ChaCha20-Poly1305 (RFC 8439) with Noise's nonce: 4 zero bytes, then the counter as 64 bits little-endian (Noise revision 34,
 * section 12.3), without associated data. In place, inside the slab.
 */
export interface Aead {
  /** Seals slab.bytes[offset, offset + length) and writes the 16-byte tag after it. */
  seal(slab: Slab, offset: number, length: number, nonceLow: number, nonceHigh: number): void;
  /**
   * Opens slab.bytes[offset, offset + sealedLength), which leaves the plaintext, sealedLength - 16 bytes, at offset.
   * False when the tag is wrong; then the bytes are unspecified.
   */
  open(slab: Slab, offset: number, sealedLength: number, nonceLow: number, nonceHigh: number): boolean;
  /** Noise REKEY (section 4.2): the new key is the first 32 bytes of 32 zero bytes sealed with nonce 2^64-1. */
  rekey(): void;
  /** Zeroes the key. The Aead must not be used afterwards. */
  wipe(): void;
}

/** The key has 32 bytes and is copied, so the caller may zero its own. */
export type AeadFactory = (key: Uint8Array) => Aead;
