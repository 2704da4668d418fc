import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CLIENT } from '../../src/limits/clients.ts';
import { CHUNKED, NO_BODY } from '../../src/proxy/httpBody.ts';
import { RequestHeadParser } from '../../src/proxy/httpHead.ts';
import { cutsOf, everyByte, mutated, picks } from './cuts.ts';
import { get, lines, post, run } from './requestHeads.ts';

describe('CONNECT', () => {
  test('authority-form (RFC 9110 section 9.3.6), early bytes are left', () => {
    const head = lines('CONNECT server.example.com:443 HTTP/1.1', 'Host: server.example.com');
    expect(run(`${head}\x16\x03\x01`)).toEqual({
      outcome: 'request',
      consumed: head.length,
      kind: 'connect',
      method: 'CONNECT',
      host: 'server.example.com',
      port: 443,
      httpMinor: 1,
      head: '',
      framing: NO_BODY,
      keepAlive: true,
      expectContinue: false,
      upgrade: false,
      user: undefined,
      password: undefined,
    });
  });

  test.each([0, 1])('HTTP/1.%d without Host, as lftp sends it', (minor) => {
    expect(run(lines(`CONNECT a.example:22 HTTP/1.${minor}`))).toMatchObject({
      host: 'a.example',
      port: 22,
      keepAlive: minor === 1,
    });
  });

  test('IPv6 in brackets', () => {
    expect(run(lines('CONNECT [2001:DB8:0::1]:443 HTTP/1.1', 'Host: x'))).toMatchObject({
      host: '2001:db8::1',
      port: 443,
    });
  });

  test('Content-Length: 0 means no body', () => {
    expect(run(lines('CONNECT a:1 HTTP/1.1', 'Host: a', 'Content-Length: 0'))).toMatchObject({
      outcome: 'request',
    });
  });

  test.each([
    'a',
    'a:',
    'a:0',
    'a:65536',
    'a:8o',
    'a:+80',
    ':443',
    '[::1]',
    '[::1',
    '[::1]443',
    '::1:443',
    '[1.2.3.4]:80',
    'a/b:80',
    'http://a:80',
    'a:80/',
    'a\x80:1',
  ])('target %s is no host and port', (target) =>
    expect(run(lines(`CONNECT ${target} HTTP/1.1`, 'Host: a'))).toMatchObject({ outcome: 'badTarget' }),
  );
});

describe('absolute-form', () => {
  test.each([
    ['/', 'proxy, not a web server'],
    ['*', 'proxy, not a web server'],
    ['//example.com/', 'proxy, not a web server'],
    ['https://example.com/', 'CONNECT'],
    ['ftp://example.com/', 'CONNECT'],
    ['example.com', 'CONNECT'],
    ['http:/example.com', 'CONNECT'],
    ['http://user@example.com/', 'user name'],
    ['http://user:80@example.com/', 'user name'],
    ['http://example.com/#x', 'request line'],
  ])('target %s is refused with a sentence', (target, sentence) => {
    const result = run(lines(`OPTIONS ${target} HTTP/1.1`, 'Host: example.com'));
    expect(result.outcome).toBe('badRequest');
    expect(result.detail).toContain(sentence);
  });

  test.each([
    'http://',
    'http:///x',
    'http://:80/',
    'http://:/',
    'http://a:0/',
    'http://a:99999/',
    'http://a%20b/',
    'http://[::1/',
    'http://[::1]x/',
    'http://::1/',
    'http://a\\b/',
  ])('target %s is no host and port', (target) =>
    expect(run(lines(`GET ${target} HTTP/1.1`, 'Host: a'))).toMatchObject({ outcome: 'badTarget' }),
  );
});

