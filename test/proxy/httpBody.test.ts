import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CLIENT } from '../../src/limits/clients.ts';
import type { BodyFraming } from '../../src/model/openRequest.ts';
import { BodyTracker, CHUNKED, NO_BODY, UNTIL_CLOSE } from '../../src/proxy/httpBody.ts';
import { type BodyOutcome, chunkedTwin } from './chunkedTwin.ts';
import { cutsOf, everyByte, mutated, picks } from './cuts.ts';

/** Each piece is shown once, as it is when bytes are passed on. */
function run(
  framing: BodyFraming,
  text: string,
  cuts: readonly number[] = [],
  fromSite = false,
): BodyOutcome {
  const tracker = new BodyTracker();
  tracker.begin(framing, fromSite);
  let consumed = 0;
  for (const cut of [...cuts, text.length]) {
    if (tracker.done || tracker.failed) break;
    const buffer = Buffer.from(`0\r\n${text.slice(consumed, cut)}\r\n0\r\n`, 'latin1');
    const taken = tracker.advance(buffer, 3, 3 + cut - consumed);
    expect(taken).toBeLessThanOrEqual(cut - consumed);
    consumed += taken;
    // It stops short of the end only where the message ended or broke.
    if (consumed < cut) expect(tracker.done || tracker.failed).toBe(true);
  }
  return { outcome: tracker.failed ? 'failed' : tracker.done ? 'done' : 'more', consumed };
}

const done = (consumed: number) => ({ outcome: 'done', consumed });

describe('counted and endless bodies', () => {
  test('no body is done at once', () => {
    expect(run(NO_BODY, 'GET')).toEqual(done(0));
    expect(run(0, '')).toEqual(done(0));
  });

  test('a counted body ends after its bytes, and the next request is left', () => {
    expect(run(5, 'helloGET /')).toEqual(done(5));
    expect(run(5, 'helloGET /', everyByte(10))).toEqual(done(5));
    expect(run(5, 'hell')).toEqual({ outcome: 'more', consumed: 4 });
    expect(run(Number.MAX_SAFE_INTEGER, 'hell')).toEqual({ outcome: 'more', consumed: 4 });
  });

  test('a body until close never ends by itself', () => {
    expect(run(UNTIL_CLOSE, 'abc\r\n0\r\n\r\n', [3])).toEqual({ outcome: 'more', consumed: 10 });
  });

  test('the end of input completes an endless body and breaks an unfinished one', () => {
    const ended = (framing: BodyFraming, text: string) => {
      const tracker = new BodyTracker();
      tracker.begin(framing);
      tracker.advance(Buffer.from(text), 0, text.length);
      tracker.endOfInput();
      return tracker.done ? 'done' : tracker.failed ? 'failed' : 'neither';
    };
    expect(ended(UNTIL_CLOSE, 'abc')).toBe('done');
    expect(ended(3, 'abc')).toBe('done');
    expect(ended(4, 'abc')).toBe('failed');
    expect(ended(CHUNKED, '3\r\nabc\r\n')).toBe('failed');
    expect(ended(CHUNKED, '0\r\n\r\n')).toBe('done');
  });

  test('a tracker can begin again', () => {
    const tracker = new BodyTracker();
    tracker.begin(CHUNKED);
    tracker.advance(Buffer.from('zz'), 0, 2);
    expect(tracker.failed).toBe(true);
    tracker.begin(2);
    expect([tracker.failed, tracker.advance(Buffer.from('abc'), 0, 3), tracker.done]).toEqual([
      false,
      2,
      true,
    ]);
  });
});

