// The handshake against the official vector, and against everything a stranger might send.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sodiumAead } from '../../src/noise/aeadSodium.ts';
import { TransportCipher } from '../../src/noise/cipher.ts';
import { answerInitiator, answerWith, initiateWith, startInitiator } from '../../src/noise/handshake.ts';
import { HandshakeError } from '../../src/noise/handshakeError.ts';
import { keyPairOf } from '../../src/noise/keyPair.ts';
import { checkMac1, computeMac1, mac1Key } from '../../src/noise/mac1.ts';
import { nodeIdOf } from '../../src/noise/nodeId.ts';
import { testSlab } from './cipherTwin.ts';

interface Vector {
  init_prologue: string;
  init_static: string;
  init_ephemeral: string;
  init_remote_static: string;
  resp_static: string;
  resp_ephemeral: string;
  messages: { payload: string; ciphertext: string }[];
}
const vector = JSON.parse(
  readFileSync(new URL('./noise-ik-25519-chachapoly-blake2b.json', import.meta.url), 'utf8'),
) as Vector;

const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
const pairOf = (text: string) => keyPairOf(hex(text));
const HUB = keyPairOf(new Uint8Array(32).fill(3));
const NODE = keyPairOf(new Uint8Array(32).fill(9));
const PING = new TextEncoder().encode('ping');
const PONG = new TextEncoder().encode('pong');

function withMac1(message: Uint8Array, hubPublicKey = HUB.publicKey): Uint8Array {
  return new Uint8Array([...message, ...computeMac1(mac1Key(hubPublicKey), message)]);
}

describe('official vector Noise_IK_25519_ChaChaPoly_BLAKE2b', () => {
  test('both messages and every transport message, byte for byte', () => {
    const [m1, m2, ...transport] = vector.messages;
    const prologue = hex(vector.init_prologue);
    const initiator = initiateWith(
      { prologue, ephemeral: pairOf(vector.init_ephemeral) },
      {
        staticKeyPair: pairOf(vector.init_static),
        hubPublicKey: hex(vector.init_remote_static),
        payload: hex(m1!.payload),
      },
    );
    expect(initiator.message1.subarray(0, -16)).toEqual(hex(m1!.ciphertext));
    const answer = answerWith(
      { prologue, ephemeral: pairOf(vector.resp_ephemeral) },
      {
        staticKeyPair: pairOf(vector.resp_static),
        message1: initiator.message1,
        answer: () => hex(m2!.payload),
      },
    );
    expect(answer!.remoteStatic).toEqual(pairOf(vector.init_static).publicKey);
    expect(answer!.payload).toEqual(hex(m1!.payload));
    expect(answer!.message2).toEqual(hex(m2!.ciphertext));
    const keys = initiator.finish(answer!.message2);
    expect(keys.payload).toEqual(hex(m2!.payload));

    const up = [new TransportCipher(sodiumAead(keys.sendKey)), sodiumAead(answer!.receiveKey)] as const;
    const down = [new TransportCipher(sodiumAead(answer!.sendKey)), sodiumAead(keys.receiveKey)] as const;
    const receivers = [new TransportCipher(up[1]), new TransportCipher(down[1])];
    expect(transport.length).toBe(4);
    transport.forEach(({ payload, ciphertext }, index) => {
      const sender = index % 2 === 0 ? up[0] : down[0];
      const slab = testSlab(256);
      const plain = hex(payload);
      slab.bytes.set(plain, 9);
      sender.seal(slab, 9, plain.length);
      expect(slab.bytes.slice(9, 9 + plain.length + 16)).toEqual(hex(ciphertext));
      expect(receivers[index % 2]!.open(slab, 9, plain.length + 16)).toBe(true);
      expect(slab.bytes.slice(9, 9 + plain.length)).toEqual(plain);
    });
  });
});

