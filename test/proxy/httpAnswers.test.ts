import { expect, test } from 'vitest';
import { FAILURES, type FailureName } from '../../src/model/failures.ts';
import { connectEstablished, encodeHttpFailure } from '../../src/proxy/httpAnswers.ts';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

test('a tunnel opens with a status line and nothing else', () => {
  expect(text(connectEstablished)).toBe('HTTP/1.1 200 Connection established\r\n\r\n');
});

test('a failure names its reason three times: status, Proxy-Status, sentence', () => {
  expect(text(encodeHttpFailure('refused'))).toBe(
    [
      'HTTP/1.1 502 Bad Gateway',
      'Proxy-Status: restunnel; error=connection_refused; details="the target refused the connection"',
      'Content-Type: text/plain; charset=utf-8',
      'Content-Length: 34',
      'Connection: close',
      '',
      'the target refused the connection\n',
    ].join('\r\n'),
  );
});

test.each(Object.keys(FAILURES) as FailureName[])('%s is a whole response', (name) => {
  const [head, body] = text(encodeHttpFailure(name)).split('\r\n\r\n');
  expect(head).toMatch(/^HTTP\/1\.1 [45]\d\d [A-Z][A-Za-z ]+\r\n/);
  expect(head).not.toContain('undefined');
  expect(head).toContain(`error=${FAILURES[name].proxyStatus};`);
  expect(head).toContain(`\r\nContent-Length: ${Buffer.byteLength(body!)}\r\n`);
  expect(body).toBe(`${FAILURES[name].sentence}\n`);
});

test('a detail follows the sentence; the structured string is escaped (RFC 8941 section 3.3.3)', () => {
  const [head, body] = text(encodeHttpFailure('badRequest', 'a "b" \\ é\r\nX: y', true)).split('\r\n\r\n');
  expect(head).toContain('details="the request is malformed: a \\"b\\" \\\\ ???X: y"\r\n');
  expect(head).not.toContain('\nX: y');
  expect(head).toMatch(/Connection: keep-alive$/);
  expect(body).toBe('the request is malformed: a "b" \\ é\r\nX: y\n');
  expect(encodeHttpFailure('badRequest', 'x'.repeat(100_000)).length).toBeLessThan(2_000);
});

test('the answer to HEAD has no body, but its length', () => {
  const [head, body] = text(encodeHttpFailure('refused', '', true, true)).split('\r\n\r\n');
  expect(head).toContain('Content-Length: 34');
  expect(body).toBe('');
});
