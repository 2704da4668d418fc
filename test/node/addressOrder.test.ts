import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ipAddress.ts';
import { inOrder } from '../../src/node/addressOrder.ts';

/** @param pairs destination and source; '' for none */
function order(...pairs: readonly (readonly [string, string])[]): string[] {
  const destinations = pairs.map(([address, source]) => ({
    address: IpAddress.of(address),
    source: IpAddress.parse(source),
  }));
  return inOrder(destinations).map(String);
}

describe('inOrder, the examples of RFC 6724, section 10.2', () => {
  it.each<[string, [string, string][]]>([
    [
      'matching scope',
      [
        ['2001:db8:1::1', '2001:db8:1::2'],
        ['198.51.100.121', '169.254.13.78'],
      ],
    ],
    [
      'matching scope, the other way',
      [
        ['198.51.100.121', '198.51.100.117'],
        ['2001:db8:1::1', 'fe80::1'],
      ],
    ],
    [
      'higher precedence',
      [
        ['2001:db8:1::1', '2001:db8:1::2'],
        ['10.1.2.3', '10.1.2.4'],
      ],
    ],
    [
      'smaller scope',
      [
        ['fe80::1', 'fe80::2'],
        ['2001:db8:1::1', '2001:db8:1::2'],
      ],
    ],
    [
      'longest matching prefix',
      [
        ['2001:db8:1::1', '2001:db8:1::2'],
        ['2001:db8:3ffe::1', '2001:db8:3f44::2'],
      ],
    ],
    [
      'matching label',
      [
        ['2002:c633:6401::1', '2002:c633:6401::2'],
        ['2001:db8:1::1', '2002:c633:6401::2'],
      ],
    ],
    [
      'a route',
      [
        ['198.51.100.121', '198.51.100.117'],
        ['2001:db8:1::1', ''],
      ],
    ],
  ])('%s', (_rule, best) => {
    const expected = best.map(([address]) => address);
    expect(order(...best)).toEqual(expected);
    expect(order(...best.toReversed())).toEqual(expected);
  });

  it("leaves the resolver's order where no rule decides", () => {
    expect(order(['192.0.2.9', '10.0.0.1'], ['192.0.2.1', '10.0.0.1'])).toEqual(['192.0.2.9', '192.0.2.1']);
  });
});
