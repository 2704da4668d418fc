// struct sockaddr_in and sockaddr_in6: known bytes, and every address round.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Endpoint } from '../../src/base/endpoint.ts';
import { IpAddress } from '../../src/base/ipAddress.ts';
import {
  decodeAddress,
  decodePort,
  readSockaddr,
  SOCKADDR_MAX_BYTES,
  writeSockaddr,
} from '../../src/reactor/sockaddr.ts';

function encoded(address: string, port: number): string {
  // Dirty, as the scratch bytes of a reactor are.
  const bytes = new Uint8Array(SOCKADDR_MAX_BYTES).fill(0xee);
  const length = writeSockaddr(bytes, IpAddress.of(address), port);
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
    // The kernel would dial it by IPv4 anyway, and bind no socket of IPv6 alone to it.
    ['::ffff:1.2.3.4', 7, `0200000701020304${'00'.repeat(8)}`],
  ])('encodes %s port %i', (address, port, hex) => {
    expect(encoded(address, port)).toBe(hex);
  });

  it('reads back what it wrote', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat(65_535), (text, port) => {
        const bytes = new Uint8Array(SOCKADDR_MAX_BYTES).fill(0xee);
        const address = IpAddress.of(text);
        expect(writeSockaddr(bytes, address, port)).toBe(address.isIPv4 ? 16 : 28);
        expect(decodePort(bytes)).toBe(port);
        // Read by another parser, the URL's.
        const told = decodeAddress(bytes);
        const inUrl = text.includes(':') && !told.includes(':') ? `::ffff:${told}` : told;
        expect(hostOf(inUrl)).toBe(hostOf(text));
        const endpoint = new Endpoint();
        expect(readSockaddr(bytes, endpoint)).toBe(true);
        expect([endpoint.address.equals(address), endpoint.port]).toEqual([true, port]);
      }),
      { numRuns: 1_000 },
    );
  });

  it('writes IPv4-mapped IPv6 as IPv4, and nothing for other families', () => {
    // As accept4() on a socket of both families gives it.
    const mapped = `0a000001${'00'.repeat(4)}${'00'.repeat(10)}ffff0a010203${'00'.repeat(4)}`;
    expect(decodeAddress(Buffer.from(mapped, 'hex'))).toBe('10.1.2.3');
    const bytes = new Uint8Array(SOCKADDR_MAX_BYTES);
    writeSockaddr(bytes, IpAddress.of('::10.1.2.3'), 1);
    expect(decodeAddress(bytes)).toBe('::a01:203');
    bytes[0] = 1;
    expect(decodeAddress(bytes)).toBe('');
  });
});
