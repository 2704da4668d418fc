// The frame codec: vectors, and random frames against a naive twin.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  connectBytes,
  FRAME,
  HEADER_BYTES,
  payloadLength,
  readConnectHost,
  readConnectPort,
  readU32,
  writeConnect,
  writeHeader,
  writeU32,
} from '../../src/tunnel/frames.ts';
import { ProtocolError } from '../../src/tunnel/protocolError.ts';
import { connectPayload, decodeFrames, encodeFrames, type Frame, TYPE, u32 } from './framesTwin.ts';

/** The vectors that native-notes/wire-protocol.md points to. */
const VECTORS: readonly (readonly [string, Frame])[] = [
  ['030000000000000008000000000000002a', { type: 0x03, id: 0, payload: u64(42) }],
  ['050000000000000000', { type: 0x05, id: 0, payload: new Uint8Array(0) }],
  [
    '10000100070000000d01bb6578616d706c652e636f6d',
    { type: 0x10, id: 0x10007, payload: connectPayload('example.com', 443) },
  ],
  ['110001000700000000', { type: 0x11, id: 0x10007, payload: new Uint8Array(0) }],
  ['12000100070000000105', { type: 0x12, id: 0x10007, payload: Uint8Array.of(5) }],
  ['2000010007000000026869', { type: 0x20, id: 0x10007, payload: Uint8Array.of(0x68, 0x69) }],
  ['21000100070000000101', { type: 0x21, id: 0x10007, payload: Uint8Array.of(1) }],
  ['22ffff00070000000400020000', { type: 0x22, id: 0xffff0007, payload: u32(131_072) }],
];

function u64(low: number): Uint8Array {
  return Uint8Array.from([...u32(0), ...u32(low)]);
}

function encode({ type, id, payload }: Frame): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  writeHeader(bytes, 0, type, id, payload.length);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

function walk(bytes: Uint8Array, start: number, end: number): Frame[] {
  const frames: Frame[] = [];
  for (let at = start; at < end; ) {
    const length = payloadLength(bytes, at, end);
    const payload = bytes.slice(at + HEADER_BYTES, at + HEADER_BYTES + length);
    frames.push({ type: bytes[at]!, id: readU32(bytes, at + 1), payload });
    at += HEADER_BYTES + length;
  }
  return frames;
}

const anyU32 = fc.integer({ min: 0, max: 0xffff_ffff });
const anyFrame = fc.record({
  type: fc.integer({ min: 0, max: 255 }),
  id: anyU32,
  payload: fc.uint8Array({ maxLength: 40 }),
});

describe('frames', () => {
  test.each(VECTORS)('%s', (hex, frame) => {
    expect(Buffer.from(encode(frame)).toString('hex')).toBe(hex);
    expect(walk(new Uint8Array(Buffer.from(hex, 'hex')), 0, hex.length / 2)).toEqual([frame]);
  });

  test('types are those of the twin', () => {
    expect(FRAME).toEqual({ ENROLL: 0x01, ENROLL_OK: 0x02, ...TYPE });
  });

  test('u32 at any place, neighbours untouched', () => {
    fc.assert(
      fc.property(anyU32, fc.nat(5), (value, offset) => {
        const bytes = new Uint8Array(12).fill(0xee);
        writeU32(bytes, offset, value);
        expect(new DataView(bytes.buffer).getUint32(offset)).toBe(value);
        expect(readU32(bytes, offset)).toBe(value);
        expect(bytes.filter((byte, at) => (at < offset || at >= offset + 4) && byte !== 0xee)).toHaveLength(
          0,
        );
      }),
    );
  });

  test('any frames, read back at any place', () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 8 }), fc.nat(20), (frames, offset) => {
        const encoded = encodeFrames(frames);
        expect(Buffer.concat(frames.map(encode))).toEqual(Buffer.from(encoded));
        const bytes = new Uint8Array(offset + encoded.length + 30).fill(0x20);
        bytes.set(encoded, offset);
        expect(walk(bytes, offset, offset + encoded.length)).toEqual(frames);
      }),
    );
  });

  test('a record is read as the twin reads it, or refused with it', () => {
    const record = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      // Whole frames, cut or with one byte changed.
      fc
        .tuple(fc.array(anyFrame, { minLength: 1, maxLength: 4 }), fc.nat(), fc.nat(), fc.nat(255))
        .map(([frames, cut, at, value]) => {
          const encoded = encodeFrames(frames);
          encoded[at % encoded.length] = value;
          return encoded.subarray(0, encoded.length - (cut % 12));
        }),
    );
    let refused = 0;
    let read = 0;
    fc.assert(
      fc.property(record, (bytes) => {
        const expected = decodeFrames(bytes);
        // Bytes behind the record must not help.
        const slab = new Uint8Array(bytes.length + 64);
        slab.set(bytes);
        if (expected === null) {
          expect(() => walk(slab, 0, bytes.length)).toThrow(ProtocolError);
          refused++;
        } else {
          expect(walk(slab, 0, bytes.length)).toEqual(expected);
          read++;
        }
      }),
      { numRuns: 500 },
    );
    expect(Math.min(refused, read)).toBeGreaterThan(20);
  });

  test('CONNECT carries any printable host and port', () => {
    const printable = fc.string({
      unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
      minLength: 1,
      maxLength: 255,
    });
    fc.assert(
      fc.property(printable, fc.integer({ min: 0, max: 65_535 }), fc.nat(9), (host, port, offset) => {
        const payload = connectPayload(host, port);
        expect(connectBytes(host)).toBe(payload.length);
        const bytes = new Uint8Array(offset + payload.length);
        writeConnect(bytes, offset, host, port);
        expect(bytes.subarray(offset)).toEqual(payload);
        expect(readConnectHost(bytes, offset, payload.length)).toBe(host);
        expect(readConnectPort(bytes, offset)).toBe(port);
      }),
    );
  });

  test('a CONNECT host out of bounds is refused', () => {
    const host = (text: string) => () => {
      const payload = connectPayload(text, 80);
      return readConnectHost(payload, 0, payload.length);
    };
    expect(host('a'.repeat(255))()).toHaveLength(255);
    expect(host('a'.repeat(256))).toThrow(ProtocolError);
    expect(host('')).toThrow(ProtocolError);
    for (const bad of ['a b', 'a\0', 'a\n', '\x7f', 'ä', '\xff']) expect(host(bad)).toThrow(ProtocolError);
    for (const length of [0, 1, 2]) {
      expect(() => readConnectHost(new Uint8Array(2), 0, length)).toThrow(ProtocolError);
    }
  });
});
