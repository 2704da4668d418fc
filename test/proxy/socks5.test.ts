import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FAILURES } from '../../src/model/failures.ts';
import { encodeSocksReply, SOCKS, Socks5Parser } from '../../src/proxy/socks5.ts';
import { type SocksOutcome, socksTwin } from './socks5Twin.ts';

/** What a server does with a connection: bytes arrive in pieces, replies go out, parsing stops at the end of the request. */
function run(input: Uint8Array, cuts: readonly number[]): SocksOutcome {
  const parser = new Socks5Parser();
  // Bytes around the input must never be looked at, so they are poison.
  const buffer = new Uint8Array(input.length + 20).fill(0xee);
  const replies: number[] = [];
  let consumed = 0;
  for (const cut of [...cuts, input.length]) {
    buffer.set(input.subarray(0, cut), 10);
    for (;;) {
      const taken = parser.feed(buffer, 10 + consumed, 10 + cut);
      expect(taken).toBeGreaterThanOrEqual(0);
      expect(consumed + taken).toBeLessThanOrEqual(cut);
      replies.push(...parser.reply);
      consumed += taken;
      if (parser.state === SOCKS.checking) {
        parser.admit();
        replies.push(...parser.reply);
      } else if (taken === 0) break;
    }
  }
  const { state, failure, host, port, user, password, isAssociate: associate } = parser;
  if (state === SOCKS.failed) return { outcome: 'failed', failure, replies };
  if (state !== SOCKS.ready) return { outcome: 'more', replies };
  return { outcome: 'ready', associate, host, port, user, password, consumed, replies };
}

const bytesOf = (...parts: (number | string | readonly number[])[]) =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === 'string' ? [...Buffer.from(part)] : part)));
const NO_AUTH = [5, 1, 0];
const domain = (name: string, port = 443) => [
  5,
  1,
  0,
  3,
  Buffer.byteLength(name),
  ...Buffer.from(name),
  port >> 8,
  port & 255,
];
const afterGreeting = (request: readonly number[]) => run(bytesOf(NO_AUTH, request), []);

describe('accepted requests', () => {
  test('a domain without authentication; the bytes after it are left', () => {
    expect(run(bytesOf(NO_AUTH, domain('example.com'), 'GET /'), [])).toEqual({
      outcome: 'ready',
      associate: false,
      host: 'example.com',
      port: 443,
      user: undefined,
      password: undefined,
      consumed: 3 + 4 + 1 + 11 + 2,
      replies: [5, 0],
    });
  });

  test('UDP ASSOCIATE, with or without the port that datagrams will come from', () => {
    const known = { outcome: 'ready', associate: true, host: '127.0.0.1', port: 5_353 };
    expect(afterGreeting([5, 3, 0, 1, 127, 0, 0, 1, 0x14, 0xe9])).toMatchObject(known);
    const unknown = { outcome: 'ready', associate: true, host: '0.0.0.0', port: 0 };
    expect(afterGreeting([5, 3, 0, 1, 0, 0, 0, 0, 0, 0])).toMatchObject(unknown);
  });

  test('IPv4 and IPv6 addresses', () => {
    expect(afterGreeting([5, 1, 0, 1, 192, 0, 2, 7, 0x1f, 0x90])).toMatchObject({
      host: '192.0.2.7',
      port: 8080,
    });
    const ipv6 = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    expect(afterGreeting([5, 1, 0, 4, ...ipv6, 0, 80])).toMatchObject({ host: '2001:db8::1', port: 80 });
  });

  test('a domain that is an IP literal stays text', () => {
    expect(afterGreeting(domain('127.0.0.1'))).toMatchObject({ outcome: 'ready', host: '127.0.0.1' });
    expect(afterGreeting(domain('0:0::1'))).toMatchObject({ outcome: 'ready', host: '::1' });
  });

  test('user and password are preferred when offered (RFC 1929)', () => {
    const input = bytesOf([5, 2, 0, 2, 1, 5], 'alice', [3], 'p:w', domain('a'));
    expect(run(input, [])).toMatchObject({
      outcome: 'ready',
      user: 'alice',
      password: 'p:w',
      replies: [5, 2, 1, 0],
    });
    const empty = bytesOf([5, 1, 2, 1, 0, 0], domain('a'));
    expect(run(empty, [])).toMatchObject({ outcome: 'ready', user: '', password: '' });
  });
});

