import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nodeFields, responseFields } from '../../src/engine/nodeFields.ts';
import { CLIENT } from '../../src/limits/clients.ts';
import { CHUNKED, NO_BODY, UNTIL_CLOSE } from '../../src/proxy/httpBody.ts';
import { type RequestFacts, ResponseHeadParser } from '../../src/proxy/httpResponse.ts';
import { cutsOf, everyByte, feedHead, mutated, picks } from './cuts.ts';

const GET: RequestFacts = { method: 'GET', httpMinor: 1, keepAlive: true, upgrade: false };
const HEAD: RequestFacts = { ...GET, method: 'HEAD' };
const OLD: RequestFacts = { ...GET, httpMinor: 0 };
/** What a client with a kept connection reads. */
const KEPT = ['Connection: keep-alive', `Keep-Alive: timeout=${CLIENT.keepAliveAnnouncedSeconds}`];
const WEBSOCKET: RequestFacts = { ...GET, upgrade: true };

function run(text: string, request = GET, cuts: readonly number[] = []) {
  const parser = new ResponseHeadParser(request);
  const consumed = feedHead(Buffer.from(text, 'latin1'), cuts, (...span) => parser.parse(...span));
  const outcome = consumed === 0 ? 'more' : consumed < 0 ? 'badResponse' : 'response';
  if (outcome !== 'response') return { outcome, detail: parser.detail };
  const { status, interim, framing, switched, keepAlive } = parser;
  const head = Buffer.from(parser.head).toString('latin1');
  return { outcome, consumed, head, status, interim, framing, switched, keepAlive };
}

const lines = (...list: string[]) => `${list.join('\r\n')}\r\n\r\n`;
const ok = (...headers: string[]) => lines('HTTP/1.1 200 OK', ...headers);

