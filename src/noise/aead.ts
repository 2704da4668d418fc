// The seam between the transport cipher and whoever computes ChaCha20-Poly1305: libsodium (aeadSodium.ts) or another provider.

import type { Slab } from '../base/slab.ts';

/**
 * ChaCha20-Poly1305 (RFC 8439) with Noise's nonce: 4 zero bytes, then the counter as 64 bits little-endian (Noise revision 34,
 * section 12.3). No associated data. Everything happens in place, inside the slab.
 */
export interface Aead {
  /** Seals slab.bytes[offset, offset + length) and writes the 16-byte tag behind it. */
  seal(slab: Slab, offset: number, length: number, nonceLow: number, nonceHigh: number): void;
  /**
   * Opens slab.bytes[offset, offset + sealedLength); the plaintext, sealedLength - 16 bytes, is at offset afterwards.
   * False when the tag is wrong; the bytes are then unspecified.
   */
  open(slab: Slab, offset: number, sealedLength: number, nonceLow: number, nonceHigh: number): boolean;
  /** Noise REKEY (section 4.2): the key becomes the first 32 bytes of sealing 32 zero bytes with nonce 2^64-1. */
  rekey(): void;
  /** Zeroes the key. The Aead must not be used afterwards. */
  wipe(): void;
}

/** The key, 32 bytes, is copied: the caller may zero its own. */
export type AeadFactory = (key: Uint8Array) => Aead;
