// The frames of a WebSocket: the vectors of RFC 6455, section 5.7, and random messages, cut anywhere, against a naive twin.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProtocolError } from '../../src/tunnel/protocolError.ts';
import {
  FRAME_HEADER_MAX_BYTES,
  frameHeaderBytes,
  OPCODE,
  WebSocketDecoder,
  writeFrameHeader,
} from '../../src/tunnel/webSocketFrames.ts';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

/** A frame as RFC 6455 draws it. */
function frame(opcode: number, payload: Uint8Array, mask: Uint8Array | null, final = true): Uint8Array {
  const { length } = payload;
  const extended = length > 0xffff ? 8 : length > 125 ? 2 : 0;
  const head = Buffer.alloc(2 + extended);
  head[0] = (final ? 0x80 : 0) | opcode;
  head[1] = (mask === null ? 0 : 0x80) | (extended === 8 ? 127 : extended === 2 ? 126 : length);
  if (extended === 2) head.writeUInt16BE(length, 2);
  if (extended === 8) head.writeBigUInt64BE(BigInt(length), 2);
  if (mask === null) return Buffer.concat([head, payload]);
  return Buffer.concat([head, mask, payload.map((byte, at) => byte ^ mask[at & 3]!)]);
}

/** What a decoder makes of the bytes when they come in pieces of these lengths, again and again. */
function decodeInPieces(decoder: WebSocketDecoder, wire: Uint8Array, pieces: readonly number[]): Buffer {
  const parts: Uint8Array[] = [];
  for (let at = 0, turn = 0; at < wire.length; turn++) {
    const piece = wire.slice(at, at + pieces[turn % pieces.length]!);
    const slab = new Uint8Array(piece.length + 3).fill(0xee);
    slab.set(piece, 3);
    const carried = decoder.decode(slab, 3, slab.length);
    expect(slab.subarray(0, 3)).toEqual(new Uint8Array(3).fill(0xee));
    parts.push(slab.slice(3, 3 + carried));
    at += piece.length;
  }
  return Buffer.concat(parts);
}

describe('headers', () => {
  test.each([
    [5, false, '82 05'],
    [5, true, '82 85 00000000'],
    [125, false, '82 7d'],
    [126, false, '82 7e 007e'],
    [65_535, true, '82 fe ffff 00000000'],
    [65_536, false, '82 7f 0000000000010000'],
    [2 ** 33 + 7, true, '82 ff 0000000200000007 00000000'],
  ])('%i bytes, masked: %s', (payloadBytes, masked, expected) => {
    const bytes = new Uint8Array(FRAME_HEADER_MAX_BYTES + 2).fill(0xee);
    writeFrameHeader(bytes, 1, OPCODE.binary, payloadBytes, masked);
    const length = frameHeaderBytes(payloadBytes, masked);
    expect(bytes.slice(1, 1 + length)).toEqual(hex(expected));
    expect(bytes[1 + length]).toBe(0xee);
  });
});

const anyMask = fc.uint8Array({ minLength: 4, maxLength: 4 });
const anyMessage = fc.record({
  parts: fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 4 }),
  ping: fc.option(fc.uint8Array({ maxLength: 125 })),
  mask: anyMask,
});

test.each([true, false])('messages, cut anywhere, read back; masked: %s', (masked) => {
  fc.assert(
    fc.property(
      fc.array(anyMessage, { maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 5 }),
      (messages, pieces) => {
        const wire: Uint8Array[] = [];
        let lastPing: Uint8Array | null = null;
        for (const { parts, ping, mask } of messages) {
          const key = masked ? mask : null;
          parts.forEach((part, at) => {
            wire.push(
              frame(at === 0 ? OPCODE.binary : OPCODE.continuation, part, key, at === parts.length - 1),
            );
            if (ping === null || at > 0) return;
            wire.push(frame(OPCODE.ping, ping, key));
            lastPing = ping;
          });
          wire.push(frame(OPCODE.pong, Uint8Array.of(1, 2), key));
        }
        const decoder = new WebSocketDecoder(masked);
        const carried = decodeInPieces(decoder, Buffer.concat(wire), pieces);
        expect(carried).toEqual(Buffer.concat(messages.flatMap(({ parts }) => parts)));
        expect(decoder.ping).toEqual(lastPing);
      },
    ),
  );
});

test('a message longer than 65,535 bytes', () => {
  const payload = new Uint8Array(70_000).map((_, at) => at * 7);
  const wire = frame(OPCODE.binary, payload, hex('01020304'));
  expect(decodeInPieces(new WebSocketDecoder(true), wire, [16_384])).toEqual(Buffer.from(payload));
});

test('what follows a Close is not looked at', () => {
  const decoder = new WebSocketDecoder(false);
  const bytes = Buffer.concat([frame(OPCODE.binary, hex('0102'), null), hex('88 02 03e8 82 01 ff')]);
  expect(decoder.decode(bytes, 0, bytes.length)).toBe(2);
  expect(decoder.isClosed).toBe(true);
});

test.each([
  ['a text message', '81 05 48656c6c6f', false],
  ['an extension', 'c2 01 00', false],
  ['a client that does not mask', '82 01 00', true],
  ['a server that masks', '82 81 00000000 00', false],
  ['a continuation of nothing', '80 01 00', false],
  ['a message within another', '02 01 00 82 01 00', false],
  ['a control frame in pieces', '09 00', false],
  ['a control frame that is too long', '89 7e 007e', false],
  ['an unknown control frame', '8b 00', false],
  ['a frame without end', '82 7f ffffffffffffffff', false],
])('%s ends the session', (_, wire, masked) => {
  const bytes = hex(wire);
  expect(() => new WebSocketDecoder(masked).decode(bytes, 0, bytes.length)).toThrow(ProtocolError);
});
