// The frame codec: type u8 | id u32 | length u32 | payload, big-endian, in the caller's buffers. native-notes/wire-protocol.md specifies
// each payload.

import { PROTOCOL } from '../limits/wire.ts';
import { ProtocolError } from './protocolError.ts';

export const FRAME = {
  ENROLL: 0x01,
  ENROLL_OK: 0x02,
  PING: 0x03,
  PONG: 0x04,
  GOAWAY: 0x05,
  MARK: 0x06,
  MARKED: 0x07,
  CONNECT: 0x10,
  CONNECT_OK: 0x11,
  CONNECT_FAIL: 0x12,
  UDP_OPEN: 0x13,
  DATA: 0x20,
  CLOSE: 0x21,
  WINDOW: 0x22,
  DATAGRAM: 0x23,
  STATUS: 0x30,
  CONTROL: 0x31,
} as const;

/** Reason byte of CLOSE. */
export const CLOSE = { END: 0, ABORT: 1 } as const;

export const HEADER_BYTES = PROTOCOL.frameHeaderBytes;

export function readU32(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!) >>>
    0
  );
}

export function writeU32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24;
  bytes[offset + 1] = value >>> 16;
  bytes[offset + 2] = value >>> 8;
  bytes[offset + 3] = value;
}

export function writeHeader(
  bytes: Uint8Array,
  offset: number,
  type: number,
  id: number,
  length: number,
): void {
  bytes[offset] = type;
  writeU32(bytes, offset + 1, id);
  writeU32(bytes, offset + 5, length);
}

/**
 * The length of the payload whose header starts at `offset` of a record that ends at `end`.
 * Throws ProtocolError when header or payload does not fit: a frame never spans records.
 */
export function payloadLength(bytes: Uint8Array, offset: number, end: number): number {
  if (end - offset < HEADER_BYTES) throw new ProtocolError('a frame header is cut by the end of its record');
  const length = readU32(bytes, offset + 5);
  if (length > end - offset - HEADER_BYTES) throw new ProtocolError('a frame is longer than its record');
  return length;
}

/** Throws ProtocolError unless the payload of a `what` has the one length that it may have. */
export function expectLength(what: string, length: number, expected: number): void {
  if (length !== expected) throw new ProtocolError(`a ${what} of ${length} bytes instead of ${expected}`);
}

/** Bytes of a CONNECT payload: port u16 | host (the rest, ASCII). */
export function connectBytes(host: string): number {
  return 2 + host.length;
}

export function writeConnect(bytes: Uint8Array, offset: number, host: string, port: number): void {
  bytes[offset] = port >>> 8;
  bytes[offset + 1] = port;
  for (let index = 0; index < host.length; index++) bytes[offset + 2 + index] = host.charCodeAt(index);
}

export function readConnectPort(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 8) | bytes[offset + 1]!;
}

/** Throws ProtocolError for a host that is empty, too long or holds anything but printable ASCII. */
export function readConnectHost(bytes: Uint8Array, offset: number, length: number): string {
  const hostLength = length - 2;
  if (hostLength < 1 || hostLength > PROTOCOL.hostMaxBytes) {
    throw new ProtocolError(`a CONNECT carries a host of ${hostLength} bytes`);
  }
  let host = '';
  for (let index = 0; index < hostLength; index++) {
    const code = bytes[offset + 2 + index]!;
    if (code <= 0x20 || code >= 0x7f) throw new ProtocolError('a CONNECT host is not printable ASCII');
    host += String.fromCharCode(code);
  }
  return host;
}