describe('handshake', () => {
  const start = (payload = PING) =>
    startInitiator({ staticKeyPair: NODE, hubPublicKey: HUB.publicKey, payload });
  const respond = (message1: Uint8Array, staticKeyPair = HUB) =>
    answerInitiator({ staticKeyPair, message1, answer: () => PONG });

  test('agrees on keys, identifies the initiator, and does not change its inputs', () => {
    const initiator = start();
    const before = initiator.message1.slice();
    const answer = respond(initiator.message1)!;
    expect(initiator.message1).toEqual(before);
    const message2 = answer.message2.slice();
    const finished = initiator.finish(message2);
    expect(message2).toEqual(answer.message2);
    expect(answer.payload).toEqual(new Uint8Array(PING));
    expect(finished.payload).toEqual(new Uint8Array(PONG));
    expect(answer.remoteStatic).toEqual(NODE.publicKey);
    expect(finished.sendKey).toEqual(answer.receiveKey);
    expect(finished.receiveKey).toEqual(answer.sendKey);
    expect(finished.sendKey).not.toEqual(finished.receiveKey);
    for (const key of [finished.sendKey, finished.receiveKey, answer.sendKey, answer.receiveKey]) {
      expect(key.length).toBe(32);
      expect(key.buffer.byteLength).toBe(32);
      expect(key.some((byte) => byte !== 0)).toBe(true);
    }
    expect(NODE).toEqual(keyPairOf(new Uint8Array(32).fill(9)));
  });

  test('two handshakes never share a key', () => {
    const keys = [start(), start()].map((initiator) => respond(initiator.message1)!.sendKey);
    expect(keys[0]).not.toEqual(keys[1]);
  });

  test('any changed byte of message 1 is refused, even with mac1 recomputed', () => {
    const { message1 } = start();
    const body = message1.subarray(0, -16);
    for (let at = 0; at < message1.length; at++) {
      const changed = message1.slice();
      changed[at]! ^= 0x40;
      expect(respond(changed)).toBeNull();
      if (at < body.length) expect(respond(withMac1(changed.subarray(0, -16)))).toBeNull();
    }
  });

  test('anything else on the wire gets null, and answer() is not called', () => {
    const asked = { count: 0 };
    const ask = (message1: Uint8Array) =>
      answerInitiator({
        staticKeyPair: HUB,
        message1,
        answer: () => {
          asked.count++;
          return PONG;
        },
      });
    const { message1 } = start();
    for (let length = 0; length < message1.length; length++) {
      expect(ask(message1.subarray(0, length))).toBeNull();
      if (length !== message1.length - 16) {
        expect(ask(withMac1(message1.subarray(0, length)))).toBeNull();
      }
    }
    expect(ask(new Uint8Array(4096))).toBeNull();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (noise) => {
        expect(ask(noise)).toBeNull();
        expect(ask(withMac1(noise))).toBeNull();
      }),
      { numRuns: 300 },
    );
    expect(asked.count).toBe(0);
    expect(ask(message1)).not.toBeNull();
  });

  test('a node that knows another hub is a stranger', () => {
    const other = keyPairOf(new Uint8Array(32).fill(4));
    expect(respond(start().message1, other)).toBeNull();
  });

  test('message 2 is refused from anyone else, for another message 1, or changed anywhere', () => {
    const impostor = keyPairOf(new Uint8Array(32).fill(5));
    const attempt = startInitiator({
      staticKeyPair: NODE,
      hubPublicKey: impostor.publicKey,
      payload: PING,
    });
    const strange = respond(attempt.message1, impostor)!.message2;
    expect(() => start().finish(strange)).toThrow(HandshakeError);
    expect(() => start().finish(respond(start().message1)!.message2)).toThrow(HandshakeError);
    expect(() => start().finish(new Uint8Array(0))).toThrow(HandshakeError);
    expect(() => start().finish(new Uint8Array(3000))).toThrow(HandshakeError);
    const length = respond(start().message1)!.message2.length;
    for (let at = 0; at < length; at++) {
      const initiator = start();
      const message2 = respond(initiator.message1)!.message2;
      message2[at]! ^= 1;
      expect(() => initiator.finish(message2)).toThrow(HandshakeError);
    }
  });

  test('finish() works once, and not after wipe()', () => {
    const once = start();
    const { message2 } = respond(once.message1)!;
    once.finish(message2);
    expect(() => once.finish(message2)).toThrow(HandshakeError);
    const wiped = start();
    wiped.wipe();
    expect(() => wiped.finish(respond(wiped.message1)!.message2)).toThrow(HandshakeError);
  });

  test('answer() may return null or throw HandshakeError, and both mean no answer', () => {
    const { message1 } = start();
    expect(answerInitiator({ staticKeyPair: HUB, message1, answer: () => null })).toBeNull();
    const thrower = (error: Error) =>
      answerInitiator({
        staticKeyPair: HUB,
        message1,
        answer: () => {
          throw error;
        },
      });
    expect(thrower(new HandshakeError('bad payload'))).toBeNull();
    expect(() => thrower(new TypeError('a bug'))).toThrow(TypeError);
  });

  // The points of order 1, 2, 4 and 8 of Curve25519 and its twist, canonical encodings (RFC 7748 section 6.1 asks for this check).
  const LOW_ORDER = [
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000000',
    'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
    '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  ];
  test.each(LOW_ORDER)('a public key of low order, %s, is refused on both sides', (point) => {
    const hubPublicKey = hex(point);
    expect(() => startInitiator({ staticKeyPair: NODE, hubPublicKey, payload: PING })).toThrow(
      HandshakeError,
    );
    // As the ephemeral key of a first message, with a right mac1.
    const message = start().message1.slice(0, -16);
    message.set(hubPublicKey);
    expect(respond(withMac1(message))).toBeNull();
    // As the static key of an initiator: message 1 is well sealed up to there, its "ss" yields zero.
    const lying = { publicKey: hubPublicKey, secretKey: NODE.secretKey };
    const initiator = startInitiator({
      staticKeyPair: lying,
      hubPublicKey: HUB.publicKey,
      payload: PING,
    });
    expect(respond(initiator.message1)).toBeNull();
    // As the ephemeral key of a second message.
    const honest = start();
    const message2 = respond(honest.message1)!.message2;
    message2.set(hubPublicKey);
    expect(() => honest.finish(message2)).toThrow(HandshakeError);
  });

  test('a payload too long for a handshake message is refused before it is sent', () => {
    expect(() => start(new Uint8Array(2048))).toThrow(HandshakeError);
    const largest = start(new Uint8Array(2048 - 96 - 16));
    expect(largest.message1.length).toBe(2048);
    expect(respond(largest.message1)).not.toBeNull();
  });
});