describe('user names that the caller checks', () => {
  const named = bytesOf([5, 1, 2, 1, 5], 'alice', [3], 'p:w', domain('a'));

  test('nothing is read or answered before admit() or deny()', () => {
    const parser = new Socks5Parser();
    let at = parser.feed(named, 0, named.length);
    at += parser.feed(named, at, named.length);
    expect(parser).toMatchObject({ state: SOCKS.checking, user: 'alice', password: 'p:w' });
    expect([parser.feed(named, at, named.length), parser.reply.length]).toEqual([0, 0]);
    parser.deny('badUsername');
    expect(parser).toMatchObject({ state: SOCKS.failed, failure: 'badUsername' });
    expect([...parser.reply]).toEqual([1, 1]);
    expect(parser.feed(named, at, named.length)).toBe(0);
  });

  test('when user names are required, a client without one is refused at its greeting', () => {
    const parser = new Socks5Parser(true);
    expect(parser.feed(Uint8Array.from(NO_AUTH), 0, 3)).toBe(0);
    expect([...parser.reply]).toEqual([5, 0xff]);
    expect(parser.failure).toBe('authRequired');
    const able = new Socks5Parser(true);
    expect(able.feed(Uint8Array.of(5, 2, 0, 2), 0, 4)).toBe(4);
    expect([...able.reply]).toEqual([5, 2]);
  });
});

describe('refused requests', () => {
  test.each<[string, readonly number[], string, readonly number[]]>([
    ['SOCKS4', [4, 1, 0, 80, 1, 2, 3, 4, 0], 'badRequest', []],
    ['HTTP on the SOCKS port', [...Buffer.from('GET / HTTP/1.1\r\n')], 'badRequest', []],
    ['no method offered', [5, 0], 'badRequest', [5, 0xff]],
    ['only GSSAPI offered', [5, 1, 1], 'badRequest', [5, 0xff]],
    ['wrong version of the credentials', [5, 1, 2, 5, 1, 65, 1, 65], 'badRequest', [5, 2]],
    ['wrong version of the request', [...NO_AUTH, 4], 'badRequest', [5, 0]],
    [
      'BIND',
      [...NO_AUTH, 5, 2, 0, 1, 1, 2, 3, 4, 0, 80],
      'commandNotSupported',
      [5, 0, ...encodeSocksReply(7)],
    ],
    [
      'UDP ASSOCIATE with an unknown address',
      [...NO_AUTH, 5, 3, 0, 9],
      'addressNotSupported',
      [5, 0, ...encodeSocksReply(8)],
    ],
    [
      'an unknown command with an unknown address',
      [...NO_AUTH, 5, 9, 0, 9],
      'commandNotSupported',
      [5, 0, ...encodeSocksReply(7)],
    ],
    [
      'an unknown address type',
      [...NO_AUTH, 5, 1, 0, 2],
      'addressNotSupported',
      [5, 0, ...encodeSocksReply(8)],
    ],
    ['port 0', [...NO_AUTH, ...domain('a', 0)], 'badTarget', [5, 0, ...encodeSocksReply(1)]],
    ['an empty domain', [...NO_AUTH, ...domain('')], 'badTarget', [5, 0, ...encodeSocksReply(1)]],
    ['a NUL in the domain', [...NO_AUTH, ...domain('a\0b')], 'badTarget', [5, 0, ...encodeSocksReply(1)]],
    ['a space in the domain', [...NO_AUTH, ...domain('a b')], 'badTarget', [5, 0, ...encodeSocksReply(1)]],
    ['brackets', [...NO_AUTH, ...domain('[::1]')], 'badTarget', [5, 0, ...encodeSocksReply(1)]],
  ])('%s', (_, input, failure, replies) => {
    expect(run(Uint8Array.from(input), [])).toEqual({ outcome: 'failed', failure, replies });
  });

  test('BIND is answered only when it is whole', () => {
    const bind = bytesOf(NO_AUTH, [5, 2, 0, 1, 1, 2, 3, 4, 0]);
    expect(run(bind, []).outcome).toBe('more');
  });

  test('nothing is consumed after the end', () => {
    const parser = new Socks5Parser();
    parser.feed(Uint8Array.of(4), 0, 1);
    expect(parser.feed(Uint8Array.of(5, 1, 0), 0, 3)).toBe(0);
    expect(parser.reply.length).toBe(0);
  });
});