describe('rewriting', () => {
  test('the proxy’s lines about the node follow the target’s, which cannot contain the same', () => {
    const parser = new ResponseHeadParser(GET);
    parser.ownFields = Buffer.from('Proxy-Status: restunnel\r\nX-Restunnel-Node: a\r\n');
    const said = Buffer.from(
      lines('HTTP/1.1 103 Early Hints', 'Link: <a>') +
        ok(
          'Proxy-Status: cdn',
          'x-restunnel-NODE: b',
          'X-Restunnel-Session: b',
          'X-Restunnel-Exit-IP: b',
          'Content-Length: 0',
        ),
    );
    const interim = parser.parse(said, 0, said.length);
    expect(Buffer.from(parser.head).toString()).toBe(lines('HTTP/1.1 103 Early Hints', 'Link: <a>'));
    expect(parser.parse(said, interim, said.length)).toBe(said.length - interim);
    expect(Buffer.from(parser.head).toString()).toBe(
      ok('Proxy-Status: cdn', 'Content-Length: 0', ...KEPT, 'Proxy-Status: restunnel', 'X-Restunnel-Node: a'),
    );
  });

  test('the largest head leaves room for the longest name, session and address', () => {
    const { fields } = nodeFields('n'.repeat(64), '', `1${':1111'.repeat(8)}`);
    const parser = new ResponseHeadParser(GET);
    parser.ownFields = responseFields(fields, 's'.repeat(64));
    const filler = 'x'.repeat(CLIENT.httpHeadMaxBytes - ok('X: ').length);
    const largest = Buffer.from(ok(`X: ${filler}`));
    expect(parser.parse(largest, 0, largest.length)).toBe(CLIENT.httpHeadMaxBytes);
    expect(parser.head.length).toBeGreaterThan(CLIENT.httpHeadMaxBytes + parser.ownFields.length);
  });

  test('hop-by-hop headers go, order and spelling stay, the body is left', () => {
    const head = ok(
      'Server: x',
      'Connection: close, X-Hop',
      'content-LENGTH: 5',
      'X-Hop: 1',
      'Keep-Alive: timeout=5',
      'Proxy-Connection: close',
      'Proxy-Authenticate: Basic',
      'Upgrade: h2c',
      'TE: x',
      'Trailer: y',
      'Via: 1.1 target',
      'Set-Cookie: a=\xe9 ',
    );
    expect(run(`${head}hello`)).toEqual({
      outcome: 'response',
      consumed: head.length,
      status: 200,
      interim: false,
      switched: false,
      framing: 5,
      keepAlive: true,
      head: ok(
        'Server: x',
        ...KEPT,
        'content-LENGTH: 5',
        'Trailer: y',
        'Via: 1.1 target',
        'Set-Cookie: a=\xe9',
      ),
    });
  });

  test.each([
    ['HTTP/1.1 200', 'HTTP/1.1 200 '],
    ['HTTP/1.1 200 ', 'HTTP/1.1 200 '],
    ['HTTP/1.0 404 Not \xe9 Found', 'HTTP/1.1 404 Not \xe9 Found'],
    ['HTTP/1.1 999 Denied', 'HTTP/1.1 999 Denied'],
  ])('%j is sent on as %j', (line, rewritten) => {
    expect(run(lines(line, 'Content-Length: 0'))).toMatchObject({
      head: lines(rewritten, 'Content-Length: 0', ...KEPT),
    });
  });

  test('blanks before a colon are removed (RFC 9112 section 5.1)', () => {
    expect(run(ok('X \t: y', 'Content-Length : 3'))).toMatchObject({
      framing: 3,
      head: ok('X: y', 'Content-Length: 3', ...KEPT),
    });
  });

  test.each([
    ['no token for a name', ['X(y): 1'], []],
    ['a space in a name', ['X y: 1'], []],
    ['a name beyond ASCII', ['X\xe9: 1'], []],
    ['a control character in a name', ['X\x01: 1'], []],
    ['no name', [': a'], []],
    ['no colon', ['Warning'], []],
    ['a folded line behind one that is left out', ['X(y): 1', ' z'], []],
    ['control characters in a value', ['X: a\x01\x1b\x7fb'], ['X: a\x01\x1b\x7fb']],
    ['folded lines', ['X: a', '\t b', ' c', 'Y:', ' d'], ['X: a  \t b   c', 'Y:   d']],
  ])('a site’s malformed line is left out or repaired, and the page is shown: %s', (_, sent, passed) => {
    const text = ok('A: b', ...sent, 'Content-Length: 2');
    const shown = run(`${text}ok`);
    expect(shown).toMatchObject({ framing: 2, head: ok('A: b', ...passed, 'Content-Length: 2', ...KEPT) });
    expect(run(`${text}ok`, GET, everyByte(text.length))).toEqual(shown);
  });

  test('an indented first line is left out', () => {
    expect(run(ok(' X: a', 'Content-Length: 2'))).toMatchObject({ head: ok('Content-Length: 2', ...KEPT) });
  });

  test('a final response before the end of the request closes the connection (RFC 9112 section 9.6)', () => {
    const parser = new ResponseHeadParser(GET);
    parser.requestIsWhole = false;
    const said = Buffer.from(lines('HTTP/1.1 100 Continue') + ok('Content-Length: 0'));
    const interim = parser.parse(said, 0, said.length);
    expect(parser.parse(said, interim, said.length)).toBe(said.length - interim);
    expect(parser.keepAlive).toBe(false);
    expect(Buffer.from(parser.head).toString()).toBe(ok('Content-Length: 0', 'Connection: close'));
  });

  test('an HTTP/1.0 client that is answered in chunks gets their data until its connection ends', () => {
    const parser = new ResponseHeadParser({ ...OLD, keepAlive: true });
    const said = Buffer.from(ok('Transfer-Encoding: chunked', 'Content-Length: 9'));
    expect(parser.parse(said, 0, said.length)).toBe(said.length);
    expect(parser).toMatchObject({ framing: CHUNKED, unchunked: true, keepAlive: false });
    expect(Buffer.from(parser.head).toString()).toBe(ok('Connection: close'));
  });

  test('a client that wants its connection closed gets Connection: close', () => {
    const result = run(ok('Content-Length: 0', 'Connection: keep-alive'), { ...GET, keepAlive: false });
    expect(result).toMatchObject({ keepAlive: false, head: ok('Content-Length: 0', 'Connection: close') });
  });
});

