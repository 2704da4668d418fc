// Hand-overs through a ring: everything that went in comes out, wherever in the ring it stood.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CLIENT } from '../../src/limits/clients.ts';
import { ENGINE } from '../../src/limits/engine.ts';
import { ROUTING } from '../../src/limits/routing.ts';
import type { OpenRequest } from '../../src/model/openRequest.ts';
import { FAILURE_CAUSES } from '../../src/ring/failureCauses.ts';
import {
  decodeAdopt,
  decodeOpen,
  decodeReturn,
  HAND_OVER,
  HAND_OVER_MAX_BYTES,
  HandOverEncoder,
  handOverFd,
  handOverType,
  retryFailure,
} from '../../src/ring/handOver.ts';
import { RingReader, RingWriter, ringBuffer } from '../../src/ring/ring.ts';

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const bytes = fc.uint8Array({ maxLength: 300 });
const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
const host = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
  minLength: 1,
  maxLength: 255,
});
const number = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const request: fc.Arbitrary<OpenRequest> = fc.record({
  kind: fc.integer({ min: 0, max: 255 }),
  host,
  user: fc.integer({ min: 0, max: 0xffff }),
  port: fc.integer({ min: 0, max: 65_535 }),
  plan: fc.option(
    fc.record({
      head: fc.boolean(),
      keepAlive: fc.boolean(),
      upgrade: fc.boolean(),
      idempotent: fc.boolean(),
      httpMinor: fc.constantFrom(0 as const, 1 as const),
      framing: fc.integer({ min: -10, max: Number.MAX_SAFE_INTEGER }),
      headBytes: u32,
    }),
  ),
  early: bytes,
  asked: u32,
  session: fc.stringMatching(/^[A-Za-z0-9_]{0,64}$/),
  tried: fc.array(number, { maxLength: ROUTING.retriesMax }),
  waitedMs: u32,
});

/** Pushes what is in the encoder and pops it again, the ring's end somewhere in between. */
const buffer = ringBuffer(2_048);
const writer = new RingWriter(buffer);
const reader = new RingReader(buffer);

function through<T>(
  encoder: HandOverEncoder,
  length: number,
  read: (offset: number, length: number) => T,
): T {
  expect(writer.push(encoder.bytes, length)).toBe(true);
  expect(reader.next()).toBe(true);
  const result = read(reader.offset, reader.length);
  reader.done();
  return result;
}

describe('hand-over', () => {
  const encoder = new HandOverEncoder();

  test('carries an OPEN', () => {
    fc.assert(
      fc.property(u32, u32, number, request, (fd, index, session, wanted) => {
        const length = encoder.open(index, session, wanted);
        encoder.setFd(fd);
        const read = through(encoder, length, (offset, size) => ({
          type: handOverType(reader.bytes, offset),
          fd: handOverFd(reader.bytes, offset),
          ...decodeOpen(reader.bytes, offset, size),
        }));
        // What was read is a copy: the ring's bytes are zero by now.
        expect(read).toEqual({ type: HAND_OVER.OPEN, fd, index, number: session, request: wanted });
      }),
      { numRuns: 300 },
    );
  });

  test('carries a RETRY', () => {
    const cause = fc.constantFrom(...FAILURE_CAUSES);
    fc.assert(
      fc.property(u32, u32, number, request, cause, (fd, index, session, wanted, failure) => {
        const length = encoder.retry(index, session, wanted, failure);
        encoder.setFd(fd);
        const read = through(encoder, length, (offset, size) => ({
          type: handOverType(reader.bytes, offset),
          fd: handOverFd(reader.bytes, offset),
          failure: retryFailure(reader.bytes, offset),
          ...decodeOpen(reader.bytes, offset, size),
        }));
        expect(read).toEqual({ type: HAND_OVER.RETRY, fd, failure, index, number: session, request: wanted });
      }),
    );
  });

  test('carries an ADOPT, and leaves no keys behind', () => {
    fc.assert(
      fc.property(
        u32,
        u32,
        number,
        u32,
        u32,
        fc.boolean(),
        key,
        key,
        (fd, index, session, capabilities, initialWindowBytes, webSocket, sendKey, receiveKey) => {
          const keys = { sendKey, receiveKey };
          const terms = { capabilities, initialWindowBytes, webSocket };
          const length = encoder.adopt(index, session, terms, keys);
          encoder.setFd(fd);
          const read = through(encoder, length, (offset) => ({
            type: handOverType(reader.bytes, offset),
            fd: handOverFd(reader.bytes, offset),
            ...decodeAdopt(reader.bytes, offset),
          }));
          expect(read).toEqual({ type: HAND_OVER.ADOPT, fd, index, number: session, terms, keys });
          encoder.wipe(length);
          expect(encoder.bytes.subarray(0, length).every((byte) => byte === 0)).toBe(true);
          expect(reader.bytes.slice(reader.offset, reader.offset + length).every((byte) => byte === 0)).toBe(
            true,
          );
        },
      ),
    );
  });

  test('carries a RETURN', () => {
    fc.assert(
      fc.property(u32, bytes, (fd, early) => {
        const length = encoder.giveBack(early);
        encoder.setFd(fd);
        const read = through(encoder, length, (offset, size) => ({
          type: handOverType(reader.bytes, offset),
          fd: handOverFd(reader.bytes, offset),
          early: decodeReturn(reader.bytes, offset, size),
        }));
        expect(read).toEqual({ type: HAND_OVER.RETURN, fd, early });
      }),
    );
  });

  test('reads two rings in turn', () => {
    const other = new Uint8Array(new SharedArrayBuffer(256));
    const terms = { capabilities: 0, initialWindowBytes: 1 };
    const length = encoder.adopt(7, 8, terms, {
      sendKey: new Uint8Array(32).fill(1),
      receiveKey: new Uint8Array(32).fill(2),
    });
    encoder.setFd(9);
    other.set(encoder.bytes.subarray(0, length), 40);
    const here = new Uint8Array(other.buffer, 16);
    for (let round = 0; round < 3; round++) {
      expect(handOverFd(here, 24)).toBe(9);
      expect(decodeAdopt(here, 24)).toMatchObject({ index: 7, number: 8 });
      encoder.setFd(round);
      through(encoder, length, (offset) => expect(handOverFd(reader.bytes, offset)).toBe(round));
    }
  });

  test('has room for the largest request, in the encoder and in a ring', () => {
    const largest = {
      kind: 1,
      host: 'h'.repeat(255),
      port: 1,
      plan: null,
      user: 1,
      early: new Uint8Array(CLIENT.httpHeadMaxBytes + CLIENT.earlyBytesMax + 1_024),
      asked: 1,
      session: 's'.repeat(64),
      tried: Array.from({ length: ROUTING.retriesMax }, (_, at) => at),
      waitedMs: 1,
    };
    expect(encoder.open(0, 0, largest)).toBe(HAND_OVER_MAX_BYTES);
    expect(new RingWriter(ringBuffer(ENGINE.handOverRingBytes)).messageMaxBytes).toBeGreaterThan(
      HAND_OVER_MAX_BYTES,
    );
  });
});