describe('any cut, any bytes', () => {
  const small = fc.integer({ min: 0, max: 6 });
  const text = fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6(), fc.string({ maxLength: 12 }));
  const almostValid = fc
    .tuple(
      fc.constantFrom([5, 1, 0], [5, 2, 0, 2], [5, 1, 2], [5, 3, 9, 8, 0], [5, 1, 1], [5, 0], [4, 1]),
      fc.option(
        fc.tuple(fc.constantFrom(1, 1, 1, 5), fc.string({ maxLength: 9 }), fc.string({ maxLength: 9 })),
      ),
      fc.tuple(
        fc.constantFrom(5, 5, 5, 4),
        fc.constantFrom(1, 1, 1, 2, 3),
        small,
        fc.constantFrom(1, 3, 3, 4, 2),
      ),
      text,
      fc.uint8Array({ maxLength: 24 }),
    )
    .map(([greeting, credentials, request, host, rest]) => {
      const parts: (number | string | readonly number[])[] = [greeting];
      if (credentials !== null) {
        const [version, user, password] = credentials;
        parts.push([version, Buffer.byteLength(user)], user, [Buffer.byteLength(password)], password);
      }
      parts.push(request);
      if (request[3] === 3) parts.push([Buffer.byteLength(host) & 255], host);
      return bytesOf(...parts, [...rest]);
    });
  const anything = fc.oneof(
    { weight: 5, arbitrary: almostValid },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 64 }) },
    { weight: 1, arbitrary: fc.array(small, { maxLength: 40 }).map((list) => Uint8Array.from(list)) },
  );

  test('agrees with the naive twin wherever the bytes are cut', () => {
    const outcomes = new Set<string>();
    fc.assert(
      fc.property(anything, fc.array(fc.nat(), { maxLength: 8 }), (input, picks) => {
        const cuts = picks.map((pick) => pick % (input.length + 1)).sort((a, b) => a - b);
        const whole = run(input, []);
        outcomes.add(whole.outcome === 'failed' ? whole.failure : whole.outcome);
        expect(whole).toEqual(socksTwin(input));
        expect(run(input, cuts)).toEqual(whole);
        expect(
          run(
            input,
            Array.from({ length: input.length }, (_, at) => at),
          ),
        ).toEqual(whole);
      }),
      { numRuns: 3_000 },
    );
    const all = ['addressNotSupported', 'badRequest', 'badTarget', 'commandNotSupported', 'more', 'ready'];
    expect([...outcomes].sort()).toEqual(all);
  });
});

test('every failure has a reply to encode', () => {
  for (const { socksReply } of Object.values(FAILURES)) {
    expect([...encodeSocksReply(socksReply)]).toEqual([5, socksReply, 0, 1, 0, 0, 0, 0, 0, 0]);
  }
  expect(() => encodeSocksReply(9)).toThrow(RangeError);
});
