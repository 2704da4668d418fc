// AEAD and transport cipher against a twin over OpenSSL: nonces, carries, rekeying, forgeries.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sodiumAead } from '../../src/noise/aeadSodium.ts';
import { NonceExhaustedError, TransportCipher } from '../../src/noise/cipher.ts';
import { rekeyTwin, SealingTwin, sealTwin, testSlab } from './cipherTwin.ts';

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i * 7 + 1);
const key32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });

describe('aead over libsodium', () => {
  test('seals and opens in place, without touching the bytes around', () => {
    fc.assert(
      fc.property(
        key32,
        u32,
        u32,
        fc.uint8Array({ maxLength: 300 }),
        fc.nat(40),
        (key, low, high, plain, offset) => {
          const slab = testSlab(offset + plain.length + 16 + 8);
          slab.bytes.fill(0xaa);
          slab.bytes.set(plain, offset);
          const aead = sodiumAead(key);
          aead.seal(slab, offset, plain.length, low, high);
          const sealed = slab.bytes.slice(offset, offset + plain.length + 16);
          expect(sealed).toEqual(sealTwin(key, (BigInt(high) << 32n) | BigInt(low), plain));
          expect(aead.open(slab, offset, sealed.length, low, high)).toBe(true);
          expect(slab.bytes.slice(offset, offset + plain.length)).toEqual(plain);
          expect(slab.bytes.slice(0, offset).every((byte) => byte === 0xaa)).toBe(true);
          expect(slab.bytes.slice(offset + sealed.length).every((byte) => byte === 0xaa)).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('refuses a flipped bit, another nonce, or a cut', () => {
    fc.assert(
      fc.property(key32, fc.uint8Array({ maxLength: 64 }), fc.nat(), (key, plain, at) => {
        const aead = sodiumAead(key);
        const sealed = sealTwin(key, 5n, plain);
        const open = (bytes: Uint8Array, low: number, high: number) => {
          const slab = testSlab(100);
          slab.bytes.set(bytes);
          return aead.open(slab, 0, bytes.length, low, high);
        };
        const flipped = sealed.slice();
        flipped[at % sealed.length]! ^= 1 << (at % 8);
        expect(open(sealed, 5, 0)).toBe(true);
        expect(open(flipped, 5, 0)).toBe(false);
        expect(open(sealed, 6, 0)).toBe(false);
        expect(open(sealed, 5, 1)).toBe(false);
        expect(open(sealed.subarray(0, at % sealed.length), 5, 0)).toBe(false);
      }),
      { numRuns: 100 },
    );
  });

  test('rekey follows the Noise specification', () => {
    const aead = sodiumAead(KEY);
    aead.rekey();
    const slab = testSlab(32);
    aead.seal(slab, 0, 5, 1, 2);
    expect(slab.bytes.slice(0, 21)).toEqual(sealTwin(rekeyTwin(KEY), (2n << 32n) | 1n, new Uint8Array(5)));
  });

  test('copies its key, and wipe() destroys the copy', () => {
    const mine = KEY.slice();
    const aead = sodiumAead(mine);
    mine.fill(0);
    const slab = testSlab(16);
    aead.seal(slab, 0, 0, 0, 0);
    expect(slab.bytes).toEqual(sealTwin(KEY, 0n, new Uint8Array(0)));
    aead.wipe();
    aead.seal(slab, 0, 0, 0, 0);
    expect(slab.bytes).toEqual(sealTwin(new Uint8Array(32), 0n, new Uint8Array(0)));
  });

  test('throws for a record outside its slab', () => {
    const aead = sodiumAead(KEY);
    const slab = testSlab(32);
    expect(() => aead.seal(slab, 0, 17, 0, 0)).toThrow(RangeError);
    expect(() => aead.seal(slab, -1, 4, 0, 0)).toThrow(RangeError);
    expect(() => aead.open(slab, 16, 17, 0, 0)).toThrow(RangeError);
    expect(() => sodiumAead(new Uint8Array(31))).toThrow(RangeError);
  });
});

describe('transport cipher', () => {
  test('both directions agree with the twin across two rekeys', () => {
    const sender = new TransportCipher(sodiumAead(KEY));
    const receiver = new TransportCipher(sodiumAead(KEY));
    const twin = new SealingTwin(KEY);
    const slab = testSlab(64);
    for (let record = 0; record < 2 * 65_536 + 3; record++) {
      slab.view.setUint32(8, record);
      sender.seal(slab, 8, 4);
      const mustCompare = record % 65_536 < 2 || record % 65_536 > 65_533;
      if (mustCompare) {
        const plain = new Uint8Array(4);
        new DataView(plain.buffer).setUint32(0, record);
        twin.counter = BigInt(record);
        expect(slab.bytes.slice(8, 28)).toEqual(twin.seal(plain));
      }
      if (!receiver.open(slab, 8, 20) || slab.view.getUint32(8) !== record) {
        throw new Error(`record ${record} did not open`);
      }
    }
  });

  test('the counter carries into the high word', () => {
    const start = 0xffff_ffffn;
    const cipher = new TransportCipher(sodiumAead(KEY), 0xffff_ffff, 0);
    const receiver = new TransportCipher(sodiumAead(KEY), 0xffff_ffff, 0);
    const twin = new SealingTwin(KEY, start);
    const slab = testSlab(32);
    for (let record = 0; record < 3; record++) {
      slab.bytes.fill(record);
      const plain = slab.bytes.slice(0, 10);
      cipher.seal(slab, 0, 10);
      expect(slab.bytes.slice(0, 26)).toEqual(twin.seal(plain));
      expect(receiver.open(slab, 0, 26)).toBe(true);
    }
  });

  test('stops at 2^64-1, which is reserved for rekeying', () => {
    const sender = new TransportCipher(sodiumAead(KEY), 0xffff_fffe, 0xffff_ffff);
    const receiver = new TransportCipher(sodiumAead(KEY), 0xffff_fffe, 0xffff_ffff);
    const slab = testSlab(32);
    sender.seal(slab, 0, 3);
    expect(receiver.open(slab, 0, 19)).toBe(true);
    expect(() => sender.seal(slab, 0, 3)).toThrow(NonceExhaustedError);
    slab.bytes.set(sealTwin(KEY, 2n ** 64n - 1n, new Uint8Array(3)));
    expect(receiver.open(slab, 0, 19)).toBe(false);
  });

  test('a forgery does not advance the counter: the genuine record still opens', () => {
    const receiver = new TransportCipher(sodiumAead(KEY));
    const slab = testSlab(32);
    expect(receiver.open(slab, 0, 20)).toBe(false);
    slab.bytes.set(sealTwin(KEY, 1n, new Uint8Array(4)));
    expect(receiver.open(slab, 0, 20)).toBe(false);
    slab.bytes.set(sealTwin(KEY, 0n, new Uint8Array(4)));
    expect(receiver.open(slab, 0, 20)).toBe(true);
    slab.bytes.set(sealTwin(KEY, 0n, new Uint8Array(4)));
    expect(receiver.open(slab, 0, 20)).toBe(false);
  });
});
