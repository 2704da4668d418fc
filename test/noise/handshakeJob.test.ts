// What a pool thread makes of a first message, seen from the node that sent it.

import { expect, test } from 'vitest';
import { startInitiator } from '../../src/noise/handshake.ts';
import { answerAll, type HandshakeBatch, type HandshakeResult } from '../../src/noise/handshakeJob.ts';
import { keyPairOf } from '../../src/noise/keyPair.ts';
import { nodeIdOf } from '../../src/noise/nodeId.ts';
import { CAPABILITY, decodeMessage2, encodeMessage1 } from '../../src/noise/payload.ts';
import { timestampAfter } from '../../src/noise/timestamp.ts';

const HUB = keyPairOf(new Uint8Array(32).fill(3));
const NODE = keyPairOf(new Uint8Array(32).fill(9));
const TOKEN = new Uint8Array(32).fill(0x70);
const timestamp = timestampAfter(1_700_000_000_000, null);

function start(payload: Uint8Array) {
  return startInitiator({ staticKeyPair: NODE, hubPublicKey: HUB.publicKey, payload });
}

function batchOf(...messages: Uint8Array[]): HandshakeBatch {
  return {
    messages: messages.map((message1) => ({ message1, observedAddress: '198.51.100.7' })),
    terms: {
      // Its own copy, as a clone to a thread is.
      keyPair: keyPairOf(HUB.secretKey),
      initialWindowBytes: 262_144,
      maxStreams: 1000,
      capabilities: CAPABILITY.goaway,
    },
  };
}

function answer(message1: Uint8Array): HandshakeResult | null {
  return answerAll(batchOf(message1), () => 0)[0]!.result;
}

test('each message of a batch has its own answer and cost, and the copy of the key is gone afterwards', () => {
  const good = start(encodeMessage1({ timestamp, version: 1, capabilities: 0, lane: 0, enroll: null }, 0));
  const batch = batchOf(new Uint8Array(300), good.message1, good.message1);
  let ms = 0;
  const answers = answerAll(batch, () => ms++);
  expect(answers.map(({ result }) => result !== null)).toEqual([false, true, true]);
  expect(answers.map(({ costMs }) => costMs)).toEqual([1, 1, 1]);
  expect(batch.terms.keyPair.secretKey).toEqual(new Uint8Array(32));
});

test('first contact: the result has the token, and message 2 has ENROLL_OK', () => {
  const enroll = { token: TOKEN, name: 'Kitchen tablet' };
  const initiator = start(encodeMessage1({ timestamp, version: 1, capabilities: 5, lane: 3, enroll }, 17));
  const result = answer(initiator.message1)!;
  expect(result).toMatchObject({ timestamp, version: 1, capabilities: 5, lane: 3, enroll });
  expect(result.remoteStatic).toEqual(NODE.publicKey);
  expect(result.nodeId).toBe(nodeIdOf(NODE.publicKey));
  const finished = initiator.finish(result.message2);
  expect(decodeMessage2(finished.payload)).toEqual({
    version: 1,
    capabilities: CAPABILITY.goaway,
    initialWindowBytes: 262_144,
    maxStreams: 1000,
    observedAddress: '198.51.100.7',
    enrolledAs: nodeIdOf(NODE.publicKey),
  });
  expect(finished.sendKey).toEqual(result.receiveKey);
  expect(finished.receiveKey).toEqual(result.sendKey);
});

test('reconnection: no ENROLL, no ENROLL_OK', () => {
  const initiator = start(
    encodeMessage1({ timestamp, version: 1, capabilities: 0, lane: 0, enroll: null }, 0),
  );
  const result = answer(initiator.message1)!;
  expect(result.enroll).toBeNull();
  expect(decodeMessage2(initiator.finish(result.message2).payload).enrolledAs).toBeNull();
});

test('a malformed payload gets no answer, although its sender knew the keys', () => {
  const good = encodeMessage1({ timestamp, version: 1, capabilities: 0, lane: 0, enroll: null }, 0);
  const otherVersion = good.slice();
  otherVersion[12] = 2;
  for (const payload of [new Uint8Array(0), good.subarray(0, -1), otherVersion]) {
    expect(answer(start(payload).message1)).toBeNull();
  }
  expect(answer(start(good).message1)).not.toBeNull();
});

test('garbage gets no answer', () => {
  for (const length of [0, 1, 16, 111, 112, 300, 5000]) {
    expect(answer(new Uint8Array(length).fill(0x5a))).toBeNull();
  }
});

test('the length of message 2 reveals nothing: its padding is random', () => {
  const lengths = new Set<number>();
  for (let i = 0; i < 40; i++) {
    const { message1 } = start(
      encodeMessage1({ timestamp, version: 1, capabilities: 0, lane: 0, enroll: null }, 0),
    );
    lengths.add(answer(message1)!.message2.length);
  }
  expect(lengths.size).toBeGreaterThan(5);
});
