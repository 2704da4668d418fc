// ChaCha20-Poly1305 by the OpenSSL inside node, through koffi: more than twice as fast as libsodium on long records
// (native-notes/aead.md). Not every node exposes it.

import { loadForeignCalls } from '../base/foreignCalls.ts';
import { assertInSlab, type Slab } from '../base/slab.ts';
import { PROTOCOL } from '../limits/wire.ts';
import type { Aead, AeadFactory } from './aead.ts';

const KEY_BYTES = 32;
const TAG_BYTES = PROTOCOL.tagBytes;
// openssl/evp.h
const EVP_CTRL_AEAD_GET_TAG = 0x10;
const EVP_CTRL_AEAD_SET_TAG = 0x11;
const ENCRYPT = 1;
const DECRYPT = 0;
const KEEP = -1;
/** OpenSSL goes over what one call gives it twice, for the cipher and for the tag: in steps that stay in the processor's first cache. */
const STEP_BYTES = 8_192;

/** Numbers in, a number out: pointers are addresses, so a call allocates nothing. 1 is success. */
interface Evp {
  readonly cipher: number;
  newContext(): number;
  free(context: number): void;
  init(context: number, cipher: number, engine: number, key: number, iv: number, direction: number): number;
  update(context: number, out: number, outLength: number, input: number, inputLength: number): number;
  final(context: number, out: number, outLength: number): number;
  control(context: number, command: number, argument: number, pointer: number): number;
}

// One thread's scratch: key[32] | nonce[12] (4 zero bytes, then the counter) | length i32 | rekey[48].
const SCRATCH_BYTES = 128;
const NONCE_AT = 32;
const LENGTH_AT = 48;
const REKEY_AT = 64;

class OpensslAead implements Aead {
  readonly #evp: Evp;
  readonly #scratch: Slab;
  readonly #key: Uint8Array;
  #sealing = 0;
  #opening = 0;

  constructor(evp: Evp, scratch: Slab, key: Uint8Array) {
    if (key.length !== KEY_BYTES) throw new RangeError(`an AEAD key has ${KEY_BYTES} bytes`);
    this.#evp = evp;
    this.#scratch = scratch;
    this.#key = new Uint8Array(key);
  }

  seal(slab: Slab, offset: number, length: number, nonceLow: number, nonceHigh: number): void {
    assertInSlab(slab, offset, length + TAG_BYTES);
    if (this.#sealing === 0) this.#sealing = this.#context(ENCRYPT);
    const at = slab.address + offset;
    this.#setNonce(nonceLow, nonceHigh);
    if (
      !this.#transform(this.#sealing, at, length) ||
      this.#evp.control(this.#sealing, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, at + length) !== 1
    ) {
      throw new Error('OpenSSL failed to seal');
    }
  }

  open(slab: Slab, offset: number, sealedLength: number, nonceLow: number, nonceHigh: number): boolean {
    if (sealedLength < TAG_BYTES) return false;
    assertInSlab(slab, offset, sealedLength);
    if (this.#opening === 0) this.#opening = this.#context(DECRYPT);
    const at = slab.address + offset;
    const length = sealedLength - TAG_BYTES;
    this.#setNonce(nonceLow, nonceHigh);
    // final() compares the tag that is set here.
    if (this.#evp.control(this.#opening, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, at + length) !== 1) return false;
    return this.#transform(this.#opening, at, length);
  }

  #transform(context: number, at: number, length: number): boolean {
    const { address } = this.#scratch;
    const evp = this.#evp;
    return (
      evp.init(context, 0, 0, 0, address + NONCE_AT, KEEP) === 1 &&
      this.#update(context, at, length) &&
      evp.final(context, at + length, address + LENGTH_AT) === 1
    );
  }

  #update(context: number, at: number, length: number): boolean {
    const outLength = this.#scratch.address + LENGTH_AT;
    const end = at + length;
    for (; at < end; at += STEP_BYTES) {
      if (this.#evp.update(context, at, outLength, at, Math.min(STEP_BYTES, end - at)) !== 1) return false;
    }
    return true;
  }

  rekey(): void {
    const { bytes } = this.#scratch;
    bytes.fill(0, REKEY_AT, REKEY_AT + KEY_BYTES);
    this.seal(this.#scratch, REKEY_AT, KEY_BYTES, 0xffff_ffff, 0xffff_ffff);
    this.#key.set(bytes.subarray(REKEY_AT, REKEY_AT + KEY_BYTES));
    bytes.fill(0, REKEY_AT, REKEY_AT + KEY_BYTES + TAG_BYTES);
    this.#freeContexts();
  }

  wipe(): void {
    this.#key.fill(0);
    this.#freeContexts();
  }

  #context(direction: number): number {
    const { bytes, address } = this.#scratch;
    const context = this.#evp.newContext();
    if (context === 0) throw new Error('OpenSSL is out of memory');
    bytes.set(this.#key);
    const made = this.#evp.init(context, this.#evp.cipher, 0, address, 0, direction);
    bytes.fill(0, 0, KEY_BYTES);
    if (made !== 1) throw new Error('OpenSSL refuses ChaCha20-Poly1305');
    return context;
  }

  /** OpenSSL wipes what it frees. */
  #freeContexts(): void {
    if (this.#sealing !== 0) this.#evp.free(this.#sealing);
    if (this.#opening !== 0) this.#evp.free(this.#opening);
    this.#sealing = 0;
    this.#opening = 0;
  }

  #setNonce(low: number, high: number): void {
    const { view } = this.#scratch;
    view.setUint32(NONCE_AT + 4, low, true);
    view.setUint32(NONCE_AT + 8, high, true);
  }
}

/** null where node does not export its OpenSSL, koffi does not load, or slabs have no addresses. */
export function loadOpensslAead(makeSlab: (bytes: number) => Slab): AeadFactory | null {
  const evp = bind();
  if (evp === null || evp.cipher === 0) return null;
  const scratch = makeSlab(SCRATCH_BYTES);
  if (scratch.address === 0) return null;
  return (key) => new OpensslAead(evp, scratch, key);
}

function bind(): Evp | null {
  const self = loadForeignCalls()?.load(null);
  if (self === undefined) return null;
  try {
    const at = 'uintptr_t';
    const makeCipher = self.func('EVP_chacha20_poly1305', at, []);
    return {
      cipher: Number(makeCipher()),
      newContext: self.func('EVP_CIPHER_CTX_new', at, []),
      free: self.func('EVP_CIPHER_CTX_free', 'void', [at]),
      init: self.func('EVP_CipherInit_ex', 'int', [at, at, at, at, at, 'int']),
      update: self.func('EVP_CipherUpdate', 'int', [at, at, at, at, 'int']),
      final: self.func('EVP_CipherFinal_ex', 'int', [at, at, at]),
      control: self.func('EVP_CIPHER_CTX_ctrl', 'int', [at, 'int', 'int', at]),
    };
  } catch {
    return null;
  }
}
