// mac1: a first message must carry it before the hub spends any Diffie-Hellman, so that a scanner costs one hash (after WireGuard's
// mac1). Only someone who knows the hub's public key can compute it.

import sodium from 'sodium-native';
import { PROTOCOL } from '../limits/wire.ts';

const LABEL = new TextEncoder().encode('restunnel mac1');

/** BLAKE2b-256("restunnel mac1" ‖ hub public key): 32 bytes, computed once per hub. */
export function mac1Key(hubPublicKey: Uint8Array): Uint8Array {
  const input = new Uint8Array(LABEL.length + hubPublicKey.length);
  input.set(LABEL);
  input.set(hubPublicKey, LABEL.length);
  const key = new Uint8Array(32);
  sodium.crypto_generichash(key, input);
  return key;
}

/** Keyed BLAKE2b-128 of a Noise message 1: 16 bytes that are appended to it. */
export function computeMac1(key: Uint8Array, message: Uint8Array): Uint8Array {
  const mac = new Uint8Array(PROTOCOL.mac1Bytes);
  sodium.crypto_generichash(mac, message, key);
  return mac;
}

/** Whether the last 16 bytes are the mac1 of the bytes before them. Constant time. */
export function checkMac1(key: Uint8Array, messageWithMac1: Uint8Array): boolean {
  const length = messageWithMac1.length - PROTOCOL.mac1Bytes;
  if (length < 0) return false;
  const mac = computeMac1(key, messageWithMac1.subarray(0, length));
  return sodium.sodium_memcmp(mac, messageWithMac1.subarray(length));
}
