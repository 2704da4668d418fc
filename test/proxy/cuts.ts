// Feeds a parser the way a socket would: everything received so far, again and again, with poison around it.

import fc from 'fast-check';
import { expect } from 'vitest';

/** Some ways to cut `length` bytes: rising offsets, each a moment at which the parser is called. */
export const picks = fc.array(fc.nat(), { maxLength: 8 });

export function cutsOf(numbers: readonly number[], length: number): number[] {
  return numbers.map((number) => number % (length + 1)).sort((a, b) => a - b);
}

export function everyByte(length: number): number[] {
  return Array.from({ length }, (_, at) => at);
}

/** Call parse() at every cut and at the end, until it returns something else than 0. The buffer moves between two calls. */
export function feedHead(
  input: Uint8Array,
  cuts: readonly number[],
  parse: (bytes: Uint8Array, start: number, end: number) => number,
): number {
  let margin = 3;
  for (const cut of [...cuts, input.length]) {
    const buffer = new Uint8Array(input.length + 2 * margin).fill(0x0a);
    buffer.set(input.subarray(0, cut), margin);
    const taken = parse(buffer, margin, margin + cut);
    expect(taken).toBeLessThanOrEqual(cut);
    if (taken !== 0) return taken;
    margin += 5;
  }
  return 0;
}

/** A message with a few bytes taken out, doubled or replaced, so that most of it still looks right. */
export function mutated(source: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const piece = fc.constantFrom(
    '',
    ' ',
    '\t',
    '\r',
    '\n',
    '\r\n',
    ':',
    ',',
    '\0',
    '0',
    '5',
    '-',
    'x',
    '@',
    '/',
    '\x80',
    ';',
  );
  const edits = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 3 }), piece), { maxLength: 3 });
  return fc.tuple(source, edits).map(([text, list]) => {
    let result = text;
    for (const [where, removed, added] of list) {
      const at = where % (result.length + 1);
      result = result.slice(0, at) + added + result.slice(at + removed);
    }
    return result;
  });
}
