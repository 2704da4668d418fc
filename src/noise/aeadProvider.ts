// Which ChaCha20-Poly1305 an engine thread uses: node's own OpenSSL if it is there and agrees with libsodium, else libsodium.

import type { Slab } from '../base/slab.ts';
import { PROTOCOL } from '../limits/wire.ts';
import type { AeadFactory } from './aead.ts';
import { loadOpensslAead } from './aeadOpenssl.ts';
import { sodiumAead } from './aeadSodium.ts';

export interface AeadProvider {
  readonly name: 'openssl' | 'libsodium';
  readonly make: AeadFactory;
}

const SODIUM: AeadProvider = { name: 'libsodium', make: sodiumAead };
/** Longer than OpenSSL's shortcuts for short inputs, and no multiple of its block. */
const PROOF_BYTES = 1_500;
const SEALED_BYTES = PROOF_BYTES + PROTOCOL.tagBytes;

/** `makeSlab` is the reactor's, because only some reactors give addresses. */
export function chooseAead(makeSlab: (bytes: number) => Slab): AeadProvider {
  const make = loadOpensslAead(makeSlab);
  if (make === null || !agrees(make, makeSlab)) return SODIUM;
  return { name: 'openssl', make };
}

/** Foreign functions guarantee nothing: both must seal to the same bytes, open them again, and refuse a changed byte. */
function agrees(make: AeadFactory, makeSlab: (bytes: number) => Slab): boolean {
  const key = Uint8Array.from({ length: 32 }, (_, at) => at * 7 + 1);
  const ours = makeSlab(SEALED_BYTES);
  const theirs = makeSlab(SEALED_BYTES);
  const aead = make(key);
  const twin = sodiumAead(key);
  try {
    for (let round = 0; round < 2; round++) {
      ours.bytes.fill(round);
      theirs.bytes.fill(round);
      aead.seal(ours, 0, PROOF_BYTES, 0xffff_fffe, round);
      twin.seal(theirs, 0, PROOF_BYTES, 0xffff_fffe, round);
      if (Buffer.compare(ours.bytes, theirs.bytes) !== 0) return false;
      if (!aead.open(ours, 0, SEALED_BYTES, 0xffff_fffe, round) || ours.bytes[0] !== round) return false;
      theirs.bytes[3]! ^= 1;
      if (aead.open(theirs, 0, SEALED_BYTES, 0xffff_fffe, round)) return false;
      aead.rekey();
      twin.rekey();
    }
    return true;
  } catch {
    return false;
  } finally {
    aead.wipe();
    twin.wipe();
  }
}
