import { isIPv4, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalAddress, formatIPv4, parseIPv4, parseIPv6 } from '../../src/base/ipAddress.ts';
import { naiveAddress } from '../node/naivePolicy.ts';

const RUNS = { numRuns: 20_000 };

function ipv6Value(text: string): bigint | null {
  const words = new Uint32Array(4);
  return parseIPv6(text, words) ? words.reduce((sum, word) => (sum << 32n) | BigInt(word), 0n) : null;
}

describe('IPv4 text', () => {
  const near = fc.string({ unit: fc.constantFrom(...'0123456789.x'), minLength: 5, maxLength: 16 });
  const octet = fc.oneof(
    fc.integer({ min: 0, max: 300 }).map(String),
    fc.constantFrom('', '00', '01', '0x1', '+1', ' 1', '256'),
  );
  const dotted = fc.array(octet, { minLength: 3, maxLength: 5 }).map((octets) => octets.join('.'));

  it('is read as node reads it, or not at all', () => {
    fc.assert(
      fc.property(fc.oneof(near, dotted, fc.ipV4(), fc.string()), (text) => {
        expect(parseIPv4(text)).toBe(isIPv4(text) ? Number(naiveAddress(text)?.value) : -1);
      }),
      RUNS,
    );
  });

  it('comes back as it was', () => {
    fc.assert(fc.property(fc.ipV4(), (text) => formatIPv4(parseIPv4(text)) === text));
  });
});

describe('IPv6 text', () => {
  const near = fc.string({ unit: fc.constantFrom(...'0123fF:::::.%x'), minLength: 1, maxLength: 40 });
  const groups = fc
    .array(fc.constantFrom('', '0', '1', 'ffff', '00001', 'g', '1.2.3.4', '01.2.3.4', '1.2.3'), {
      minLength: 2,
      maxLength: 10,
    })
    .map((parts) => parts.join(':'));

  it('is read as node reads it, or not at all; a zone makes it unreadable', () => {
    fc.assert(
      fc.property(fc.oneof(near, groups, fc.ipV6(), fc.string()), (text) => {
        const isAddress = isIPv6(text) && !text.includes('%');
        expect(ipv6Value(text), text).toBe(isAddress ? naiveAddress(text)?.value : null);
      }),
      RUNS,
    );
  });
});

describe('canonical text', () => {
  it.each([
    ['8.8.8.8', '8.8.8.8'],
    ['::ffff:8.8.8.8', '8.8.8.8'],
    ['::FFFF:0808:0808', '8.8.8.8'],
    ['2001:0DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
    ['localhost', null],
    ['::1%lo', null],
    ['1:2', null],
  ])('%s: %s', (text, canonical) => {
    expect(canonicalAddress(text)).toBe(canonical);
  });

  it('names the same address, and is its own canonical text', () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const canonical = canonicalAddress(text)!;
        expect(canonicalAddress(canonical)).toBe(canonical);
        if (canonical.includes(':')) expect(ipv6Value(canonical)).toBe(ipv6Value(text));
      }),
    );
  });
});