describe('Max-Forwards (RFC 9110 section 7.6.2)', () => {
  const limited = (method: string, ...headers: string[]) =>
    run(lines(`${method} http://a.example/x HTTP/1.1`, 'Host: a.example', ...headers));

  test('OPTIONS ends here at 0, whatever else Max-Forwards says', () => {
    for (const headers of [['Max-Forwards: 0'], ['Max-Forwards: 7', 'Max-Forwards: 00']]) {
      expect(limited('OPTIONS', ...headers)).toMatchObject({
        kind: 'lastHop',
        head: lines('HTTP/1.1 200 OK', 'Content-Length: 0', 'Connection: close'),
      });
    }
  });

  test('TRACE ends here at 0 and shows the request, without what is secret', () => {
    const shown = lines(
      'TRACE http://a.example/x HTTP/1.1',
      'Host: a.example',
      'Max-Forwards: 0',
      'X:  y',
      'Connection: keep-alive',
    );
    const secret = ['Authorization: a', 'cookie: b', 'Proxy-Authorization: Basic YTpi'];
    const result = run(shown.replace('X:', `${secret.join('\r\n')}\r\nX:`));
    const head = ['Content-Type: message/http', `Content-Length: ${shown.length}`, 'Connection: close'];
    expect(result).toMatchObject({
      kind: 'lastHop',
      user: 'a',
      head: lines('HTTP/1.1 200 OK', ...head) + shown,
    });
    const large = `X: ${'x'.repeat(CLIENT.httpTraceMaxBytes)}`;
    expect(limited('TRACE', 'Max-Forwards: 0', large)).toMatchObject({ outcome: 'headTooLarge' });
  });
});

describe('request line', () => {
  test.each([
    'GET  http://a/ HTTP/1.1',
    'GET http://a/  HTTP/1.1',
    'GET http://a/ HTTP/1.1 ',
    ' GET http://a/ HTTP/1.1',
    'GET\thttp://a/\tHTTP/1.1',
    'GET http://a/ b HTTP/1.1',
    'GET http://a/',
    'GET',
    'G(T http://a/ HTTP/1.1',
    'G\xe9T http://a/ HTTP/1.1',
    'GET http://a/ HTTP/1.2',
    'GET http://a/ HTTP/2.0',
    'GET http://a/ http/1.1',
    'GET http://a/ HTTP/1.10',
    'PRI * HTTP/2.0',
  ])('%j is refused', (line) => expect(run(lines(line, 'Host: a'))).toMatchObject({ outcome: 'badRequest' }));

  test('a few empty lines before it are accepted (RFC 9112 section 2.2)', () => {
    const crlf = '\r\n'.repeat(CLIENT.httpLeadingEmptyLinesMax);
    expect(run(crlf + get())).toMatchObject({ outcome: 'request', consumed: crlf.length + get().length });
    expect(run(`${crlf}\r\n${get()}`)).toMatchObject({ outcome: 'badRequest' });
  });

  test('bytes that are not HTTP are refused at once', () => {
    for (const text of ['\x16\x03\x01', '\x05\x01\0', 'GET / HTTP/1.1\n'])
      expect(run(text).outcome).toBe('badRequest');
  });
});

