// A node's id: derived from its static key, so that a node cannot choose it.

import sodium from 'sodium-native';

export const NODE_ID_CHARS = 16;

/** First 8 bytes of BLAKE2b-256(static public key) as 16 lowercase hex characters. */
export function nodeIdOf(publicKey: Uint8Array): string {
  const digest = new Uint8Array(32);
  sodium.crypto_generichash(digest, publicKey);
  let id = '';
  for (let i = 0; i < NODE_ID_CHARS / 2; i++) id += digest[i]!.toString(16).padStart(2, '0');
  return id;
}
