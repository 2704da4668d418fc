import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isInRange, isIPv4InRange, parseRange, rangeOf } from '../../src/base/addressRange.ts';
import { IpAddress } from '../../src/base/ipAddress.ts';
import { naiveAddress, naiveRange, naiveText } from '../node/naivePolicy.ts';

describe('an address range', () => {
  it.each([
    '',
    '/',
    '/8',
    '10/8',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.0/8/8',
    '::/129',
    '::/-1',
    'a/8',
  ])('%j is none', (text) => {
    expect(parseRange(text)).toBeNull();
    expect(() => rangeOf(text)).toThrow(TypeError);
  });

  it('without a prefix is one address', () => {
    expect(isInRange(rangeOf('10.0.0.1'), IpAddress.of('10.0.0.1'))).toBe(true);
    expect(isInRange(rangeOf('10.0.0.1'), IpAddress.of('10.0.0.2'))).toBe(false);
    expect(isInRange(rangeOf('::1'), IpAddress.of('::1'))).toBe(true);
    expect(isInRange(rangeOf('::1'), IpAddress.of('::2'))).toBe(false);
  });

  it('inside ::ffff:0:0/96 is one of IPv4, around it one of IPv6 alone', () => {
    const inside = rangeOf('::ffff:10.0.0.0/104');
    expect([
      inside.isIPv4,
      isInRange(inside, IpAddress.of('10.1.2.3')),
      isInRange(inside, IpAddress.of('11.0.0.0')),
    ]).toEqual([true, true, false]);
    expect(isInRange(rangeOf('::ffff:0:0/96'), IpAddress.of('255.1.2.3'))).toBe(true);
    for (const around of ['::/0', '::ffff:0:0/95']) {
      expect(isInRange(rangeOf(around), IpAddress.of('10.1.2.3'))).toBe(false);
      expect(isInRange(rangeOf(around), IpAddress.of('::1'))).toBe(around === '::/0');
    }
  });

  it('has what lies between its first and its last address', () => {
    const ipv4 = fc.nat(0xffff_ffff).map((value) => naiveText(4, BigInt(value)));
    const ipv6 = fc.bigInt(1n << 64n, (1n << 128n) - 1n).map((value) => naiveText(6, value));
    const cidr = fc.oneof(
      fc.tuple(ipv4, fc.integer({ min: 0, max: 32 })).map(([text, bits]) => `${text}/${bits}`),
      fc.tuple(ipv6, fc.integer({ min: 0, max: 128 })).map(([text, bits]) => `${text}/${bits}`),
    );
    fc.assert(
      fc.property(cidr, fc.oneof(ipv4, ipv6), (text, other) => {
        const range = rangeOf(text);
        const { version, first, last } = naiveRange(text);
        const max = (1n << (version === 4 ? 32n : 128n)) - 1n;
        const edges = [first - 1n, first, last, last + 1n].filter((value) => value >= 0n && value <= max);
        for (const value of edges) {
          const address = IpAddress.of(naiveText(version, value));
          // The addresses of IPv4 in between are no IPv6.
          const isIn = value >= first && value <= last && address.isIPv4 === (version === 4);
          expect(isInRange(range, address), String(address)).toBe(isIn);
          if (address.isIPv4) expect(isIPv4InRange(range, address.ipv4)).toBe(isIn);
        }
        const one = naiveAddress(other)!;
        expect(isInRange(range, IpAddress.of(other))).toBe(
          one.version === version && one.value >= first && one.value <= last,
        );
      }),
      { numRuns: 3_000 },
    );
  });
});