describe('headers', () => {
  test.each([
    ['a bare LF', 'GET http://a/ HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n'],
    ['a bare CR', 'GET http://a/ HTTP/1.1\r\nHost: a\rX: 1\r\n\r\n'],
    ['CR CR LF', 'GET http://a/ HTTP/1.1\r\nHost: a\r\r\n\r\n'],
    ['a NUL', get('X: a\0b')],
    ['a control character', get('X: a\x1bb')],
    ['DEL', get('X: a\x7fb')],
    ['a folded line (RFC 9112 section 5.2)', get('X: a', ' b')],
    ['a folded first line', lines('GET http://a/ HTTP/1.1', '\tHost: a')],
    ['a space before the colon (RFC 9112 section 5.1)', get('X : a')],
    ['a tab before the colon', get('X\t: a')],
    ['an empty name', get(': a')],
    ['no colon', get('X')],
    ['a name that is no token', get('X[]: a')],
    ['a name beyond ASCII', get('X\xe9: a')],
    ['no Host in HTTP/1.1', lines('GET http://a/ HTTP/1.1')],
    ['two Hosts', get('Host: example.com')],
    ['two Hosts in HTTP/1.0', lines('GET http://a/ HTTP/1.0', 'Host: a', 'HOST: a')],
    ['two Proxy-Authorizations', get('Proxy-Authorization: Basic YTpi', 'Proxy-Authorization: Basic YTpi')],
    ['broken base64', get('Proxy-Authorization: Basic Y*pi')],
    ['no colon in the credentials', get('Proxy-Authorization: Basic YWJj')],
    ['an endless Connection', get(`Connection: ${'x,'.repeat(CLIENT.httpConnectionOptionsMax + 1)}`)],
    ['no credentials', get('Proxy-Authorization: Basic  ')],
  ])('%s is refused', (_, text) => expect(run(text)).toMatchObject({ outcome: 'badRequest' }));

  test('the detail says which header rule was broken', () => {
    expect(run(get('X : a')).detail).toContain('colon');
    expect(run(get('X: a', ' b')).detail).toContain('folded');
    expect(run(get('Host: b')).detail).toContain('Host');
  });

  test('credentials: UTF-8, a bare user, another scheme', () => {
    const basic = (pair: string) =>
      run(get(`proxy-authorization: bAsIc ${Buffer.from(pair).toString('base64')}`));
    expect(basic('zoë:pässword')).toMatchObject({ user: 'zoë', password: 'pässword' });
    expect(basic('alice:')).toMatchObject({ user: 'alice', password: '' });
    expect(run(get('Proxy-Authorization: Bearer x'))).toMatchObject({ outcome: 'request', user: undefined });
  });

  test.each<[string, string, boolean]>([
    ['HTTP/1.1', 'Accept: a', true],
    ['HTTP/1.1', 'Connection: close', false],
    ['HTTP/1.1', 'connection: x, CLOSE', false],
    ['HTTP/1.1', 'Proxy-Connection: close', false],
    ['HTTP/1.1', 'Connection: closed', true],
    ['HTTP/1.0', 'Accept: a', false],
    ['HTTP/1.0', 'Connection: Keep-Alive', true],
    ['HTTP/1.0', 'Proxy-Connection: keep-alive', true],
    ['HTTP/1.0', 'Connection: keep-alive, close', false],
  ])('%s with %s: keep-alive %s (RFC 9112 section 9.3)', (version, header, keepAlive) => {
    expect(run(lines(`GET http://a/ ${version}`, 'Host: a', header))).toMatchObject({ keepAlive });
  });

  test('Expect: 100-continue is seen and passed on, in HTTP/1.1 only', () => {
    const result = run(post('Expect: 100-Continue', 'Content-Length: 5'));
    expect(result).toMatchObject({ expectContinue: true, framing: 5 });
    expect(result.head).toContain('Expect: 100-Continue\r\n');
    const old = lines('POST http://a/ HTTP/1.0', 'Expect: 100-continue', 'Content-Length: 5');
    expect(run(old)).toMatchObject({ expectContinue: false });
  });

  test('a WebSocket upgrade is kept (RFC 6455 section 4.1)', () => {
    const result = run(
      get('Connection: keep-alive, Upgrade', 'Upgrade: WebSocket', 'Sec-WebSocket-Version: 13'),
    );
    expect(result).toMatchObject({ upgrade: true });
    expect(result.head).toBe(
      lines(
        'GET /a HTTP/1.1',
        'Host: example.com',
        'Connection: Upgrade',
        'Upgrade: WebSocket',
        'Sec-WebSocket-Version: 13',
      ),
    );
  });

  test.each([
    ['h2c', get('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__')],
    ['one that Connection does not name', get('Upgrade: websocket')],
    ['HTTP/1.0', lines('GET http://a/ HTTP/1.0', 'Connection: Upgrade', 'Upgrade: websocket')],
    ['one with a body', get('Connection: Upgrade', 'Upgrade: websocket', 'Content-Length: 3')],
    ['two', get('Connection: Upgrade', 'Upgrade: websocket', 'Upgrade: websocket')],
  ])('an upgrade is left out: %s', (_, text) => {
    const result = run(text);
    expect(result).toMatchObject({ outcome: 'request', upgrade: false });
    expect(result.head).not.toMatch(/upgrade|http2/i);
    expect(result.head).toContain('Connection: close\r\n');
  });
});

