// Pairing links: what is made is read back, every damaged part has its own sentence, nothing repeats the token.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/base/userError.ts';
import { formatLink, keyFingerprint, parseLink, parseWebSocketAddress } from '../../src/model/pairingLink.ts';

const KEY = new Uint8Array(32).fill(0xfb);
const TOKEN = new Uint8Array(32).fill(0x5f);
const K = Buffer.from(KEY).toString('base64url');
const T = Buffer.from(TOKEN).toString('base64url');
const GOOD = `restunnel://hub.example.org:9000/?k=${K}&t=${T}`;
const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });

test('a link reads back as what it was made of', () => {
  const host = fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6(), fc.constant('localhost'));
  fc.assert(
    fc.property(
      host,
      fc.integer({ min: 1, max: 65_535 }),
      bytes32,
      bytes32,
      (name, port, hubPublicKey, token) => {
        const link = { host: name, port, hubPublicKey, token };
        expect(parseLink(formatLink(link))).toEqual(link);
        expect(parseLink(formatLink({ ...link, clusterKey: token }))).toEqual({ ...link, clusterKey: token });
      },
    ),
  );
});

test('its form', () => {
  expect(formatLink({ host: 'hub.example.org', port: 9000, hubPublicKey: KEY, token: TOKEN })).toBe(GOOD);
  expect(formatLink({ host: '2001:db8::1', port: 1, hubPublicKey: KEY, token: TOKEN })).toBe(
    `restunnel://[2001:db8::1]:1/?k=${K}&t=${T}`,
  );
});

test.each([
  ['white space around it', `\n  ${GOOD} \r\n`],
  ['no slash before the question mark', GOOD.replace('/?', '?')],
  ['the parameters the other way round', `restunnel://hub.example.org:9000/?t=${T}&k=${K}`],
  ['a parameter of later times', `${GOOD}&x=1&x=2&&`],
  ['capitals in the scheme', GOOD.replace('restunnel', 'ResTunnel')],
])('%s does not matter', (_, link) => {
  expect(parseLink(link)).toEqual({
    host: 'hub.example.org',
    port: 9000,
    hubPublicKey: KEY,
    token: TOKEN,
  });
});

describe('each malformed part has its own sentence', () => {
  const query = `/?k=${K}&t=${T}`;
  test.each([
    ['', 'it must begin with restunnel://'],
    ['https://example.org/', 'it must begin with restunnel://'],
    ['restunnel:hub:9000', 'it must begin with restunnel://'],
    ['x'.repeat(3000), 'it is too long'],
    ['restunnel://hub:9000/', 'it has no ?k=…&t=… at its end; was it cut short?'],
    [`restunnel://hub${query}`, 'it has no port after the host'],
    [`restunnel://hub:${query}`, 'it has no port after the host'],
    [`restunnel://hub:9x${query}`, 'it has no port after the host'],
    [`restunnel://${query}`, 'it has no port after the host'],
    [`restunnel://:9000${query}`, 'it has no host'],
    [`restunnel://hub:0${query}`, 'its port is not between 1 and 65535'],
    [`restunnel://hub:65536${query}`, 'its port is not between 1 and 65535'],
    [`restunnel://2001:db8::1:9000${query}`, 'an IPv6 address needs brackets: [address]:port'],
    [`restunnel://[2001:db8::1:9000${query}`, 'its IPv6 address has no closing bracket'],
    [`restunnel://[2001:db8::1]${query}`, 'it has no port after the host'],
    [`restunnel://[hub]:9000${query}`, 'the text in brackets is not an IPv6 address'],
    [`restunnel://[fe80::1%eth0]:9000${query}`, 'the text in brackets is not an IPv6 address'],
    [`restunnel://a..b:9000${query}`, 'its host is neither a name nor an IP address'],
    [`restunnel://me@hub:9000${query}`, 'its host is neither a name nor an IP address'],
    [`restunnel://1.2.3:9000${query}`, 'its host is neither a name nor an IP address'],
    [`restunnel://1.2.3.256:9000${query}`, 'its host is neither a name nor an IP address'],
    [`restunnel://hub/x:9000${query}`, 'its host is neither a name nor an IP address'],
    [`restunnel://${'a.'.repeat(130)}b:9000${query}`, 'its host is too long'],
    [`restunnel://hub:9000/?t=${T}`, 'the key of the hub (k=) is missing'],
    [`restunnel://hub:9000/?k=&t=${T}`, 'the key of the hub (k=) is missing'],
    [`restunnel://hub:9000/?k=${K}`, 'the one-time token (t=) is missing'],
    [`restunnel://hub:9000/?k=${K}x&t=${T}`, 'the key of the hub (k=) is damaged; copy the whole link again'],
    [
      `restunnel://hub:9000/?k=${K}&t=${T.slice(1)}`,
      'the one-time token (t=) is damaged; copy the whole link again',
    ],
    [`restunnel://hub:9000/?k=${K}&t=${T}=`, 'the one-time token (t=) is damaged; copy the whole link again'],
    [
      `restunnel://hub:9000/?k=${K}&t=${T.slice(0, -1)}*`,
      'the one-time token (t=) is damaged; copy the whole link again',
    ],
    [`${GOOD}&t=${T}`, 'it has more than one parameter t'],
  ])('%s', (link, why) => {
    expect(() => parseLink(link)).toThrow(new UserError(`this is not a pairing link: ${why}`, 2));
  });
});

