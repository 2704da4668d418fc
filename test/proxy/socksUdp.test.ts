import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeAssociateReply, isSocksDatagram, writeSocksPrefix } from '../../src/proxy/socksUdp.ts';
import { endpointOf } from '../base/endpointOf.ts';

/** RFC 1928 section 7, slowly. */
function twin(bytes: Uint8Array): boolean {
  const [, , fragment, type, ...rest] = bytes;
  const addressBytes = type === 1 ? 4 : type === 4 ? 16 : type === 3 ? 1 + (rest[0] ?? 0) : -1;
  if (fragment !== 0 || addressBytes < 0 || rest.length < addressBytes + 2) return false;
  if (rest[addressBytes] === 0 && rest[addressBytes + 1] === 0) return false;
  if (type !== 3) return true;
  return /^[\x21-\x7e]+$/.test(Buffer.from(rest.slice(1, addressBytes)).toString('latin1'));
}

test('relays the datagrams that a naive twin would relay', () => {
  const seen = new Set<boolean>();
  const byte = fc.oneof(fc.integer({ min: 0x21, max: 0x7e }), fc.integer({ min: 0, max: 255 }));
  const input = fc
    .tuple(
      fc.constantFrom(0, 0, 0, 1, 0x80),
      fc.constantFrom(1, 3, 4, 2),
      fc.integer({ min: 0, max: 9 }),
      fc.array(byte, { maxLength: 24 }),
    )
    .map(([fragment, type, length, rest]) => Uint8Array.from([0, 0, fragment, type, length, ...rest]));
  fc.assert(
    fc.property(input, fc.nat(30), (bytes, cut) => {
      const part = bytes.subarray(0, cut);
      const shifted = Uint8Array.from([7, 7, ...part, 7, 7, 7, 7, 7, 7, 7, 7]);
      seen.add(twin(part));
      expect(isSocksDatagram(shifted, 2, 2 + part.length)).toBe(twin(part));
    }),
    { numRuns: 3_000 },
  );
  expect(seen.size).toBe(2);
});

test('the reply names the socket that takes datagrams', () => {
  expect([...encodeAssociateReply(endpointOf('127.0.0.1', 0x1234))]).toEqual([
    5, 0, 0, 1, 127, 0, 0, 1, 0x12, 0x34,
  ]);
  expect([...encodeAssociateReply(endpointOf('::1', 53))]).toEqual([
    5,
    0,
    0,
    4,
    ...new Array(15).fill(0),
    1,
    0,
    53,
  ]);
});

test('the prefix overwrites whatever was there', () => {
  const bytes = Uint8Array.of(9, 9, 9, 9, 9);
  writeSocksPrefix(bytes, 1);
  expect([...bytes]).toEqual([9, 0, 0, 0, 9]);
});
