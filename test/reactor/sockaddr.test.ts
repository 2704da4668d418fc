// struct sockaddr_in and sockaddr_in6: known bytes, and every literal round.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeAddress, decodePort, encodeSockaddr, SOCKADDR_MAX_BYTES } from '../../src/reactor/sockaddr.ts';

function encoded(address: string, port: number): string {
  // Dirty, as the scratch bytes of a reactor are.
  const bytes = new Uint8Array(SOCKADDR_MAX_BYTES).fill(0xee);
  const length = encodeSockaddr(bytes, address, port);
  return Buffer.from(bytes.subarray(0, length)).toString('hex');
}

/** The address as a URL spells it. */
function hostOf(address: string): string {
  return new URL(address.includes(':') ? `http://[${address}]` : `http://${address}`).hostname;
}

describe('sockaddr', () => {
  it.each([
    ['127.0.0.1', 80, `0200${'0050'}7f000001${'00'.repeat(8)}`],
    ['255.254.253.252', 65_535, `0200fffffffefdfc${'00'.repeat(8)}`],
    ['::1', 9_000, `0a002328${'00'.repeat(4)}${'00'.repeat(15)}01${'00'.repeat(4)}`],
    ['2001:db8::a:b', 1, `0a000001${'00'.repeat(4)}20010db8000000000000000000${'0a000b'}${'00'.repeat(4)}`],
    ['::ffff:1.2.3.4', 7, `0a000007${'00'.repeat(4)}${'00'.repeat(10)}ffff01020304${'00'.repeat(4)}`],
  ])('encodes %s port %i', (address, port, hex) => {
    expect(encoded(address, port)).toBe(hex);
  });

  it.each([
    'localhost',
    '',
    '1.2.3',
    '1.2.3.256',
    '0x7f.0.0.1',
    '127.1',
    '01.2.3.4',
    'fe80::1%eth0',
    '1::2::3',
    '[::1]',
    '::1 ',
    '::010.1.2.3',
    '64:ff9b::0x7f.0.0.1',
  ])('refuses %j', (address) => {
    expect(encoded(address, 80)).toBe('');
  });

  it.each([-1, 65_536, 1.5, Number.NaN])('refuses port %d', (port) => {
    expect(encoded('127.0.0.1', port)).toBe('');
  });

  it('reads back what it wrote', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat(65_535), (address, port) => {
        const bytes = new Uint8Array(SOCKADDR_MAX_BYTES).fill(0xee);
        const length = encodeSockaddr(bytes, address, port);
        expect(length).toBe(address.includes(':') ? 28 : 16);
        expect(decodePort(bytes)).toBe(port);
        // Read by another parser, the URL's.
        const told = decodeAddress(bytes);
        const inUrl = address.includes(':') && !told.includes(':') ? `::ffff:${told}` : told;
        expect(hostOf(inUrl)).toBe(hostOf(address));
      }),
      { numRuns: 1_000 },
    );
  });

  it('tells IPv4-mapped IPv6 as IPv4, and no other family at all', () => {
    const bytes = new Uint8Array(SOCKADDR_MAX_BYTES);
    encodeSockaddr(bytes, '::ffff:10.1.2.3', 1);
    expect(decodeAddress(bytes)).toBe('10.1.2.3');
    encodeSockaddr(bytes, '::10.1.2.3', 1);
    expect(decodeAddress(bytes)).toBe('::a01:203');
    bytes[0] = 1;
    expect(decodeAddress(bytes)).toBe('');
  });
});