describe('framing (RFC 9112 section 6.3)', () => {
  test.each<[string, RequestFacts, string, number, boolean]>([
    ['Content-Length', GET, ok('Content-Length: 5'), 5, true],
    ['Content-Length twice, the same', GET, ok('Content-Length: 5', 'content-length: 5'), 5, true],
    ['chunked', GET, ok('Transfer-Encoding: chunked'), CHUNKED, true],
    ['gzip, chunked', GET, ok('Transfer-Encoding: gzip, Chunked'), CHUNKED, true],
    ['a coding that is not chunked', GET, ok('Transfer-Encoding: gzip'), UNTIL_CLOSE, false],
    ['nothing announced', GET, ok('X: y'), UNTIL_CLOSE, false],
    ['nothing announced by HTTP/1.0', OLD, lines('HTTP/1.0 200 OK'), UNTIL_CLOSE, false],
    [
      'both: Transfer-Encoding wins',
      GET,
      ok('Content-Length: 5', 'Transfer-Encoding: chunked'),
      CHUNKED,
      true,
    ],
    ['HEAD', HEAD, ok('Content-Length: 5'), NO_BODY, true],
    ['HEAD with nothing announced', HEAD, ok(), NO_BODY, true],
    ['HEAD, chunked', HEAD, ok('Transfer-Encoding: chunked'), NO_BODY, true],
    ['204', GET, lines('HTTP/1.1 204 No Content'), NO_BODY, true],
    ['304', GET, lines('HTTP/1.1 304 Not Modified', 'Content-Length: 5'), NO_BODY, true],
    [
      'Connection names the framing',
      GET,
      ok('Connection: Transfer-Encoding', 'Transfer-Encoding: chunked'),
      CHUNKED,
      true,
    ],
  ])('%s', (_, request, text, framing, keepAlive) => {
    const result = run(text, request);
    expect(result).toMatchObject({ outcome: 'response', framing, keepAlive });
    expect(result.head).toContain(`Connection: ${keepAlive ? 'keep-alive' : 'close'}\r\n`);
  });

  test('the client sees one framing only', () => {
    const both = run(ok('Content-Length: 5', 'Transfer-Encoding: chunked'));
    expect(both.head).toBe(ok('Transfer-Encoding: chunked', ...KEPT));
    const twice = run(ok('Content-Length: 5', 'Content-Length: 5'));
    expect(twice.head).toBe(ok('Content-Length: 5', ...KEPT));
    const none = run(lines('HTTP/1.1 204 No Content', 'Content-Length: 5', 'Transfer-Encoding: chunked'));
    expect(none.head).toBe(lines('HTTP/1.1 204 No Content', ...KEPT));
    const head = run(ok('Content-Length: 5'), HEAD);
    expect(head.head).toBe(ok('Content-Length: 5', ...KEPT));
    const old = run(ok('Transfer-Encoding: chunked'), { ...HEAD, httpMinor: 0 });
    expect(old.head).toBe(ok(...KEPT));
  });

  test.each<[string, string, RequestFacts]>([
    ['differing lengths', ok('Content-Length: 5', 'Content-Length: 6'), GET],
    ['a list of lengths', ok('Content-Length: 5, 5'), GET],
    ['a signed length', ok('Content-Length: +5'), GET],
    ['an empty length', ok('Content-Length:'), GET],
    ['a huge length', ok('Content-Length: 9007199254740992'), GET],
    ['a bad length beside chunked', ok('Transfer-Encoding: chunked', 'Content-Length: x'), GET],
    ['chunked twice', ok('Transfer-Encoding: chunked, chunked'), GET],
    ['chunked not last', ok('Transfer-Encoding: chunked, gzip'), GET],
    ['two Transfer-Encodings', ok('Transfer-Encoding: gzip', 'Transfer-Encoding: chunked'), GET],
    ['an obfuscated coding', ok('Transfer-Encoding: "chunked"'), GET],
    ['an empty coding', ok('Transfer-Encoding:'), GET],
    ['Transfer-Encoding in HTTP/1.0', lines('HTTP/1.0 200 OK', 'Transfer-Encoding: chunked'), GET],
    ['101 unasked', lines('HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket'), GET],
    ['a folded length', ok('Content-Length:', ' 5'), GET],
    ['a folded coding', ok('Transfer-Encoding: gzip,', '\tchunked'), GET],
    ['a folded Connection', ok('Connection: close,', ' x'), GET],
    ['a length with a control character', ok('Content-Length: 5\x01'), GET],
    ['a coding with a control character', ok('Transfer-Encoding: chunked\x0b'), GET],
    ['a length whose name has a space', ok('Content Length: 5'), GET],
    ['a coding whose name has a control character', ok('Transfer-Encoding\x0b: chunked'), GET],
    ['a coding whose name has parentheses', ok('(Transfer-Encoding): chunked'), GET],
    ['a length without a colon', ok('Content-Length 5'), GET],
    ['an indented first length', ok(' Content-Length: 5'), GET],
    ['a folded length behind a line that is left out', ok('X(y): 1', ' content-length: 5'), GET],
    ['an endless Connection', ok(`Connection: ${'x,'.repeat(CLIENT.httpConnectionOptionsMax + 1)}`), GET],
    ['a bare LF', 'HTTP/1.1 200 OK\nX: y\n\n', GET],
    ['a bare CR', 'HTTP/1.1 200 OK\r\nX: y\rZ: a\r\n\r\n', GET],
    ['a NUL', ok('X: a\0'), GET],
    ['an empty line in front', `\r\n${ok()}`, GET],
    ['HTTP/0.9', 'hello\r\n\r\n', GET],
    ['HTTP/2', lines('HTTP/2 200'), GET],
    ['HTTP/1.2', lines('HTTP/1.2 200 OK'), GET],
    ['ICY', lines('ICY 200 OK'), GET],
    ['no status', lines('HTTP/1.1'), GET],
    ['a status of two digits', lines('HTTP/1.1 99 X'), GET],
    ['a status of four digits', lines('HTTP/1.1 2000 X'), GET],
    ['a status below 100', lines('HTTP/1.1 099 X'), GET],
    ['two spaces', lines('HTTP/1.1  200 OK'), GET],
    ['a head too large', ok(`X: ${'a'.repeat(CLIENT.httpHeadMaxBytes)}`), GET],
    ['too many headers', ok(...Array.from({ length: CLIENT.httpHeaderCountMax + 1 }, () => 'X: y')), GET],
  ])('%s is malformed', (_, text, request) => {
    const result = run(text, request);
    expect(result.outcome).toBe('badResponse');
    expect(result.detail).not.toBe('');
    expect(run(text, request, everyByte(Math.min(text.length, 200)))).toEqual(result);
  });
});

