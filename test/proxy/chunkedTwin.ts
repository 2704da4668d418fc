// A chunked body (RFC 9112 section 7.1) read from a whole text, written for clarity alone.

import { CLIENT } from '../../src/limits/clients.ts';

export interface BodyOutcome {
  outcome: 'done' | 'failed' | 'more';
  /** Bytes of the message: up to its end, the first wrong byte, or the end of the text. */
  consumed: number;
}

class NeedMore extends Error {}
class Wrong extends Error {}

export function chunkedTwin(text: string): BodyOutcome {
  let at = 0;
  const peek = () => {
    if (at === text.length) throw new NeedMore();
    return text[at]!;
  };
  const check = (holds: boolean) => {
    if (!holds) throw new Wrong();
  };
  const expectText = (expected: string) => {
    for (const char of expected) {
      check(peek() === char);
      at++;
    }
  };
  const plain = (char: string) => /[\t\x20-\x7e\x80-\xff]/.test(char);

  try {
    let size = -1;
    while (size !== 0) {
      let digits = '';
      while (/[0-9a-fA-F]/.test(peek())) {
        digits += peek();
        check(digits.length <= CLIENT.httpChunkSizeDigitsMax);
        check(BigInt(`0x${digits}`) <= BigInt(Number.MAX_SAFE_INTEGER));
        at++;
      }
      check(digits !== '');
      size = Number.parseInt(digits, 16);

      // Everything up to the CR: nothing, or blanks, a semicolon and any text.
      let extension = '';
      while (peek() !== '\r') {
        extension += peek();
        check(/^[ \t]*(;|$)/.test(extension) && plain(peek()));
        check(extension.length <= CLIENT.httpChunkExtensionMaxBytes + 1);
        at++;
      }
      check(extension === '' || extension.includes(';'));
      expectText('\r\n');
      if (size > 0) {
        if (text.length - at < size) return { outcome: 'more', consumed: text.length };
        at += size;
        expectText('\r\n');
      }
    }

    let trailerBytes = 0;
    while (peek() !== '\r') {
      let line = '';
      // A name must be there and end in a colon before the line does.
      while (peek() !== '\r' || !line.includes(':')) {
        line += peek();
        check(/^[\x21-\x39\x3b-\x7e]+(:|$)/.test(line) && plain(peek()));
        check(++trailerBytes <= CLIENT.httpTrailerMaxBytes);
        at++;
      }
      expectText('\r\n');
    }
    expectText('\r\n');
    return { outcome: 'done', consumed: at };
  } catch (error) {
    if (error instanceof NeedMore) return { outcome: 'more', consumed: text.length };
    if (error instanceof Wrong) return { outcome: 'failed', consumed: at };
    throw error;
  }
}
