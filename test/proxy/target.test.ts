import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hostText, ipv6OfBytes, portNumber } from '../../src/proxy/target.ts';
import { canonicalIPv6 } from '../base/ipv6Twin.ts';

const host = (text: string) => hostText(Buffer.from(text), 0, Buffer.byteLength(text));
const port = (text: string) => portNumber(Buffer.from(text), 0, Buffer.byteLength(text));

const IPV6_PIECES = [
  '0',
  '1',
  'db8',
  'FFFF',
  '0000',
  '00001',
  'g',
  ':',
  '::',
  ':',
  ':',
  '.',
  '1.2.3.4',
  '255',
];

describe('hosts', () => {
  test.each(['example.com', 'a', 'xn--bcher-kva.example', '_srv.host-1.', '127.0.0.1', '0x7f.1'])(
    '%s passes as it is',
    (text) => expect(host(text)).toBe(text),
  );

  test.each([
    '',
    ' ',
    'a b',
    'a\0b',
    'a\nb',
    'a\x7f',
    'bücher.example',
    'a/b',
    'a@b',
    'a%00',
    'a#b',
    'a?b',
    'a\\b',
    '[::1]',
    'host:80',
    ':',
  ])('%j is no host', (text) => expect(host(text)).toBe(''));

  test.each([
    ['::1', '::1'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['::ffff:102:304', '1.2.3.4'],
    ['::1.2.3.4', '::102:304'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ])('IPv6 %s reads %s', (text, canonical) => expect(host(text)).toBe(canonical));

  test.each([
    '::ffff:010.1.1.1',
    '::ffff:0x1.2.3.4',
    '::256.1.1.1',
    '1::2::3',
    ':::',
    '::1%eth0',
    '1:2:3:4:5:6:7:1.2.3.4',
  ])('IPv6 %s is refused', (text) => expect(host(text)).toBe(''));

  test('255 bytes are the longest', () => {
    expect(host('a'.repeat(255))).toBe('a'.repeat(255));
    expect(host('a'.repeat(256))).toBe('');
  });

  test('IPv6 text agrees with the runtime, made of pieces', () => {
    const pieces = fc.array(fc.constantFrom(...IPV6_PIECES), { minLength: 1, maxLength: 18 });
    fc.assert(
      fc.property(pieces, (parts) => {
        const text = parts.join('');
        fc.pre(text.includes(':'));
        expect(host(text)).toBe(canonicalIPv6(text));
      }),
      { numRuns: 5_000 },
    );
  });

  test('IPv6 text agrees with the runtime, from valid addresses', () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        expect(host(text)).toBe(canonicalIPv6(text));
      }),
      { numRuns: 2_000 },
    );
  });

  test('IPv6 bytes read as the same text as their groups', () => {
    const words = fc.array(fc.constantFrom(0, 0, 0, 1, 0xdb8, 0xffff), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(words, (groups) => {
        const bytes = Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 255]));
        expect(ipv6OfBytes(bytes, 0)).toBe(
          canonicalIPv6(groups.map((group) => group.toString(16)).join(':')),
        );
      }),
    );
  });
});

test('ports', () => {
  expect([port('1'), port('80'), port('65535'), port('00080')]).toEqual([1, 80, 65_535, 80]);
  for (const text of ['', '0', '65536', '99999', '000080', '+80', '-1', '8 0', '80a', '0x50', '٣'])
    expect(port(text)).toBe(0);
});