describe('chunked bodies (RFC 9112 section 7.1)', () => {
  test('old servers pad a chunk’s size with blanks; clients may not', () => {
    const text = '5  \r\nhello\r\n0 \t\r\n\r\n';
    for (const cuts of [[], everyByte(text.length)]) {
      expect(run(CHUNKED, text, cuts, true)).toEqual(done(text.length));
      expect(run(CHUNKED, text, cuts)).toEqual({ outcome: 'failed', consumed: 3 });
    }
    const blanks = ' '.repeat(CLIENT.httpChunkExtensionMaxBytes + 1);
    expect(run(CHUNKED, `5${blanks} \r\n`, [], true)).toMatchObject({ outcome: 'failed' });
    expect(run(CHUNKED, '5 x\r\n', [], true)).toMatchObject({ outcome: 'failed' });
  });

  test('a site’s malformed trailers and extensions pass, a client’s do not', () => {
    for (const lines of ['X(y) : 1', 'X y: \x01', ' folded', 'no colon', '\xe9: 1', 'X: y\r\n z']) {
      const text = `1;\x01\r\na\r\n0\r\n${lines}\r\n\r\n`;
      for (const cuts of [[], everyByte(text.length)])
        expect(run(CHUNKED, `${text}GET`, cuts, true)).toEqual(done(text.length));
      expect(run(CHUNKED, text.replace('\x01', 'x'))).toMatchObject({ outcome: 'failed' });
    }
    for (const lines of ['X: \0', 'X: y\n', 'X: y\rZ', 'x'.repeat(CLIENT.httpTrailerMaxBytes + 1)])
      expect(run(CHUNKED, `0\r\n${lines}\r\n\r\n`, [], true)).toMatchObject({ outcome: 'failed' });
  });

  test('the data is found without the chunks', () => {
    const text = '3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\nGET';
    const bytes = Buffer.from(text);
    for (const step of [1, 2, 3, 5, text.length]) {
      const tracker = new BodyTracker();
      tracker.begin(CHUNKED);
      let data = '';
      let at = 0;
      for (let end = step; at < text.length && !tracker.done; end = Math.min(end + step, text.length)) {
        while (at < end && !tracker.done) {
          const length = Math.min(tracker.dataBytes, end - at);
          data += text.slice(at, at + length);
          at += length > 0 ? tracker.advance(bytes, at, at + length) : tracker.advanceFraming(bytes, at, end);
        }
      }
      expect({ data, at }).toEqual({ data: 'abcde', at: text.length - 3 });
    }
  });

  test.each([
    '0\r\n\r\n',
    '000\r\n\r\n',
    '4\r\nWiki\r\n5\r\npedia\r\n0\r\n\r\n',
    'A\r\n0123456789\r\n0\r\n\r\n',
    'a;name=value;x="a b"\r\n0123456789\r\n0;last\r\n\r\n',
    '1 \t;x\r\na\r\n0\r\n\r\n',
    '2\r\n\r\n\r\n0\r\n\r\n',
    '0\r\nExpires: never\r\nX:\r\n\r\n',
  ])('%j is whole', (text) => {
    expect(run(CHUNKED, text)).toEqual(done(text.length));
    expect(run(CHUNKED, `${text}0\r\n\r\n`, everyByte(text.length + 5))).toEqual(done(text.length));
  });

  test.each<[string, number]>([
    ['\r\n', 0],
    [' 5\r\nhello', 0],
    ['-5\r\n', 0],
    ['+5\r\n', 0],
    ['0x5\r\n', 1],
    ['5 \r\nhello', 2],
    ['5\nhello', 1],
    ['5\rhello', 2],
    ['5g\r\n', 1],
    ['5;a\nb\r\n', 3],
    ['5;a\0b\r\n', 3],
    ['5;a\rb\r\n', 4],
    ['5\r\nhelloX', 8],
    ['5\r\nhello\n', 8],
    ['5\r\nhello\rX', 9],
    ['5\r\nhello\r\n\r\n', 10],
    ['0\r\n\n', 3],
    ['0\r\n\rX', 4],
    ['0\r\n X: y\r\n\r\n', 3],
    ['0\r\n: y\r\n\r\n', 3],
    ['0\r\nX y\r\n\r\n', 4],
    ['0\r\nX\r\n\r\n', 4],
    ['0\r\nX: y\n\r\n', 7],
    ['0\r\nX: y\r\n Z: y\r\n\r\n', 9],
    ['20000000000000\r\n', 13],
    ['fffffffffffffffff\r\n', 13],
  ])('%j breaks at byte %d', (text, consumed) => {
    expect(run(CHUNKED, text)).toEqual({ outcome: 'failed', consumed });
    expect(run(CHUNKED, text, everyByte(text.length))).toEqual({ outcome: 'failed', consumed });
  });

  test('the largest chunk', () => {
    expect(run(CHUNKED, '1fffffffffffff\r\nab')).toEqual({ outcome: 'more', consumed: 18 });
  });

  test('digits, extensions and trailers have limits', () => {
    const zeros = '0'.repeat(CLIENT.httpChunkSizeDigitsMax);
    expect(run(CHUNKED, `${zeros}\r\n\r\n`)).toMatchObject({ outcome: 'done' });
    expect(run(CHUNKED, `0${zeros}\r\n\r\n`)).toMatchObject({ outcome: 'failed' });
    const extension = `;${'x'.repeat(CLIENT.httpChunkExtensionMaxBytes)}`;
    for (const size of ['1', '00000001']) {
      expect(run(CHUNKED, `${size}${extension}\r\na\r\n0${extension}\r\n\r\n`)).toMatchObject({
        outcome: 'done',
      });
      expect(run(CHUNKED, `${size}${extension}x\r\n`)).toMatchObject({ outcome: 'failed' });
      expect(run(CHUNKED, `${size} ${extension}\r\n`)).toMatchObject({ outcome: 'failed' });
    }
    const trailer = `X:${'x'.repeat(CLIENT.httpTrailerMaxBytes - 2)}\r\n`;
    expect(run(CHUNKED, `0\r\n${trailer}\r\n`)).toMatchObject({ outcome: 'done' });
    expect(run(CHUNKED, `0\r\n${trailer}Y`)).toMatchObject({ outcome: 'failed' });
    // Bounds are a chunk's and a section's own, never a message's.
    const chunk = `1${extension}\r\na\r\n`;
    expect(run(CHUNKED, `${chunk.repeat(50)}0\r\n${trailer}\r\n`)).toMatchObject({ outcome: 'done' });
  });

  const chunk = fc
    .tuple(
      fc.string({ minLength: 1, maxLength: 20, unit: 'binary-ascii' }),
      fc.constantFrom('', ';a', ';a=b', ' ;"x"'),
    )
    .map(([data, extension]) => `${data.length.toString(16)}${extension}\r\n${data}\r\n`);
  const trailers = fc.constantFrom('', '', 'X: y\r\n', 'A:\r\nB: "c"\r\n');
  const body = fc
    .tuple(fc.array(chunk, { maxLength: 4 }), trailers, fc.string({ maxLength: 6 }))
    .map(([chunks, trailer, next]) => `${chunks.join('')}0\r\n${trailer}\r\n${next}`);
  const soup = fc
    .array(fc.constantFrom('0', '1', 'f', '\r\n', '\r', '\n', ';', ' ', 'X', ':', '\0', '\x80'), {
      maxLength: 24,
    })
    .map((parts) => parts.join(''));

  test('agrees with the naive twin wherever the bytes are cut', () => {
    const outcomes = new Set<string>();
    const anything = fc.oneof({ weight: 4, arbitrary: mutated(body) }, { weight: 1, arbitrary: soup });
    fc.assert(
      fc.property(anything, picks, (text, numbers) => {
        const whole = run(CHUNKED, text);
        outcomes.add(whole.outcome);
        expect(whole).toEqual(chunkedTwin(text));
        expect(run(CHUNKED, text, cutsOf(numbers, text.length))).toEqual(whole);
        expect(run(CHUNKED, text, everyByte(text.length))).toEqual(whole);
      }),
      { numRuns: 4_000 },
    );
    expect([...outcomes].sort()).toEqual(['done', 'failed', 'more']);
  });
});
