// The transport cipher written again, slowly, over node:crypto (OpenSSL) with a BigInt counter; and a slab for tests.

import { createCipheriv } from 'node:crypto';
import type { Slab } from '../../src/base/slab.ts';

export function testSlab(length: number): Slab {
  const bytes = new Uint8Array(length);
  return { bytes, view: new DataView(bytes.buffer), address: 0 };
}

export function sealTwin(key: Uint8Array, counter: bigint, plain: Uint8Array): Uint8Array {
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64LE(counter, 4);
  const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 });
  return new Uint8Array(Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]));
}

export function rekeyTwin(key: Uint8Array): Uint8Array {
  return sealTwin(key, 2n ** 64n - 1n, new Uint8Array(32)).slice(0, 32);
}

/** Seals records one after the other, rekeying after every 2^16. */
export class SealingTwin {
  key: Uint8Array;
  counter: bigint;

  constructor(key: Uint8Array, counter = 0n) {
    this.key = key;
    this.counter = counter;
  }

  seal(plain: Uint8Array): Uint8Array {
    const sealed = sealTwin(this.key, this.counter, plain);
    this.counter += 1n;
    if (this.counter % 65_536n === 0n) this.key = rekeyTwin(this.key);
    return sealed;
  }
}