describe('mac1', () => {
  test('equals what another BLAKE2b computes (Python hashlib)', () => {
    const key = mac1Key(new Uint8Array(32).fill(1));
    expect(Buffer.from(key).toString('hex')).toBe(
      '4ba0f7a830565105e2b292876ab79f7c6670ecd4fba4fdc8813bdf1f7a2d032d',
    );
    expect(Buffer.from(computeMac1(key, PING)).toString('hex')).toBe('406d50404821b29a05417c39e0c2234e');
  });

  test('accepts its own mac1, and refuses any other', () => {
    const key = mac1Key(HUB.publicKey);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(), (message, at) => {
        const signed = withMac1(message);
        expect(checkMac1(key, signed)).toBe(true);
        signed[at % signed.length]! ^= 2;
        expect(checkMac1(key, signed)).toBe(false);
      }),
    );
    expect(checkMac1(key, new Uint8Array(15))).toBe(false);
    expect(checkMac1(mac1Key(NODE.publicKey), withMac1(PING))).toBe(false);
  });
});

test('node ids are 16 hex characters and differ between keys', () => {
  expect(nodeIdOf(new Uint8Array(32).fill(1))).toBe('f40ceaf86e577692');
  const ids = new Set(Array.from({ length: 50 }, () => nodeIdOf(new Uint8Array(randomBytes(32)))));
  expect(ids.size).toBe(50);
  for (const id of ids) {
    expect(id).toMatch(/^[0-9a-f]{16}$/);
  }
});
