// What a thread of the handshake pool does with first messages: all the Diffie-Hellman, and message 2, made before the store decides.
// It does not know which keys are paired.

import { randomInt } from 'node:crypto';
import { ENGINE } from '../limits/engine.ts';
import { answerInitiator } from './handshake.ts';
import type { KeyPair } from './keyPair.ts';
import { nodeIdOf } from './nodeId.ts';
import { decodeMessage1, type Enroll, encodeMessage2, type Message1Payload, VERSION } from './payload.ts';

export interface FirstMessage {
  /** Followed by mac1, without the u16 length in front. Owns its buffer, because it reaches the thread by structured clone. */
  readonly message1: Uint8Array;
  /** The node's address as the hub sees it; empty when unknown. */
  readonly observedAddress: string;
}

export interface HandshakeTerms {
  readonly keyPair: KeyPair;
  readonly initialWindowBytes: number;
  readonly maxStreams: number;
  readonly capabilities: number;
}

export interface HandshakeBatch {
  readonly messages: readonly FirstMessage[];
  readonly terms: HandshakeTerms;
}

export interface HandshakeAnswer {
  /** null for a message that gets no answer. */
  readonly result: HandshakeResult | null;
  /** How long it took its thread. */
  readonly costMs: number;
}

export interface HandshakeResult {
  readonly remoteStatic: Uint8Array;
  readonly nodeId: string;
  readonly timestamp: Uint8Array;
  readonly version: number;
  /** What the node announces. */
  readonly capabilities: number;
  readonly lane: number;
  readonly enroll: Enroll | null;
  /** Must not be sent before the store accepts the node. Holds ENROLL_OK when `enroll` is not null. */
  readonly message2: Uint8Array;
  /** As message 2 says. */
  readonly initialWindowBytes: number;
  readonly sendKey: Uint8Array;
  readonly receiveKey: Uint8Array;
}

/** Zeroes the secret key, which is this thread's copy. `nowMs`: a clock. */
export function answerAll({ messages, terms }: HandshakeBatch, nowMs: () => number): HandshakeAnswer[] {
  try {
    return messages.map((message) => {
      const startMs = nowMs();
      const result = answer(message, terms);
      return { result, costMs: nowMs() - startMs };
    });
  } finally {
    terms.keyPair.secretKey.fill(0);
  }
}

function answer({ message1, observedAddress }: FirstMessage, terms: HandshakeTerms): HandshakeResult | null {
  const answer = answerInitiator({
    staticKeyPair: terms.keyPair,
    message1,
    answer: (remoteStatic, payload) =>
      message2Payload(terms, observedAddress, remoteStatic, decodeMessage1(payload)),
  });
  if (answer === null) return null;
  const { remoteStatic, payload, message2, sendKey, receiveKey } = answer;
  return {
    ...decodeMessage1(payload),
    remoteStatic,
    nodeId: nodeIdOf(remoteStatic),
    message2,
    initialWindowBytes: terms.initialWindowBytes,
    sendKey,
    receiveKey,
  };
}

function message2Payload(
  { capabilities, initialWindowBytes, maxStreams }: HandshakeTerms,
  observedAddress: string,
  remoteStatic: Uint8Array,
  { enroll }: Message1Payload,
): Uint8Array {
  const payload = {
    version: VERSION,
    capabilities,
    initialWindowBytes,
    maxStreams,
    observedAddress,
    enrolledAs: enroll === null ? null : nodeIdOf(remoteStatic),
  };
  return encodeMessage2(payload, randomInt(ENGINE.handshakePaddingMaxBytes));
}
