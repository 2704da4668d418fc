import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  canonicalAddress,
  hexDigit,
  IpAddress,
  ipv4OfBytes,
  isIPv6Literal,
  isLoopback,
  isWildcard,
  withoutZone,
} from '../../src/base/ipAddress.ts';
import { naiveAddress, naiveText } from '../node/naivePolicy.ts';
import { canonicalIPv6 } from './ipv6Twin.ts';

const RUNS = { numRuns: 20_000 };

/** All 128 bits. */
function bitsOf(address: IpAddress | null): bigint | null {
  return address === null ? null : address.words.reduce((sum, word) => (sum << 32n) | BigInt(word), 0n);
}

/** By node's own parser. */
function twinValue(text: string): bigint | null {
  const twin = naiveAddress(text);
  if (twin === null) return null;
  return twin.version === 4 ? (0xffffn << 32n) | twin.value : twin.value;
}

const nearIPv4 = fc.string({ unit: fc.constantFrom(...'0123456789.x'), minLength: 5, maxLength: 16 });
const octet = fc.oneof(
  fc.integer({ min: 0, max: 300 }).map(String),
  fc.constantFrom('', '00', '01', '0x1', '+1', ' 1', '256'),
);
const dotted = fc.array(octet, { minLength: 3, maxLength: 5 }).map((octets) => octets.join('.'));
const nearIPv6 = fc.string({ unit: fc.constantFrom(...'0123fF:::::.%x'), minLength: 1, maxLength: 46 });
const groups = fc
  .array(fc.constantFrom('', '0', '1', 'ffff', '00001', 'g', '1.2.3.4', '01.2.3.4', '1.2.3'), {
    minLength: 2,
    maxLength: 10,
  })
  .map((parts) => parts.join(':'));
const anyText = fc.oneof(nearIPv4, dotted, nearIPv6, groups, fc.ipV4(), fc.ipV6(), fc.string());