describe('interim and switching responses', () => {
  test('1xx is passed on without connection headers, the final head follows', () => {
    const interim = lines('HTTP/1.1 103 Early Hints', 'Link: </a>', 'Connection: close', 'Content-Length: 3');
    const input = Buffer.from(interim + ok('Content-Length: 5'));
    const parser = new ResponseHeadParser(GET);
    const taken = parser.parse(input, 0, input.length);
    expect(taken).toBe(interim.length);
    expect(parser).toMatchObject({ interim: true, framing: NO_BODY, status: 103 });
    expect(Buffer.from(parser.head).toString()).toBe(lines('HTTP/1.1 103 Early Hints', 'Link: </a>'));
    expect(parser.parse(input, taken, input.length)).toBe(input.length - taken);
    expect(parser).toMatchObject({ interim: false, framing: 5, status: 200 });
  });

  test('an HTTP/1.0 client gets no 1xx (RFC 9110 section 15.2)', () => {
    expect(run(lines('HTTP/1.1 100 Continue'), OLD)).toMatchObject({ interim: true, head: '' });
  });

  test('101 after an upgrade: opaque from here', () => {
    const text = lines(
      'HTTP/1.1 101 Switching Protocols',
      'Connection: upgrade',
      'Upgrade: websocket',
      'Content-Length: 3',
    );
    expect(run(`${text}\x81\0`, WEBSOCKET)).toMatchObject({
      consumed: text.length,
      interim: false,
      switched: true,
      framing: UNTIL_CLOSE,
      keepAlive: false,
      head: lines('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: websocket'),
    });
  });

  test('a declined upgrade is a plain response', () => {
    expect(run(ok('Upgrade: websocket', 'Content-Length: 1'), WEBSOCKET)).toMatchObject({
      switched: false,
      framing: 1,
      head: ok('Content-Length: 1', ...KEPT),
    });
  });

  test('a parser can begin again with another request', () => {
    const parser = new ResponseHeadParser(GET);
    expect(parser.parse(Buffer.from('\0'), 0, 1)).toBe(-1);
    expect(parser.parse(Buffer.from('H'), 0, 1)).toBe(-1);
    parser.begin(HEAD);
    const text = Buffer.from(ok('Content-Length: 5'));
    expect(parser.parse(text, 0, text.length)).toBe(text.length);
    expect(parser.framing).toBe(NO_BODY);
  });
});