describe('framing of the body, and smuggling', () => {
  test.each<[number, string[]]>([
    [NO_BODY, []],
    [NO_BODY, ['Content-Length: 0']],
    [42, ['content-length:\t42 ']],
    [7, ['Content-Length: 007']],
    [Number.MAX_SAFE_INTEGER, ['Content-Length: 9007199254740991']],
    [CHUNKED, ['Transfer-Encoding: chunked']],
    [CHUNKED, ['Transfer-Encoding:\tChunked\t']],
    [CHUNKED, ['transfer-encoding: gzip, chunked']],
  ])('%d: %j', (framing, headers) => {
    const result = run(post(...headers));
    expect(result).toMatchObject({ outcome: 'request', framing });
    for (const header of headers) expect(result.head).toContain(`${header.trim()}\r\n`);
  });

  test.each([
    [['Content-Length: 5', 'Transfer-Encoding: chunked']],
    [['Transfer-Encoding: chunked', 'Content-Length: 5']],
    [['Content-Length: 5', 'Content-Length: 6']],
    [['Content-Length: 5', 'Content-Length: 5']],
    [['Content-Length: 0', 'Content-Length: 0']],
    [['Content-Length: 5,5']],
    [['Content-Length: 5, 5']],
    [['Content-Length: +5']],
    [['Content-Length: -5']],
    [['Content-Length: 5 5']],
    [['Content-Length: 0x5']],
    [['Content-Length: 5.0']],
    [['Content-Length: 5e1']],
    [['Content-Length:']],
    [['Content-Length: 9007199254740992']],
    [['Content-Length: 99999999999999999999999999']],
    [['Content-Length : 5']],
    [['Transfer-Encoding: identity']],
    [['Transfer-Encoding: xchunked']],
    [['Transfer-Encoding: chunkedx']],
    [['Transfer-Encoding: chunked, identity']],
    [['Transfer-Encoding: chunked, chunked']],
    [['Transfer-Encoding: chunked,']],
    [['Transfer-Encoding: ,chunked']],
    [['Transfer-Encoding: chunked;q=1']],
    [['Transfer-Encoding: "chunked"']],
    [['Transfer-Encoding: \x0bchunked']],
    [['Transfer-Encoding: chun ked']],
    [['Transfer-Encoding:']],
    [['Transfer-Encoding', ' : chunked']],
    [['Transfer-Encoding : chunked']],
    [['Transfer-Encoding:', ' chunked']],
    [[' Transfer-Encoding: chunked']],
    [['X: y\nTransfer-Encoding: chunked']],
    [['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked']],
    [['Transfer-Encoding: gzip', 'Transfer-Encoding: chunked']],
    [['Transfer-Encoding: chunked', 'Transfer-encoding: x']],
    [['Connection: Content-Length', 'Content-Length: 5']],
    [['Connection: close, transfer-encoding', 'Transfer-Encoding: chunked']],
    [['Connection: host']],
  ])('%j is refused', (headers) => expect(run(post(...headers))).toMatchObject({ outcome: 'badRequest' }));

  test('Transfer-Encoding in HTTP/1.0, and a body for CONNECT, are refused', () => {
    const old = lines('POST http://a/ HTTP/1.0', 'Transfer-Encoding: chunked');
    expect(run(old)).toMatchObject({ outcome: 'badRequest' });
    for (const header of ['Content-Length: 5', 'Transfer-Encoding: chunked']) {
      expect(run(lines('CONNECT a:1 HTTP/1.1', 'Host: a', header))).toMatchObject({ outcome: 'badRequest' });
    }
  });
});

describe('bounds', () => {
  test('a head of exactly the largest size passes, one byte more does not', () => {
    const room = CLIENT.httpHeadMaxBytes - get('X: ').length;
    const largest = get(`X: ${'a'.repeat(room)}`);
    expect(run(largest)).toMatchObject({ outcome: 'request', consumed: CLIENT.httpHeadMaxBytes });
    expect(run(largest, [largest.length - 3, largest.length - 1])).toEqual(run(largest));
    const over = get(`X: ${'a'.repeat(room + 1)}`);
    for (const cuts of [[], [over.length - 2], [over.length - 1]]) {
      expect(run(over, cuts)).toMatchObject({ outcome: 'headTooLarge' });
    }
  });

  test('a head that never ends is refused as soon as it is too large', () => {
    expect(run('G'.repeat(CLIENT.httpHeadMaxBytes - 1))).toEqual({ outcome: 'more' });
    expect(run('G'.repeat(CLIENT.httpHeadMaxBytes))).toMatchObject({ outcome: 'headTooLarge' });
  });

  test('the longest authority, written twice because Host is missing, fits the scratch buffer', () => {
    const target = `http://${'a'.repeat(255)}:65535`;
    const room = CLIENT.httpHeadMaxBytes - lines(`OPTIONS ${target} HTTP/1.0`, 'X: ').length;
    const result = run(lines(`OPTIONS ${target} HTTP/1.0`, `X: ${'a'.repeat(room)}`));
    expect(result.head).toContain(`OPTIONS * HTTP/1.1\r\nHost: ${'a'.repeat(255)}:65535\r\nX: a`);
  });

  test('the largest number of headers passes, one more does not', () => {
    const many = (count: number) => get(...Array.from({ length: count - 1 }, (_, i) => `X-${i}: y`));
    expect(run(many(CLIENT.httpHeaderCountMax))).toMatchObject({ outcome: 'request' });
    expect(run(many(CLIENT.httpHeaderCountMax + 1))).toMatchObject({ outcome: 'headTooLarge' });
  });
});

