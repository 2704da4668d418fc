// Noise_IK_25519_ChaChaPoly_BLAKE2b: two messages, then a key for each direction. The node initiates, the hub responds.
// The handshake itself is the package noise-handshake; mac1, copies and errors are ours.

import Noise from 'noise-handshake';
import sodium from 'sodium-native';
import { PROTOCOL } from '../limits/wire.ts';
import type { SessionKeys } from '../model/sessionKeys.ts';
import { HandshakeError } from './handshakeError.ts';
import type { KeyPair } from './keyPair.ts';
import { checkMac1, computeMac1, mac1Key } from './mac1.ts';

/** Only test vectors set these. */
export interface NoiseInputs {
  readonly prologue: Uint8Array;
  /** null: a new random key, as it must be. */
  readonly ephemeral: KeyPair | null;
}

const INPUTS: NoiseInputs = { prologue: new TextEncoder().encode(PROTOCOL.prologue), ephemeral: null };

export interface InitiatorOptions {
  readonly staticKeyPair: KeyPair;
  readonly hubPublicKey: Uint8Array;
  /** The payload of message 1, see payload.ts. */
  readonly payload: Uint8Array;
}

export interface Initiator {
  /** Followed by mac1, without the u16 length in front. */
  readonly message1: Uint8Array;
  /** Call it once. Throws HandshakeError when message 2 is not the hub's answer to message 1. The caller zeroes the keys. */
  finish(message2: Uint8Array): SessionKeys & { readonly payload: Uint8Array };
  /** Gives up: zeroes the ephemeral key. Harmless after finish(). */
  wipe(): void;
}

/** Throws HandshakeError when the hub's key is not a usable public key, or the payload is too long. */
export function startInitiator(options: InitiatorOptions): Initiator {
  return initiateWith(INPUTS, options);
}

/** For test vectors. Everything else calls startInitiator(). */
export function initiateWith(inputs: NoiseInputs, options: InitiatorOptions): Initiator {
  const noise = begin(inputs, true, options.staticKeyPair, options.hubPublicKey);
  const message1 = handshakeStep(() => noise.send(options.payload));
  const mac1 = computeMac1(mac1Key(options.hubPublicKey), message1);
  const withMac1 = new Uint8Array(message1.length + mac1.length);
  withMac1.set(message1);
  withMac1.set(mac1, message1.length);
  if (withMac1.length > PROTOCOL.handshakeMaxBytes) throw new HandshakeError('payload too long');
  let finished = false;
  return {
    message1: withMac1,
    finish(message2) {
      if (finished) throw new HandshakeError('the handshake is over');
      finished = true;
      if (message2.length > PROTOCOL.handshakeMaxBytes) throw new HandshakeError('message 2 too long');
      const payload = handshakeStep(() => noise.recv(new Uint8Array(message2)));
      return { payload, ...takeKeys(noise) };
    },
    wipe() {
      finished = true;
      wipeEphemeral(noise);
    },
  };
}

export interface ResponderOptions {
  readonly staticKeyPair: KeyPair;
  /** Followed by mac1, without the u16 length in front. */
  readonly message1: Uint8Array;
  /**
   * Gets the initiator's static key and the payload of message 1, both authentic. Returns the payload of message 2, or null for no
   * answer. A HandshakeError that it throws counts as null; any other error passes through.
   */
  readonly answer: (remoteStatic: Uint8Array, payload: Uint8Array) => Uint8Array | null;
}

export interface Answer extends SessionKeys {
  readonly remoteStatic: Uint8Array;
  /** The payload of message 1. */
  readonly payload: Uint8Array;
  readonly message2: Uint8Array;
}

/** null for every first message that gets no answer, without a reason: the stranger must learn none, and the hub needs none. */
export function answerInitiator(options: ResponderOptions): Answer | null {
  return answerWith(INPUTS, options);
}

/** For test vectors. Everything else calls answerInitiator(). */
export function answerWith(inputs: NoiseInputs, options: ResponderOptions): Answer | null {
  const { staticKeyPair, message1 } = options;
  if (message1.length < PROTOCOL.message1OverheadBytes + PROTOCOL.mac1Bytes) return null;
  if (message1.length > PROTOCOL.handshakeMaxBytes) return null;
  if (!checkMac1(mac1Key(staticKeyPair.publicKey), message1)) return null;
  const noise = begin(inputs, false, staticKeyPair);
  try {
    const received = new Uint8Array(message1.subarray(0, message1.length - PROTOCOL.mac1Bytes));
    const payload = handshakeStep(() => noise.recv(received));
    if (noise.rs === null) throw new Error('message 1 named no static key');
    const remoteStatic = new Uint8Array(noise.rs);
    const payload2 = options.answer(remoteStatic, payload);
    if (payload2 === null) return null;
    if (payload2.length + PROTOCOL.message2OverheadBytes > PROTOCOL.handshakeMaxBytes) {
      throw new RangeError('payload of message 2 too long');
    }
    const message2 = handshakeStep(() => noise.send(payload2));
    return { remoteStatic, payload, message2, ...takeKeys(noise) };
  } catch (error) {
    if (error instanceof HandshakeError) return null;
    throw error;
  } finally {
    wipeEphemeral(noise);
  }
}

function begin(inputs: NoiseInputs, initiator: boolean, pair: KeyPair, remoteStatic?: Uint8Array): Noise {
  const noise = new Noise('IK', initiator, { publicKey: pair.publicKey, secretKey: pair.secretKey });
  noise.initialise(inputs.prologue, remoteStatic);
  if (inputs.ephemeral !== null) {
    // Copied because the package zeroes it at the end.
    noise.e = {
      publicKey: new Uint8Array(inputs.ephemeral.publicKey),
      secretKey: new Uint8Array(inputs.ephemeral.secretKey),
    };
  }
  return noise;
}

/**
 * Runs one step of the package. Its errors have no type: a bad tag, too few bytes, or a public key of low order, for which
 * libsodium's scalar multiplication fails (the shared secret would be zero).
 */
function handshakeStep(step: () => Uint8Array): Uint8Array {
  try {
    // The package returns Buffers, whose slice() does not copy: none of them may get out.
    return new Uint8Array(step());
  } catch (error) {
    throw new HandshakeError('the handshake failed', { cause: error });
  }
}

function takeKeys(noise: Noise): SessionKeys {
  const { tx, rx } = noise;
  if (!noise.complete || tx === null || rx === null) throw new Error('the handshake is not complete');
  const keys = { sendKey: new Uint8Array(tx), receiveKey: new Uint8Array(rx) };
  sodium.sodium_memzero(tx);
  sodium.sodium_memzero(rx);
  return keys;
}

function wipeEphemeral(noise: Noise): void {
  if (noise.e === null) return;
  sodium.sodium_memzero(noise.e.secretKey);
  noise.e = null;
}