describe('any cut, any bytes', () => {
  const line = fc.constantFrom(
    'HTTP/1.1 200 OK',
    'HTTP/1.0 200 OK',
    'HTTP/1.1 204',
    'HTTP/1.1 100 C',
    'HTTP/1.1 101 S',
  );
  const header = fc.constantFrom(
    'Content-Length: 5',
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: gzip',
    'Connection: close, x-a',
    'X-A: b',
    'Upgrade: websocket',
    'X : y',
    'X(y): z',
    ' folded',
    'X: \x01',
  );
  const message = fc
    .tuple(line, fc.array(header, { maxLength: 4 }), fc.string({ maxLength: 5 }))
    .map(([first, rest, body]) => lines(first, ...rest) + body);
  const request = fc.constantFrom(GET, HEAD, OLD, WEBSOCKET);

  test('the bytes read the same wherever they are cut, and one framing reaches the client', () => {
    const outcomes = new Set<string>();
    fc.assert(
      fc.property(mutated(message), request, picks, (text, facts, numbers) => {
        const whole = run(text, facts);
        outcomes.add(whole.outcome);
        expect(run(text, facts, cutsOf(numbers, text.length))).toEqual(whole);
        expect(run(text, facts, everyByte(text.length))).toEqual(whole);
        const { head } = whole;
        if (head === undefined || head === '') return;
        expect(head).toMatch(/^HTTP\/1\.1 \d{3} [^\r\n]*\r\n([^\s:]+:[^\r\n]*\r\n)*\r\n$/);
        const count = (name: string) => head.match(new RegExp(`^${name}:`, 'gim'))?.length ?? 0;
        expect(count('connection')).toBe(whole.interim ? 0 : 1);
        expect(count('content-length') + count('transfer-encoding')).toBeLessThanOrEqual(1);
        if (whole.framing === CHUNKED) expect(count('transfer-encoding')).toBe(facts.httpMinor);
        if (whole.framing! > 0) expect(count('content-length')).toBe(1);
      }),
      { numRuns: 4_000 },
    );
    expect([...outcomes].sort()).toEqual(['badResponse', 'more', 'response']);
  });
});
