// Both providers of ChaCha20-Poly1305 give the same bytes, and OpenSSL is chosen only after it proved so.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Slab } from '../../src/base/slab.ts';
import type { Aead } from '../../src/noise/aead.ts';
import { loadOpensslAead } from '../../src/noise/aeadOpenssl.ts';
import { chooseAead } from '../../src/noise/aeadProvider.ts';
import { sodiumAead } from '../../src/noise/aeadSodium.ts';
import { loadLibc } from '../../src/reactor/libc.ts';

const libc = loadLibc();

function addressed(bytes: number): Slab {
  const buffer = new ArrayBuffer(bytes);
  const view = new Uint8Array(buffer);
  return { bytes: view, view: new DataView(buffer), address: libc === null ? 0 : libc.addressOf(view) };
}

function unaddressed(bytes: number): Slab {
  return { ...addressed(bytes), address: 0 };
}

describe.skipIf(libc === null)('OpenSSL compared with libsodium', () => {
  const make = loadOpensslAead(addressed)!;
  const twins = (key: Uint8Array): [Aead, Aead] => [make(key), sodiumAead(key)];
  const u32 = fc.integer({ min: 0, max: 0xffff_ffff });

  test('seals the same, opens what the other sealed, refuses any change, rekeys alike', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.uint8Array({ maxLength: 3_000 }),
        u32,
        u32,
        fc.nat(),
        (key, plain, low, high, flip) => {
          const [openssl, sodium] = twins(key);
          for (let round = 0; round < 2; round++) {
            const a = addressed(plain.length + 32);
            const b = addressed(plain.length + 32);
            a.bytes.set(plain, 5);
            b.bytes.set(plain, 5);
            openssl.seal(a, 5, plain.length, low, high);
            sodium.seal(b, 5, plain.length, low, high);
            expect(Buffer.compare(a.bytes, b.bytes)).toBe(0);
            expect(openssl.open(b, 5, plain.length + 16, low, high)).toBe(true);
            expect(Buffer.compare(b.bytes.subarray(5, 5 + plain.length), plain)).toBe(0);
            a.bytes[5 + (flip % (plain.length + 16))]! ^= 1 << (flip % 8);
            expect(openssl.open(a, 5, plain.length + 16, low, high)).toBe(false);
            openssl.rekey();
            sodium.rekey();
          }
          openssl.wipe();
        },
      ),
    );
  });

  test('keys by turns, with rekeys and ends between: each goes on as if it were alone', () => {
    const step = fc.record({
      who: fc.integer({ min: 0, max: 3 }),
      does: fc.constantFrom('seal', 'open', 'forged', 'rekey', 'replace'),
    });
    const newTwins = () => twins(crypto.getRandomValues(new Uint8Array(32)));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const pairs = Array.from({ length: 4 }, newTwins);
        for (const [nonce, { who, does }] of steps.entries()) {
          const [openssl, sodium] = pairs[who]!;
          const [a, b] = [addressed(80), addressed(80)];
          if (does === 'seal') {
            openssl.seal(a, 0, 64, nonce, 0);
            sodium.seal(b, 0, 64, nonce, 0);
            expect(Buffer.compare(a.bytes, b.bytes)).toBe(0);
          } else if (does === 'rekey') {
            openssl.rekey();
            sodium.rekey();
          } else if (does === 'replace') {
            openssl.wipe();
            pairs[who] = newTwins();
          } else {
            sodium.seal(b, 0, 64, nonce, 0);
            if (does === 'forged') b.bytes[70]! ^= 1;
            expect(openssl.open(b, 0, 80, nonce, 0)).toBe(does === 'open');
          }
        }
      }),
    );
  });

  test.each([8_191, 8_192, 8_193, 16_384, 65_519])('records of several steps: %i bytes', (length) => {
    const [openssl, sodium] = twins(new Uint8Array(32).fill(3));
    const [a, b] = [addressed(length + 16), addressed(length + 16)];
    for (let at = 0; at < length; at++) a.bytes[at] = b.bytes[at] = at * 31;
    openssl.seal(a, 0, length, 1, 2);
    sodium.seal(b, 0, length, 1, 2);
    expect(Buffer.compare(a.bytes, b.bytes)).toBe(0);
    expect(openssl.open(a, 0, length + 16, 1, 2)).toBe(true);
    b.bytes[length - 1]! ^= 1;
    expect(openssl.open(b, 0, length + 16, 1, 2)).toBe(false);
    openssl.wipe();
  });

  test('never reaches outside its slab', () => {
    const [openssl] = twins(new Uint8Array(32));
    const slab = addressed(100);
    expect(() => openssl.seal(slab, 50, 40, 0, 0)).toThrow(RangeError);
    expect(() => openssl.seal(slab, -1, 4, 0, 0)).toThrow(RangeError);
    expect(() => openssl.open(slab, 90, 17, 0, 0)).toThrow(RangeError);
    expect(openssl.open(slab, 0, 15, 0, 0)).toBe(false);
  });

  test('is chosen if slabs have addresses', () => {
    expect(chooseAead(addressed).name).toBe('openssl');
  });
});

test('libsodium is chosen if slabs have no addresses', () => {
  expect(chooseAead(unaddressed).name).toBe('libsodium');
});
