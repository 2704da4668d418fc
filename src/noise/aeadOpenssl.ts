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

// One thread's scratch: nonce[12] (4 zero bytes, then the counter) | padding | length i32 | padding | rekey[48].
const SCRATCH_BYTES = 80;
const NONCE_AT = 0;
const LENGTH_AT = 16;
const REKEY_AT = 32;

/**
 * OpenSSL's context for one direction of all sessions of a thread, so that it stays in the processor's cache however many there are. The
 * key goes in with the nonce when the record before was another session's.
 */
class Context {
  readonly #evp: Evp;
  readonly #scratchAddress: number;
  readonly #direction: number;
  #context = 0;
  /** Whose key is in it. */
  #holder: OpensslAead | null = null;

  constructor(evp: Evp, scratchAddress: number, direction: number) {
    this.#evp = evp;
    this.#scratchAddress = scratchAddress;
    this.#direction = direction;
  }

  /** With the nonce in the scratch; false when OpenSSL refuses. */
  begin(holder: OpensslAead, keyAddress: number): boolean {
    const nonce = this.#scratchAddress + NONCE_AT;
    if (this.#holder === holder) return this.#evp.init(this.#context, 0, 0, 0, nonce, KEEP) === 1;
    const isNew = this.#context === 0;
    if (isNew) this.#context = this.#evp.newContext();
    if (this.#context === 0) throw new Error('OpenSSL is out of memory');
    const cipher = isNew ? this.#evp.cipher : 0;
    this.#holder = holder;
    return this.#evp.init(this.#context, cipher, 0, keyAddress, nonce, this.#direction) === 1;
  }

  /** In place; false when it fails, as with a wrong tag. */
  transform(at: number, length: number): boolean {
    const evp = this.#evp;
    const context = this.#context;
    const outLength = this.#scratchAddress + LENGTH_AT;
    const end = at + length;
    for (let from = at; from < end; from += STEP_BYTES) {
      if (evp.update(context, from, outLength, from, Math.min(STEP_BYTES, end - from)) !== 1) return false;
    }
    return evp.final(context, end, outLength) === 1;
  }

  /** After begin(): copies the tag from or to `at`. */
  tag(command: number, at: number): boolean {
    return this.#evp.control(this.#context, command, TAG_BYTES, at) === 1;
  }

  /** The holder's key is another from now on. OpenSSL wipes what it frees. */
  forget(holder: OpensslAead): void {
    if (this.#holder !== holder) return;
    this.#evp.free(this.#context);
    this.#context = 0;
    this.#holder = null;
  }
}

/** What the sessions of a thread share. */
interface Shared {
  readonly sealing: Context;
  readonly opening: Context;
  readonly scratch: Slab;
}

class OpensslAead implements Aead {
  readonly #shared: Shared;
  readonly #key: Uint8Array;
  readonly #keyAddress: number;

  constructor(shared: Shared, key: Uint8Array, keySlab: Slab) {
    if (key.length !== KEY_BYTES) throw new RangeError(`an AEAD key has ${KEY_BYTES} bytes`);
    this.#shared = shared;
    this.#key = keySlab.bytes;
    this.#keyAddress = keySlab.address;
    this.#key.set(key);
  }

  seal(slab: Slab, offset: number, length: number, nonceLow: number, nonceHigh: number): void {
    assertInSlab(slab, offset, length + TAG_BYTES);
    const at = slab.address + offset;
    const { sealing } = this.#shared;
    this.#setNonce(nonceLow, nonceHigh);
    if (
      !sealing.begin(this, this.#keyAddress) ||
      !sealing.transform(at, length) ||
      !sealing.tag(EVP_CTRL_AEAD_GET_TAG, at + length)
    ) {
      throw new Error('OpenSSL failed to seal');
    }
  }

  open(slab: Slab, offset: number, sealedLength: number, nonceLow: number, nonceHigh: number): boolean {
    if (sealedLength < TAG_BYTES) return false;
    assertInSlab(slab, offset, sealedLength);
    const at = slab.address + offset;
    const length = sealedLength - TAG_BYTES;
    const { opening } = this.#shared;
    this.#setNonce(nonceLow, nonceHigh);
    // The end of transform() compares the tag that is set here.
    return (
      opening.begin(this, this.#keyAddress) &&
      opening.tag(EVP_CTRL_AEAD_SET_TAG, at + length) &&
      opening.transform(at, length)
    );
  }

  rekey(): void {
    const { scratch } = this.#shared;
    const { bytes } = scratch;
    bytes.fill(0, REKEY_AT, REKEY_AT + KEY_BYTES);
    this.seal(scratch, REKEY_AT, KEY_BYTES, 0xffff_ffff, 0xffff_ffff);
    this.#key.set(bytes.subarray(REKEY_AT, REKEY_AT + KEY_BYTES));
    bytes.fill(0, REKEY_AT, REKEY_AT + KEY_BYTES + TAG_BYTES);
    this.#forget();
  }

  wipe(): void {
    this.#key.fill(0);
    this.#forget();
  }

  #forget(): void {
    this.#shared.sealing.forget(this);
    this.#shared.opening.forget(this);
  }

  #setNonce(low: number, high: number): void {
    const { view } = this.#shared.scratch;
    view.setUint32(NONCE_AT + 4, low, true);
    view.setUint32(NONCE_AT + 8, high, true);
  }
}

/** null where node does not export its OpenSSL, koffi does not load, or slabs have no addresses. */
export function loadOpensslAead(makeSlab: (bytes: number) => Slab): AeadFactory | null {
  const evp = bind();
  if (evp === null || evp.cipher === 0) return null;
  const scratch = makeSlab(SCRATCH_BYTES);
  const { address } = scratch;
  if (address === 0) return null;
  const sealing = new Context(evp, address, ENCRYPT);
  const opening = new Context(evp, address, DECRYPT);
  const shared = { sealing, opening, scratch };
  // Keys lie in memory that never moves, so wiping one leaves no copy behind.
  return (key) => new OpensslAead(shared, key, makeSlab(KEY_BYTES));
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
