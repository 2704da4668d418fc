// The parts that we call of two packages without types of their own.

declare module 'sodium-native' {
  interface Sodium {
    sodium_memzero(bytes: Uint8Array): void;
    /** Constant time. Lengths must be equal. */
    sodium_memcmp(a: Uint8Array, b: Uint8Array): boolean;
    /** BLAKE2b; output 16..64 bytes, key 16..64 bytes. */
    crypto_generichash(output: Uint8Array, input: Uint8Array, key?: Uint8Array): void;
    /** As crypto_generichash() of all inputs, one after the other. */
    crypto_generichash_batch(output: Uint8Array, inputs: readonly Uint8Array[], key?: Uint8Array): void;
    /** Ed25519: 32, 64 and 32 bytes. */
    crypto_sign_seed_keypair(publicKey: Uint8Array, secretKey: Uint8Array, seed: Uint8Array): void;
    crypto_sign_detached(signature: Uint8Array, message: Uint8Array, secretKey: Uint8Array): void;
    crypto_sign_verify_detached(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean;
    readonly crypto_pwhash_STRBYTES: number;
    readonly crypto_pwhash_OPSLIMIT_INTERACTIVE: number;
    readonly crypto_pwhash_MEMLIMIT_INTERACTIVE: number;
    /** Argon2id, off the calling thread. The output has crypto_pwhash_STRBYTES and is padded with zeros. */
    crypto_pwhash_str_async(
      output: Uint8Array,
      password: Uint8Array,
      opsLimit: number,
      memLimitBytes: number,
    ): Promise<void>;
    crypto_pwhash_str_verify_async(hash: Uint8Array, password: Uint8Array): Promise<boolean>;
    crypto_scalarmult_base(publicKey: Uint8Array, secretKey: Uint8Array): void;
    /** Returns the sealed length. */
    crypto_aead_chacha20poly1305_ietf_encrypt(
      sealed: Uint8Array,
      plain: Uint8Array,
      ad: Uint8Array | null,
      nsec: null,
      nonce: Uint8Array,
      key: Uint8Array,
    ): number;
    /** Returns the plain length; throws on a bad tag. */
    crypto_aead_chacha20poly1305_ietf_decrypt(
      plain: Uint8Array,
      nsec: null,
      sealed: Uint8Array,
      ad: Uint8Array | null,
      nonce: Uint8Array,
      key: Uint8Array,
    ): number;
  }
  const sodium: Sodium;
  export default sodium;
}

declare module 'noise-handshake' {
  interface NoiseKeyPair {
    publicKey: Uint8Array;
    secretKey: Uint8Array;
  }
  export default class Noise {
    constructor(pattern: 'IK', initiator: boolean, staticKeyPair: NoiseKeyPair);
    /** The ephemeral pair. send() makes it when it is null; it is zeroed and null again when the handshake is complete. */
    e: NoiseKeyPair | null;
    /** The other side's static key. */
    rs: Uint8Array | null;
    /** The session keys, when complete. Views of one shared buffer. */
    rx: Uint8Array | null;
    tx: Uint8Array | null;
    hash: Uint8Array | null;
    complete: boolean;
    initialise(prologue: Uint8Array, remoteStatic?: Uint8Array): void;
    send(payload: Uint8Array): Uint8Array;
    /** Keeps views of the message and zeroes them at the end, so pass a copy. */
    recv(message: Uint8Array): Uint8Array;
  }
}