test('one parser reads request after request', () => {
  const first = post('Content-Length: 0');
  const both = Buffer.from(first + get('X: 1'));
  const parser = new RequestHeadParser();
  const taken = parser.parse(both, 0, both.length);
  expect(taken).toBe(first.length);
  expect(parser.request!.method).toBe('POST');
  const { head } = parser.request!;
  expect(parser.parse(both, taken, both.length - 1)).toBe(0);
  expect(parser.request).toBeUndefined();
  expect(parser.parse(both, taken, both.length)).toBe(both.length - taken);
  expect(parser.request!.method).toBe('GET');
  // The first head is memory of its own.
  expect(Buffer.from(head).toString()).toContain('POST /a');
});

describe('any cut, any bytes', () => {
  const header = fc.constantFrom(
    'Content-Length: 5',
    'Transfer-Encoding: chunked',
    'Connection: close, x-a',
    'Connection: keep-alive, content-length',
    'Proxy-Connection: keep-alive',
    'Proxy-Authorization: Basic YTpi',
    'Upgrade: websocket',
    'Connection: upgrade',
    'Expect: 100-continue',
    'X-A: b',
    'TE: trailers',
    'Max-Forwards: 1',
    'Max-Forwards: 0',
    'Host: b',
  );
  const line = fc.constantFrom(
    'GET http://a/ HTTP/1.1',
    'POST http://a:81/x?y HTTP/1.0',
    'CONNECT a:443 HTTP/1.1',
    'CONNECT [::1]:443 HTTP/1.0',
    'OPTIONS http://[::1] HTTP/1.1',
    'GET / HTTP/1.1',
    'TRACE http://a/ HTTP/1.0',
  );
  const message = fc
    .tuple(
      fc.constantFrom('', '', '\r\n'),
      line,
      fc.array(header, { maxLength: 5 }),
      fc.string({ maxLength: 5 }),
    )
    .map(([empty, first, rest, early]) => empty + lines(first, 'Host: a', ...rest) + early);
  const anything = fc.oneof(
    { weight: 8, arbitrary: mutated(message) },
    {
      weight: 1,
      arbitrary: fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    },
  );

  test('the bytes read the same wherever they are cut, and what is forwarded is sound', () => {
    const outcomes = new Set<string>();
    fc.assert(
      fc.property(anything, picks, (text, numbers) => {
        const whole = run(text);
        outcomes.add(whole.outcome);
        expect(run(text, cutsOf(numbers, text.length))).toEqual(whole);
        expect(run(text, everyByte(text.length))).toEqual(whole);
        if (whole.kind === 'forward') soundHead(whole.head!, whole.framing!, whole.upgrade!);
      }),
      { numRuns: 4_000 },
    );
    expect([...outcomes].sort()).toEqual(['badRequest', 'badTarget', 'more', 'request']);
  });

  /** What any recipient would make of the rewritten head, read naively. */
  function soundHead(head: string, framing: number, upgrade: boolean): void {
    expect(head.endsWith('\r\n\r\n')).toBe(true);
    const [first, ...rest] = head.slice(0, -4).split('\r\n');
    expect(first).toMatch(/^[^\s()]+ (\/\S*|\*) HTTP\/1\.1$/);
    const fields = rest.map((field) => /^([^\s:]+):[ \t]*(.*)$/.exec(field)!.slice(1));
    const values = (name: string) =>
      fields.filter(([key]) => key!.toLowerCase() === name).map(([, value]) => value!);
    expect(values('host').length).toBe(1);
    expect(values('connection')).toEqual([upgrade ? 'Upgrade' : 'close']);
    for (const name of ['proxy-connection', 'proxy-authorization', 'te', 'keep-alive'])
      expect(values(name)).toEqual([]);
    expect(values('transfer-encoding').length).toBe(framing === CHUNKED ? 1 : 0);
    if (values('content-length').length > 0) expect(values('content-length').map(Number)).toEqual([framing]);
    else expect(framing).toBeLessThanOrEqual(0);
    expect(head).not.toMatch(/[^\r]\n|\r[^\n]|\0/);
  }
});
