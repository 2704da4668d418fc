// The product writes the session in wire-transcript.json byte for byte, and its records are what the twin seals.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { sealTwin } from '../noise/cipherTwin.ts';
import { decodeFrames, show } from './framesTwin.ts';
import { makeTranscript, type Transcript } from './transcript.ts';

const stored = JSON.parse(
  readFileSync(new URL('./wire-transcript.json', import.meta.url), 'utf8'),
) as Transcript;

const hex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));

test('the product sends exactly this with these keys', () => {
  expect(makeTranscript()).toEqual(stored);
});

test('its records are sealed with its keys, and nonces that count from 0', () => {
  const counters = { node: 0, hub: 0 };
  const keys = { node: stored.recordKeys.nodeToHub, hub: stored.recordKeys.hubToNode };
  for (const { from, bytes, plain, frames } of stored.steps) {
    expect(Number.parseInt(bytes.slice(0, 4), 16)).toBe(bytes.length / 2 - 2);
    if (frames === undefined) continue;
    const sealed = sealTwin(hex(keys[from]), BigInt(counters[from]++), hex(plain));
    expect(Buffer.from(sealed).toString('hex')).toBe(bytes.slice(4));
    expect(decodeFrames(hex(plain))!.map(show)).toEqual(frames);
  }
  expect(counters).toEqual({ node: 3, hub: 4 });
});
