// What a thread of the handshake pool does with a first message: all the Diffie-Hellman, and message 2, made before the store decides.
// It does not know which keys are paired.

import { randomInt } from 'node:crypto';
import { ENGINE } from '../limits/bounds.ts';
import { answerInitiator } from './handshake.ts';
import type { KeyPair } from './keyPair.ts';
import { nodeIdOf } from './nodeId.ts';
import { decodeMessage1, type Enroll, encodeMessage2, type Message1Payload, VERSION } from './payload.ts';

/** Reaches the thread by structured clone, so each array must own its buffer. */
export interface HandshakeJob {
  /** Followed by mac1, without the u16 length in front. */
  readonly message1: Uint8Array;
  readonly keyPair: KeyPair;
  /** The node's address as the hub sees it; empty when unknown. */
  readonly observedAddress: string;
  readonly initialWindowBytes: number;
  readonly maxStreams: number;
  readonly capabilities: number;
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
  readonly sendKey: Uint8Array;
  readonly receiveKey: Uint8Array;
}

/** null for a message that gets no answer. Zeroes the secret key, which is this thread's copy. */
export default function answer(job: HandshakeJob): HandshakeResult | null {
  try {
    return answerJob(job);
  } finally {
    job.keyPair.secretKey.fill(0);
  }
}

function answerJob(job: HandshakeJob): HandshakeResult | null {
  const answer = answerInitiator({
    staticKeyPair: job.keyPair,
    message1: job.message1,
    answer: (remoteStatic, payload) => message2Payload(job, remoteStatic, decodeMessage1(payload)),
  });
  if (answer === null) return null;
  const { remoteStatic, payload, message2, sendKey, receiveKey } = answer;
  return {
    ...decodeMessage1(payload),
    remoteStatic,
    nodeId: nodeIdOf(remoteStatic),
    message2,
    sendKey,
    receiveKey,
  };
}

function message2Payload(
  job: HandshakeJob,
  remoteStatic: Uint8Array,
  { enroll }: Message1Payload,
): Uint8Array {
  const payload = {
    version: VERSION,
    capabilities: job.capabilities,
    initialWindowBytes: job.initialWindowBytes,
    maxStreams: job.maxStreams,
    observedAddress: job.observedAddress,
    enrolledAs: enroll === null ? null : nodeIdOf(remoteStatic),
  };
  return encodeMessage2(payload, randomInt(ENGINE.handshakePaddingMaxBytes));
}