test('the fingerprint of a key is short enough to compare, and what the Android app shows', () => {
  expect(keyFingerprint(new Uint8Array(32))).toBe('AAAA AAAA AAAA AAAA');
  expect(keyFingerprint(Uint8Array.from({ length: 32 }, (_, at) => at + 200))).toBe(
    'yMnK y8zN zs/Q 0dLT'.replace('/', '_'),
  );
});

test('formatLink refuses what no link can carry', () => {
  const link = { host: 'hub', port: 9000, hubPublicKey: KEY, token: TOKEN };
  for (const host of ['', 'a b', 'a/b', 'fe80::1%eth0', '[::1]', 'hub:1']) {
    expect(() => formatLink({ ...link, host })).toThrow(UserError);
  }
  for (const port of [0, 65_536, 1.5, Number.NaN]) {
    expect(() => formatLink({ ...link, port })).toThrow(UserError);
  }
});

test('whatever it is given, it answers with a link or a UserError of one line without the secret', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string().map((rest) => `restunnel://${rest}`),
    fc.tuple(fc.nat(GOOD.length - 1), fc.string({ maxLength: 3 })).map(([at, insert]) => {
      return GOOD.slice(0, at) + insert + GOOD.slice(at + 1);
    }),
  );
  fc.assert(
    fc.property(text, (link) => {
      try {
        const parsed = parseLink(link);
        expect(parseLink(formatLink(parsed))).toEqual(parsed);
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
        expect((error as UserError).message).not.toContain(T.slice(2, -2));
        expect((error as UserError).message).not.toMatch(/[\n\r]/);
      }
    }),
    { numRuns: 3000 },
  );
});

describe('a link to a web server', () => {
  const query = `?k=${K}&t=${T}`;
  const secrets = { hubPublicKey: KEY, token: TOKEN };

  test.each([
    [`restunnel+wss://hub.example.org/some/path${query}`, 'hub.example.org', 443, true, '/some/path'],
    [`restunnel+wss://hub.example.org:8443/${query}`, 'hub.example.org', 8443, true, '/'],
    [`restunnel+wss://[2001:db8::1]/a%20b${query}`, '2001:db8::1', 443, true, '/a%20b'],
    [`restunnel+wss://[2001:db8::1]:444/x${query}`, '2001:db8::1', 444, true, '/x'],
    [`restunnel+ws://127.0.0.1:9001/x${query}`, '127.0.0.1', 9001, false, '/x'],
  ])('%s', (link, host, port, secure, path) => {
    const parsed = { host, port, webSocket: { secure, path }, ...secrets };
    expect(parseLink(link)).toEqual(parsed);
    expect(formatLink(parsed)).toBe(link);
  });

  test('without a path it is the root', () => {
    expect(parseLink(`restunnel+wss://hub.example.org${query}`).webSocket?.path).toBe('/');
  });

  test.each([
    [`restunnel+ws://hub.example.org/x${query}`, 'only a link to this machine itself goes without TLS'],
    [
      `restunnel+wss://hub.example.org/a b${query}`,
      'its path is too long, or has characters that no path has',
    ],
    [`restunnel+wss:///x${query}`, 'it has no host'],
    [`restunnel+wss://hub.example.org:0/x${query}`, 'its port is not between 1 and 65535'],
    [`restunnel+http://hub.example.org/x${query}`, 'it must begin with restunnel://'],
  ])('%s', (link, why) => {
    expect(() => parseLink(link)).toThrow(new UserError(`this is not a pairing link: ${why}`, 2));
  });

  test.each([
    [{ host: 'hub.example.org', port: 443, path: '/some/path' }, 'wss://hub.example.org/some/path'],
    [
      { host: '2001:db8::1', port: 8443, path: "/a'b&c=%20+d$!" },
      'wss://[2001:db8::1]:8443/a%27b%26c=%2520%2bd%24%21',
    ],
  ])('beside the port of the hub: %j', ({ host, port, path }, text) => {
    const parsed = parseLink(`${GOOD}&w=${text}`);
    const otherWay = { host, port, webSocket: { secure: true, path } };
    expect(parsed).toEqual({ host: 'hub.example.org', port: 9000, ...secrets, otherWay });
    expect(formatLink(parsed)).toBe(`${GOOD}&w=${text}`);
    expect(parseLink(formatLink({ ...parsed, clusterKey: TOKEN }))).toEqual({ ...parsed, clusterKey: TOKEN });
  });

  test.each([
    ...[
      '',
      'hub:9000',
      'wss://',
      'wss://h:0/',
      'ws://hub.example.org/',
      'wss://h/%zz',
      'wss://h/a%20b c',
    ].map((text) => [
      `${GOOD}&w=${text}`,
      'the address of the web server (w=) is damaged; copy the whole link again',
    ]),
    [`${GOOD}&w=wss://h/&w=wss://h/`, 'it has more than one parameter w'],
    [`restunnel+wss://h/x${query}&w=wss://h/`, 'it leads to a web server, and names a second one'],
  ])('%s', (link, why) => {
    expect(() => parseLink(link)).toThrow(new UserError(`this is not a pairing link: ${why}`, 2));
  });

  test('its address alone, for an option', () => {
    expect(parseWebSocketAddress('wss://hub.example.org/some/path', '--x')).toEqual({
      host: 'hub.example.org',
      port: 443,
      webSocket: { secure: true, path: '/some/path' },
    });
    for (const text of [
      'hub.example.org',
      'https://hub.example.org/',
      'wss://h/?a=b',
      'ws://hub.example.org/',
      '',
    ]) {
      expect(() => parseWebSocketAddress(text, '--x')).toThrow(/^--x: give wss:\/\/HOST\/PATH/);
    }
  });
});
