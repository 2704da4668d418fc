// What a node says to a proxy, and how it takes the answers, cut anywhere.

import { describe, expect, test } from 'vitest';
import { NODE } from '../../src/limits/node.ts';
import { parseVia } from '../../src/model/via.ts';
import { greetingFor, type Step } from '../../src/node/proxyGreeting.ts';

const HUB = { host: 'hub.test', port: 9000 };
const bytes = (...values: number[]) => Uint8Array.from(values);

/** The last step when the answers come in pieces of `size`; what is sent in between is collected. */
function converse(
  via: string,
  answers: readonly Uint8Array[],
  hub = HUB,
  size = 1_000,
): { sent: Buffer[]; end: Step } {
  const greeting = greetingFor(parseVia(via), hub);
  const sent = [Buffer.from(greeting.hello)];
  let end: Step = { open: false };
  for (const answer of answers) {
    for (let at = 0; at < answer.length; at += size) {
      end = greeting.receive(answer.subarray(at, at + size));
      if ('send' in end) sent.push(Buffer.from(end.send));
      if ('refused' in end) return { sent, end };
    }
  }
  return { sent, end };
}

describe.each([1, 2, 1_000])('in pieces of %i bytes', (size) => {
  test('CONNECT', () => {
    const answer = Buffer.from('HTTP/1.1 200 Connection established\r\nProxy-Agent: x\r\n\r\n');
    const { sent, end } = converse('http://u:p:w@p:1', [answer], HUB, size);
    expect(sent.map(String)).toEqual([
      'CONNECT hub.test:9000 HTTP/1.1\r\nHost: hub.test:9000\r\nProxy-Authorization: Basic dTpwOnc=\r\n\r\n',
    ]);
    expect(end).toEqual({ open: true });
  });

  test('SOCKS5 with a password, for a name', () => {
    const { sent, end } = converse(
      'socks5://u:pw@p',
      [bytes(5, 2), bytes(1, 0), bytes(5, 0, 0, 3, 2, 65, 66, 1, 2)],
      HUB,
      size,
    );
    expect(sent).toEqual(
      [
        [5, 2, 0, 2],
        [1, 1, 117, 2, 112, 119],
        [5, 1, 0, 3, 8, ...Buffer.from('hub.test'), 0x23, 0x28],
      ].map((part) => Buffer.from(part)),
    );
    expect(end).toEqual({ open: true });
  });
});

test.each([
  ['10.1.2.3', [1, 10, 1, 2, 3], [5, 0, 0, 1, 0, 0, 0, 0, 0, 0]],
  ['2001:db8::1', [4, 0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), 1], [5, 0, 0, 4, ...Array(18).fill(0)]],
])('SOCKS5 without a password, for %s', (host, target, reply) => {
  const { sent, end } = converse('socks5://p', [bytes(5, 0), bytes(...reply)], { host, port: 1 });
  expect(sent).toEqual([Buffer.from([5, 1, 0]), Buffer.from([5, 1, 0, ...target, 0, 1])]);
  expect(end).toEqual({ open: true });
});

test('CONNECT brackets IPv6', () => {
  const { sent } = converse('http://p', [], { host: '::1', port: 9 });
  expect(String(sent[0])).toContain('CONNECT [::1]:9 HTTP/1.1\r\n');
  expect(String(sent[0])).not.toContain('Authorization');
});

test.each([
  ['http://p', ['HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'], 'another user and password'],
  ['http://p', ['HTTP/1.0 403 Filtered\u001b\r\n\r\n'], 'refuses the hub (403 Filtered?)'],
  ['http://p', ['SSH-2.0-x\r\n\r\n'], 'something other than HTTP'],
  ['http://p', ['HTTP/1.1 200 OK\r\n\r\nx'], 'bytes that no hub sent'],
  ['http://p', [`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(NODE.proxyAnswerMaxBytes)}`], 'without end'],
  ['socks5://p', ['\u0004\u0000'], 'other than SOCKS5'],
  ['socks5://p', ['\u0005\u0002'], 'wants a user and a password'],
  ['socks5://p', ['\u0005\u0000\u0000'], 'out of turn'],
  ['socks5://u:p@p', ['\u0005\u0002', '\u0001\u0001'], 'another user and password'],
  ['socks5://p', ['\u0005\u0000', '\u0005\u0002\u0000\u0001\u0000'], 'not allowed by its rules'],
  ['socks5://p', ['\u0005\u0000', '\u0005\u0000\u0000\u0009\u0000'], 'no known kind'],
  ['socks5://p', ['\u0005\u0000', `\u0005\u0000\u0000\u0001${'\u0000'.repeat(7)}`], 'bytes that no hub sent'],
])('%s %j: %s', (via, answers, sentence) => {
  const { end } = converse(
    via,
    answers.map((text) => Buffer.from(text, 'latin1')),
    HUB,
    100_000,
  );
  expect(end).toEqual({ refused: expect.stringContaining(sentence) });
});
