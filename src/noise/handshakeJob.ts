// What a thread of the handshake pool does with one first message: all the Diffie-Hellman, and message 2 made ahead of the verdict.
// Loaded by control/handshakePool.ts; nothing in here knows which keys are welcome.

import { randomInt } from 'node:crypto';
import { ENGINE } from '../limits/bounds.ts';
import { answerInitiator } from './handshake.ts';
import type { KeyPair } from './keyPair.ts';
import { nodeIdOf } from './nodeId.ts';
import { decodeMessage1, type Enroll, encodeMessage2, type Message1Payload, VERSION } from './payload.ts';

/** Goes to the thread by structured clone, so each array must own its buffer. */
export interface HandshakeJob {
  /** With mac1 behind it, without the u16 length in front. */
  readonly message1: Uint8Array;
  readonly keyPair: KeyPair;
  /** Of the node, as the hub sees it; empty when unknown. */
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
  /** What the node announced. */
  readonly capabilities: number;
  readonly lane: number;
  readonly enroll: Enroll | null;
  /** To be sent only once the store has accepted; holds ENROLL_OK when `enroll` is not null. */
  readonly message2: Uint8Array;
  readonly sendKey: Uint8Array;
  readonly receiveKey: Uint8Array;
}

/** Null for a message that deserves no answer. The job's secret key, this thread's copy of it, is wiped. */
export default function answer(job: HandshakeJob): HandshakeResult | null {
  try {
    return answerJob(job);
  } finally {
    job.keyPair.secretKey.fill(0);
  }
}

function answerJob(job: HandshakeJob): HandshakeResult | null {
  let payload: Message1Payload | null = null;
  const result = answerInitiator({
    staticKeyPair: job.keyPair,
    message1: job.message1,
    answer(remoteStatic, bytes) {
      payload = decodeMessage1(bytes);
      return encodeMessage2(
        {
          version: VERSION,
          capabilities: job.capabilities,
          initialWindowBytes: job.initialWindowBytes,
          maxStreams: job.maxStreams,
          observedAddress: job.observedAddress,
          enrolledAs: payload.enroll === null ? null : nodeIdOf(remoteStatic),
        },
        randomInt(ENGINE.handshakePaddingMaxBytes),
      );
    },
  });
  if (result === null || payload === null) return null;
  const { timestamp, version, capabilities, lane, enroll }: Message1Payload = payload;
  const { remoteStatic, message2, sendKey, receiveKey } = result;
  return {
    remoteStatic,
    nodeId: nodeIdOf(remoteStatic),
    timestamp,
    version,
    capabilities,
    lane,
    enroll,
    message2,
    sendKey,
    receiveKey,
  };
}
