import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ipAddress.ts';
import { ipv4In, isTranslated, nat64Prefixes } from '../../src/node/nat64.ts';

const IPV4 = 0xc0000221; // 192.0.2.33

/** RFC 6052, section 2.4. */
const EXAMPLES: [prefix: string, bits: number, address: string][] = [
  ['2001:db8::', 32, '2001:db8:c000:221::'],
  ['2001:db8:100::', 40, '2001:db8:1c0:2:21::'],
  ['2001:db8:122::', 48, '2001:db8:122:c000:2:2100::'],
  ['2001:db8:122:300::', 56, '2001:db8:122:3c0:0:221::'],
  ['2001:db8:122:344::', 64, '2001:db8:122:344:c0:2:2100::'],
  ['2001:db8:122:344::', 96, '2001:db8:122:344::192.0.2.33'],
];

it.each(EXAMPLES)('%s/%i: %s holds 192.0.2.33', (_prefix, bits, address) => {
  expect(ipv4In(IpAddress.of(address), bits)).toBe(IPV4);
  expect(isTranslated(IpAddress.of(address), bits)).toBe(true);
});

it('an address with something behind the IPv4 address comes from no translator', () => {
  expect(isTranslated(IpAddress.of('2001:db8:c000:221::1'), 32)).toBe(false);
  expect(isTranslated(IpAddress.of('2001:db8:122:344:1c0:2:2100::'), 64)).toBe(false);
});

describe('nat64Prefixes', () => {
  it.each([
    [['192.0.0.170', '192.0.0.171'], []],
    [
      ['2001:db8:122:344::192.0.0.170', '2001:db8:122:344::192.0.0.171', '192.0.0.170'],
      ['2001:db8:122:344::/96'],
    ],
    [['2001:db8:c000:aa::'], ['2001:db8::/32']],
    [['2001:db8:1c0:0:aa::'], ['2001:db8:100::/40']],
    [['2001:db8:122:c000:0:ab00::'], ['2001:db8:122::/48']],
    [['2001:db8:122:3c0:0:aa::'], ['2001:db8:122:300::/56']],
    [['2001:db8:122:344:c0:0:aa00::'], ['2001:db8:122:344::/64']],
    [['fd00:64::192.0.0.170'], ['fd00:64::/96']],
    [['64:ff9b:1::192.0.0.171'], ['64:ff9b:1::/96']],
    // Known anyway.
    [['64:ff9b::192.0.0.170'], []],
    // No network's own: all of IPv6, link-local, multicast, IPv4 in another dress.
    [['::192.0.0.170', 'fe80::192.0.0.170', 'ff02::192.0.0.170', '::ffff:192.0.0.170'], []],
    [['2001:db8::192.0.0.172', '2001:db8:c000:aa::1', 'no address', ''], []],
  ])('%j: %j', (answers, prefixes) => {
    expect(nat64Prefixes(answers)).toEqual(prefixes);
  });
});
