// X25519 key pairs of hubs and nodes.

import sodium from 'sodium-native';

export const KEY_BYTES = 32;

/** 32 bytes each. */
export interface KeyPair {
  readonly publicKey: Uint8Array;
  readonly secretKey: Uint8Array;
}

/** The pair of a secret key, which is any 32 random bytes (X25519 clamps them, RFC 7748 section 5). The secret is copied. */
export function keyPairOf(secretKey: Uint8Array): KeyPair {
  if (secretKey.length !== KEY_BYTES) throw new RangeError(`a secret key has ${KEY_BYTES} bytes`);
  const pair = { publicKey: new Uint8Array(KEY_BYTES), secretKey: new Uint8Array(secretKey) };
  sodium.crypto_scalarmult_base(pair.publicKey, pair.secretKey);
  return pair;
}
