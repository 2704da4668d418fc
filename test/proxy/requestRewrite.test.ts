// What the target gets of a request in absolute-form.

import { describe, expect, test } from 'vitest';
import { get, lines, run } from './requestHeads.ts';

describe('a request in absolute-form', () => {
  test('is rewritten to what the client would have sent to the target itself', () => {
    const text = lines(
      'GET http://www.example.org:8080/pub/WWW/?q=1 HTTP/1.1',
      'User-Agent: curl/8',
      'host:  wrong.example',
      'Proxy-Connection: Keep-Alive',
      'Accept:*/* ',
      'Keep-Alive: timeout=5',
      'Connection: keep-alive, X-Hop ,x-gone',
      'x-hop: 1',
      'X-Hops: stays',
      'TE: trailers',
      'Trailer: Expires',
      'Proxy-Authorization: Basic YWxpY2U6cDp3',
      'Cookie: a=\xe9',
    );
    expect(run(text)).toMatchObject({
      outcome: 'request',
      kind: 'forward',
      method: 'GET',
      host: 'www.example.org',
      port: 8080,
      keepAlive: true,
      user: 'alice',
      password: 'p:w',
      head: lines(
        'GET /pub/WWW/?q=1 HTTP/1.1',
        'User-Agent: curl/8',
        'Host: www.example.org:8080',
        'Connection: close',
        'Accept:*/*',
        'X-Hops: stays',
        'Trailer: Expires',
        'Cookie: a=\xe9',
      ),
    });
  });

  test.each([
    ['GET', 'http://a.example', 'GET / HTTP/1.1'],
    ['GET', 'HTTP://a.example?x=http://b/', 'GET /?x=http://b/ HTTP/1.1'],
    ['OPTIONS', 'http://a.example', 'OPTIONS * HTTP/1.1'],
    ['OPTIONS', 'http://a.example/', 'OPTIONS / HTTP/1.1'],
    ['OPTIONS', 'http://a.example?x', 'OPTIONS /?x HTTP/1.1'],
    ['get', 'http://a.example/\xfc', 'get /\xfc HTTP/1.1'],
    ['GET', 'http://a.example:/x', 'GET /x HTTP/1.1'],
    ['GET', 'http://a.example:', 'GET / HTTP/1.1'],
  ])('%s %s becomes %s', (method, target, line) => {
    const result = run(lines(`${method} ${target} HTTP/1.1`, 'Host: x'));
    expect(result).toMatchObject({ host: 'a.example', port: 80 });
    expect(result.head).toBe(lines(line, 'Host: a.example', 'Connection: close'));
  });

  test('a colon without a port behind IPv6 in brackets', () => {
    const { host, port, head } = run(lines('GET http://[::1]:/ HTTP/1.1', 'Host: x'));
    expect({ host, port, head }).toEqual({
      host: '::1',
      port: 80,
      head: lines('GET / HTTP/1.1', 'Host: [::1]', 'Connection: close'),
    });
  });

  test('the target is asked in HTTP/1.1 for an HTTP/1.0 client (RFC 9112 section 2.3), which waits for no 100', () => {
    const result = run(lines('GET http://[::1]:8080/ HTTP/1.0', 'Accept: */*', 'Expect: 100-continue'));
    expect(result).toMatchObject({ host: '::1', port: 8080, httpMinor: 0, keepAlive: false });
    expect(result.head).toBe(lines('GET / HTTP/1.1', 'Host: [::1]:8080', 'Accept: */*', 'Connection: close'));
  });

  test('keeps no trace of a proxy', () => {
    const { head } = run(get('Proxy-Connection: keep-alive', 'Proxy-Authenticate: x'));
    expect(head).not.toMatch(/via|forwarded|proxy|restunnel/i);
  });
});

describe('Max-Forwards (RFC 9110 section 7.6.2)', () => {
  const limited = (method: string, ...headers: string[]) =>
    run(lines(`${method} http://a.example/x HTTP/1.1`, 'Host: a.example', ...headers));

  test.each(['OPTIONS', 'TRACE'])('%s is passed on with one less', (method) => {
    const result = limited(method, 'max-forwards: 10');
    expect(result.head).toBe(
      lines(`${method} /x HTTP/1.1`, 'Host: a.example', 'max-forwards: 9', 'Connection: close'),
    );
  });

  test('other methods and what is no number pass unchanged', () => {
    expect(limited('GET', 'Max-Forwards: 0').head).toContain('\r\nMax-Forwards: 0\r\n');
    expect(limited('OPTIONS', 'Max-Forwards: -1').head).toContain('\r\nMax-Forwards: -1\r\n');
  });
});
