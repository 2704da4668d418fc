import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CLIENT } from '../../src/limits/clients.ts';
import { PROTOCOL } from '../../src/limits/wire.ts';
import { encodeSocks4Reply, Socks4Parser } from '../../src/proxy/socks4.ts';
import { SOCKS } from '../../src/proxy/socks5.ts';

interface Outcome {
  readonly outcome: 'more' | 'failed' | 'ready';
  readonly failure?: string;
  readonly host?: string;
  readonly port?: number;
  readonly user?: string | undefined;
  readonly consumed?: number;
}

/** Bytes arrive in pieces, with poison around them. */
function run(input: Uint8Array, cuts: readonly number[]): Outcome {
  const parser = new Socks4Parser();
  const buffer = new Uint8Array(input.length + 20).fill(0);
  let consumed = 0;
  for (const cut of [...cuts, input.length]) {
    buffer.set(input.subarray(0, cut), 10);
    consumed += parser.feed(buffer, 10 + consumed, 10 + cut);
  }
  const { state, failure, host, port, user, reply } = parser;
  if (state === SOCKS.failed) {
    expect([...reply]).toEqual(parser.reply.length === 0 ? [] : [...encodeSocks4Reply(false)]);
    return { outcome: 'failed', failure };
  }
  return state === SOCKS.ready ? { outcome: 'ready', host, port, user, consumed } : { outcome: 'more' };
}

/** The same of a whole input, slowly. */
function twin(input: Uint8Array): Outcome {
  if (input.length > 0 && input[0] !== 4) return { outcome: 'failed', failure: 'badRequest' };
  if (input.length < 9) return { outcome: 'more' };
  const text = Buffer.from(input).toString('latin1');
  const userEnd = text.indexOf('\0', 8);
  const userBytes = (userEnd < 0 ? text.length : userEnd) - 8;
  if (userBytes > CLIENT.socks4UserMaxBytes) return { outcome: 'failed', failure: 'badRequest' };
  if (userEnd < 0) return { outcome: 'more' };
  let host = input.subarray(4, 8).join('.');
  let end = userEnd + 1;
  if (/^0\.0\.0\.[^0]/.test(host)) {
    const hostEnd = text.indexOf('\0', end);
    const hostBytes = (hostEnd < 0 ? text.length : hostEnd) - end;
    if (hostBytes > PROTOCOL.hostMaxBytes) return { outcome: 'failed', failure: 'badRequest' };
    if (hostEnd < 0) return { outcome: 'more' };
    const name = text.slice(end, hostEnd);
    host = /^[!$&'()*+,\-.0-9;=A-Z_a-z~]+$/.test(name) ? name : '';
    end = hostEnd + 1;
  }
  if (input[1] !== 1) return { outcome: 'failed', failure: 'commandNotSupported' };
  const port = Buffer.from(input).readUInt16BE(2);
  if (host === '' || port === 0) return { outcome: 'failed', failure: 'badTarget' };
  const user = Buffer.from(input.subarray(8, userEnd)).toString();
  return { outcome: 'ready', host, port, user: user === '' ? undefined : user, consumed: end };
}

const bytesOf = (...parts: (number | string)[]) =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === 'string' ? [...Buffer.from(part)] : [part])));

describe('SOCKS4', () => {
  test('an address and a user; early bytes are left', () => {
    expect(run(bytesOf(4, 1, 0, 80, 192, 0, 2, 7, 'user-country-de', 0, 'GET /'), [])).toEqual({
      outcome: 'ready',
      host: '192.0.2.7',
      port: 80,
      user: 'user-country-de',
      consumed: 24,
    });
  });

  test('a name (4a)', () => {
    expect(run(bytesOf(4, 1, 1, 187, 0, 0, 0, 1, 0, 'example.com', 0), [])).toEqual({
      outcome: 'ready',
      host: 'example.com',
      port: 443,
      user: undefined,
      consumed: 21,
    });
  });

  test.each([
    ['BIND', bytesOf(4, 2, 0, 80, 1, 2, 3, 4, 0), 'commandNotSupported'],
    ['port 0', bytesOf(4, 1, 0, 0, 1, 2, 3, 4, 0), 'badTarget'],
    ['an empty name', bytesOf(4, 1, 0, 80, 0, 0, 0, 9, 0, 0), 'badTarget'],
    ['a space in the name', bytesOf(4, 1, 0, 80, 0, 0, 0, 9, 0, 'a b', 0), 'badTarget'],
    ['a user without end', bytesOf(4, 1, 0, 80, 1, 2, 3, 4, 'x'.repeat(513)), 'badRequest'],
    ['a name without end', bytesOf(4, 1, 0, 80, 0, 0, 0, 4, 0, 'x'.repeat(256)), 'badRequest'],
  ])('%s is refused', (_name, input, failure) => {
    expect(run(input, [])).toEqual({ outcome: 'failed', failure });
  });

  test('the longest user and name', () => {
    const input = bytesOf(4, 1, 0, 80, 0, 0, 0, 4, 'u'.repeat(512), 0, 'h'.repeat(255), 0);
    expect(run(input, [])).toMatchObject({ outcome: 'ready', host: 'h'.repeat(255) });
  });

  test('agrees with the naive twin wherever the bytes are cut', () => {
    const almostValid = fc
      .tuple(
        fc.constantFrom(4, 4, 4, 5),
        fc.constantFrom(1, 1, 2),
        fc.constantFrom([0, 80], [0, 0]),
        fc.constantFrom([0, 0, 0, 1], [0, 0, 0, 0], [10, 0, 0, 1]),
        fc.oneof(fc.string({ maxLength: 6 }), fc.constant('u'.repeat(512)), fc.constant('u'.repeat(513))),
        fc.oneof(fc.domain(), fc.string({ maxLength: 8 }), fc.constant('h'.repeat(256))),
        fc.uint8Array({ maxLength: 4 }),
      )
      .map(([version, command, port, address, user, host, rest]) =>
        bytesOf(version, command, ...port, ...address, user, 0, host, ...rest),
      );
    const outcomes = new Set<string>();
    fc.assert(
      fc.property(almostValid, fc.array(fc.nat(), { maxLength: 6 }), (input, picks) => {
        const cuts = picks.map((pick) => pick % (input.length + 1)).sort((a, b) => a - b);
        const whole = twin(input);
        outcomes.add(whole.failure ?? whole.outcome);
        expect(run(input, [])).toEqual(whole);
        expect(run(input, cuts)).toEqual(whole);
      }),
      { numRuns: 2_000 },
    );
    expect([...outcomes].sort()).toEqual(['badRequest', 'badTarget', 'commandNotSupported', 'more', 'ready']);
  });
});
