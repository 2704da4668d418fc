// The request that opens a tunnel behind a web server, its answers, and the address that a trusted proxy passes on.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rangeOf } from '../../src/base/addressRange.ts';
import { forwardedAddress } from '../../src/proxy/forwardedFor.ts';
import { readProxyHeader } from '../../src/proxy/proxyProtocol.ts';
import {
  formatUpgrade,
  headLength,
  readRequest,
  readUpgradeAnswer,
  switchingProtocols,
} from '../../src/proxy/webSocketUpgrade.ts';

/** RFC 6455, section 1.3. */
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const HUB = { host: 'hub.example.org', port: 443, path: '/some/path', isDefaultPort: true };
const MESSAGE1 = new Uint8Array(300).map((_, at) => at);

function changed(from: string | RegExp, to: string): Uint8Array {
  return Buffer.from(
    Buffer.from(formatUpgrade(HUB, KEY, MESSAGE1))
      .toString('latin1')
      .replace(from, to),
  );
}

describe('the request', () => {
  test('reads back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 112, maxLength: 2_048 }), (message1) => {
        const head = formatUpgrade(HUB, KEY, message1);
        expect(headLength(head, head.length)).toBe(head.length);
        expect(headLength(head, head.length - 1)).toBe(-1);
        expect(readRequest(head)).toEqual({ upgrade: { key: KEY, message1 }, forwardedFor: '' });
      }),
    );
  });

  test('its longest fits the 8 KiB that nginx gives a field', () => {
    const head = formatUpgrade(HUB, KEY, new Uint8Array(2_048));
    expect(head.length).toBeLessThan(4_096);
  });

  test('what a web server adds and changes makes no difference', () => {
    const head = changed(
      'Connection: Upgrade',
      'connection: keep-alive, upgrade\r\nX-Forwarded-For: 1.2.3.4\r\nx-forwarded-for:5.6.7.8',
    );
    expect(readRequest(head)).toEqual({
      upgrade: { key: KEY, message1: MESSAGE1 },
      forwardedFor: '1.2.3.4, 5.6.7.8',
    });
  });

  test.each([
    ['another method', changed('GET', 'POST')],
    ['HTTP/1.0', changed('HTTP/1.1', 'HTTP/1.0')],
    ['no Upgrade', changed('Upgrade: websocket', 'X: y')],
    ['another upgrade', changed('Upgrade: websocket', 'Upgrade: h2c')],
    ['no Connection', changed('Connection: Upgrade', 'Connection: close')],
    ['another version', changed('Version: 13', 'Version: 8')],
    ['a short key', changed(KEY, 'abc')],
    ['no message', changed(/Authorization.*\r\n/, '')],
    ['another scheme', changed('Bearer', 'Basic')],
    ['a short message', changed(/Bearer \S+/, 'Bearer AAAA')],
    ['a long message', changed(/Bearer \S+/, `Bearer ${'A'.repeat(2_800)}`)],
    ['a line that is no field', changed('Connection: Upgrade', 'Connection: Upgrade\r\nnonsense')],
    ['nonsense', Buffer.from('\u0016\u0003\u0001\r\n\r\n')],
  ])('%s: no tunnel', (_, head) => {
    expect(readRequest(head).upgrade).toBeNull();
  });
});

describe('the answer', () => {
  test('101 with the key of RFC 6455 opens the tunnel', () => {
    const head = switchingProtocols(KEY);
    expect(Buffer.from(head).toString()).toContain('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
    expect(readUpgradeAnswer(head, KEY)).toBeNull();
  });

  test.each([
    ['HTTP/1.1 404 Not Found\r\n\r\n', 'the web server answers 404'],
    ['HTTP/1.1 101 Switching Protocols\r\n\r\n', 'the web server answers for another request'],
    ['SSH-2.0-OpenSSH\r\n\r\n', 'the web server answers with something other than HTTP'],
  ])('%j', (head, why) => {
    expect(readUpgradeAnswer(Buffer.from(head), KEY)).toBe(why);
  });
});

describe('X-Forwarded-For', () => {
  const trusted = [rangeOf('127.0.0.0/8'), rangeOf('2001:db8::/32')];
  test.each([
    ['203.0.113.9', '1.2.3.4', '203.0.113.9', 'of a stranger says nothing'],
    ['127.0.0.1', '1.2.3.4', '1.2.3.4', 'of a trusted proxy names the device'],
    ['127.0.0.1', '6.6.6.6, 1.2.3.4', '1.2.3.4', 'what the device said itself is not believed'],
    ['127.0.0.1', '6.6.6.6, 1.2.3.4, 2001:db8::7', '1.2.3.4', 'trusted proxies are passed over'],
    ['127.0.0.1', '', '127.0.0.1', 'without one'],
    ['127.0.0.1', '1.2.3.4, unknown', '127.0.0.1', 'what cannot be read ends the walk'],
    ['127.0.0.1', '1.2.3.4:5678', '1.2.3.4', 'a port'],
    ['127.0.0.1', '[2001:db9::1]:5678', '2001:db9::1', 'a port behind brackets'],
    ['127.0.0.1', '[2001:db9::1]', '2001:db9::1', 'brackets'],
    ['127.0.0.1', '127.0.0.2', '127.0.0.2', 'a trusted proxy alone'],
  ])('from %s: %j is %s: %s', (peer, field, address) => {
    expect(forwardedAddress(peer, field, trusted)).toBe(address);
  });
});

describe('the PROXY protocol', () => {
  const v2 = (rest: string) => Buffer.from(`0d0a0d0a000d0a515549540a${rest}`, 'hex');
  test.each([
    ['GET / HTTP/1.1\r\n', 'none'],
    ['P', 'part'],
    ['POST', 'none'],
    ['PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET', { bytes: 36, address: '192.0.2.1' }],
    ['PROXY TCP6 2001:DB8::1 ::1 1 2\r\n', { bytes: 32, address: '2001:db8::1' }],
    ['PROXY UNKNOWN\r\n', { bytes: 15, address: null }],
    ['PROXY TCP4 nonsense 192.0.2.2 1 2\r\n', 'malformed'],
    [`PROXY TCP4 ${'1'.repeat(200)}`, 'malformed'],
    [v2('2111000cc0000201c000020200010002'), { bytes: 28, address: '192.0.2.1' }],
    [
      v2(`21210024${'20010db8000000000000000000000001'.repeat(2)}00010002`),
      { bytes: 52, address: '2001:db8::1' },
    ],
    [v2('20000000'), { bytes: 16, address: null }],
    [v2('2111000cc000'), 'part'],
    [v2('3111000cc0000201c000020200010002'), 'malformed'],
    [v2('21110004c0000201'), 'malformed'],
  ])('%j', (text, header) => {
    const bytes = Buffer.from(text as string);
    expect(readProxyHeader(bytes, bytes.length)).toEqual(header);
  });

  test('part of a header is waited for, whatever its version', () => {
    for (const whole of [
      Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n'),
      v2('2111000cc0000201c000020200010002'),
    ]) {
      for (let end = 1; end < whole.length; end++) expect(readProxyHeader(whole, end)).toBe('part');
    }
  });
});