describe('text', () => {
  it('reads as Node reads it, or not at all; a zone makes it unreadable', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(bitsOf(IpAddress.parse(text)), text).toBe(twinValue(text));
      }),
      RUNS,
    );
  });

  it.each([
    '',
    'localhost',
    '1.2.3',
    '1.2.3.256',
    '1.2.3.4.',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0x7f.0.0.1',
    '0177.0.0.1',
    '01.2.3.4',
    ' 8.8.8.8',
    '１.1.1.1',
    'fe80::1%eth0',
    '::1%lo',
    '1:2',
    '1::2::3',
    '[::1]',
    '::1 ',
    ':::',
    '::010.1.2.3',
    '64:ff9b::0x7f.0.0.1',
    '1:2:3:4:5:6:7:1.2.3.4',
    '0000:0000:0000:0000:0000:ffff:255.255.255.2550',
  ])('%j is no literal', (text) => {
    expect(IpAddress.parse(text)).toBeNull();
    expect(canonicalAddress(text)).toBeNull();
    expect(() => IpAddress.of(text)).toThrow(TypeError);
  });

  it('that is no literal changes nothing', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const address = IpAddress.of('2001:db8::1:2');
        if (!address.parse(text)) expect(String(address)).toBe('2001:db8::1:2');
      }),
      { numRuns: 2_000 },
    );
  });

  it('of IPv6 among other bytes is read from its first byte to its last', () => {
    fc.assert(
      fc.property(fc.oneof(groups, fc.ipV6(), fc.ipV4()), (text) => {
        const bytes = Buffer.from(`1${text}1`);
        const address = new IpAddress();
        const isRead = address.parseIPv6(bytes, 1, bytes.length - 1);
        expect(isRead, text).toBe(isIPv6(text));
        if (isRead) expect(bitsOf(address)).toBe(twinValue(text));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('canonical text', () => {
  it.each([
    ['8.8.8.8', '8.8.8.8'],
    ['::ffff:8.8.8.8', '8.8.8.8'],
    ['::FFFF:0808:0808', '8.8.8.8'],
    ['2600:0::1', '2600::1'],
    ['2001:0DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
    ['::1.2.3.4', '::102:304'],
    ['::', '::'],
  ])('%s: %s', (text, canonical) => {
    expect(canonicalAddress(text)).toBe(canonical);
  });

  it('is what node writes, and its own canonical text', () => {
    const sparse = fc
      .array(fc.constantFrom(0, 0, 0, 1, 0xdb8, 0xffff), { minLength: 8, maxLength: 8 })
      .map((values) => values.map((value) => value.toString(16)).join(':'));
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), sparse), (text) => {
        const canonical = canonicalAddress(text)!;
        expect(canonical).toBe(isIPv4(text) ? text : canonicalIPv6(text));
        expect(canonicalAddress(canonical)).toBe(canonical);
        expect(bitsOf(IpAddress.of(canonical))).toBe(twinValue(text));
        const family = isIPv4(canonical) ? 'ipv4' : 'ipv6';
        expect(isIPv4(new SocketAddress({ address: canonical, family }).address)).toBe(family === 'ipv4');
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('bytes', () => {
  it('there and back', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
    );
    fc.assert(
      fc.property(bytes, fc.nat(3), (raw, at) => {
        const address = new IpAddress();
        const shifted = Uint8Array.from([...new Array(at).fill(7), ...raw]);
        if (raw.length === 4) address.readIPv4(shifted, at);
        else address.readIPv6(shifted, at);
        expect(address.addressBytes).toBe(raw.length);
        const value = raw.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
        expect(String(address)).toBe(canonicalAddress(naiveText(raw.length === 4 ? 4 : 6, value)));
        const written = new Uint8Array(at + raw.length + 1).fill(7);
        address.writeTo(written, at);
        expect(written).toEqual(Uint8Array.from([...shifted, 7]));
        if (raw.length === 4) expect(ipv4OfBytes(shifted, at)).toBe(String(address));
      }),
    );
  });

  it('of an IPv4-mapped address are those of IPv4', () => {
    const address = new IpAddress();
    address.readIPv6(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 2, 3), 0);
    expect([address.family, address.addressBytes, address.ipv4]).toEqual([4, 4, 0x0a010203]);
    const written = new Uint8Array(4);
    address.writeTo(written, 0);
    expect([...written]).toEqual([10, 1, 2, 3]);
  });
});

describe('comparison', () => {
  const close = fc
    .tuple(fc.constantFrom('::', '2001:db8::', '10.0.0.0', '255.255.255.255'), fc.nat(127))
    .map(([text, bit]) => naiveText(6, twinValue(text)! ^ (1n << BigInt(bit))));
  const address = fc.oneof(close, fc.ipV4(), fc.ipV6());

  it('is by all bits, or by the first so many', () => {
    fc.assert(
      fc.property(address, address, fc.integer({ min: 0, max: 128 }), (a, b, bits) => {
        const [left, right] = [IpAddress.of(a), IpAddress.of(b)];
        const differing = bitsOf(left)! ^ bitsOf(right)!;
        expect(left.equals(right)).toBe(differing === 0n);
        expect(left.hasPrefix(right.words, bits)).toBe(differing >> BigInt(128 - bits) === 0n);
        left.copyFrom(right);
        expect(left.equals(right)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('kinds', () => {
  it('loopback is 127.0.0.0/8 and ::1', () => {
    const loopback = ['127.0.0.1', '127.255.255.255', '::1', '0::0001', '::ffff:127.0.0.1'];
    expect(loopback.map(isLoopback)).toEqual(loopback.map(() => true));
    const others = ['126.255.255.255', '128.0.0.0', '::', '::2', '1::1', '::127.0.0.1', 'localhost', ''];
    expect(others.map(isLoopback)).toEqual(others.map(() => false));
    fc.assert(fc.property(fc.ipV4(), (host) => isLoopback(host) === host.startsWith('127.')));
  });

  it('a wildcard is 0.0.0.0 or ::, nothing else', () => {
    expect(['0.0.0.0', '::', '0:0::0', '::ffff:0.0.0.0'].map(isWildcard)).toEqual([true, true, true, true]);
    const others = ['127.0.0.1', '::1', '::1:0:0', '0.0.0.1', 'example.org', ''];
    expect(others.map(isWildcard)).toEqual(others.map(() => false));
  });

  it('an IPv6 literal has a colon', () => {
    expect(['::1', '::ffff:1.2.3.4'].map(isIPv6Literal)).toEqual([true, true]);
    expect(['1.2.3.4', 'a:b', '::1%1', '', 'name'].map(isIPv6Literal)).toEqual(new Array(5).fill(false));
  });
});

it('a zone is left out', () => {
  expect(['fe80::1%eth0', 'fe80::1', '1.2.3.4', ''].map(withoutZone)).toEqual([
    'fe80::1',
    'fe80::1',
    '1.2.3.4',
    '',
  ]);
});

it('hexadecimal digits', () => {
  for (let code = 0; code < 0x300; code++) {
    const char = String.fromCharCode(code);
    expect(hexDigit(code)).toBe(/[0-9a-f]/i.test(char) ? Number.parseInt(char, 16) : -1);
  }
});
