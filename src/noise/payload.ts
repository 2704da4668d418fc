// The encrypted payloads of the two handshake messages, the node's (message 1) and the hub's (message 2). Big-endian. Frames have the
// tunnel's frame header. The padding hides the lengths.
//
//   message 1: timestamp[12] | version u8 | capabilities u32 | lane u8 | framesLength u16 | frames | zero padding
//   message 2: version u8 | capabilities u32 | initialWindowBytes u32 | maxStreams u32
//              | observedAddressLength u8 | observedAddress | framesLength u16 | frames | zero padding

import { PROTOCOL } from '../limits/wire.ts';
import { HandshakeError } from './handshakeError.ts';
import { NODE_ID_CHARS } from './nodeId.ts';
import { isTimestamp } from './timestamp.ts';

export const VERSION = 1;

/** Bits of the capabilities word. A capability is in force when both sides announce it. */
export const CAPABILITY = { goaway: 1, udp: 2, control: 4, marks: 8 } as const;

/** What a hub or node of this version announces. */
export const OFFERED_CAPABILITIES =
  CAPABILITY.goaway | CAPABILITY.udp | CAPABILITY.control | CAPABILITY.marks;

const FRAME_ENROLL = 0x01;
const FRAME_ENROLL_OK = 0x02;

export interface Enroll {
  /** The one-time token of the pairing link, 32 bytes. */
  readonly token: Uint8Array;
  /** What the device calls itself: at most PROTOCOL.deviceNameMaxBytes of UTF-8, possibly empty. */
  readonly name: string;
}

export interface Message1Payload {
  /** See timestamp.ts. */
  readonly timestamp: Uint8Array;
  readonly version: number;
  readonly capabilities: number;
  /** Which of the node's parallel sessions with this hub. A new session replaces an older one of the same lane. */
  readonly lane: number;
  /** First contact only. */
  readonly enroll: Enroll | null;
}

export interface Message2Payload {
  readonly version: number;
  readonly capabilities: number;
  /** Credit of every stream and direction before the first WINDOW. */
  readonly initialWindowBytes: number;
  readonly maxStreams: number;
  /** IP literal of the node as the hub sees it; empty when the hub does not know. */
  readonly observedAddress: string;
  /** ENROLL_OK: the id that the hub gave the node; null when the message carries none. */
  readonly enrolledAs: string | null;
}

const MESSAGE1_FIXED_BYTES = PROTOCOL.timestampBytes + 1 + 4 + 1 + 2;
const MESSAGE2_FIXED_BYTES = 1 + 4 + 4 + 4 + 1 + 2;
const OBSERVED_ADDRESS = /^[0-9A-Fa-f:.]{0,45}$/;
const NODE_ID = new RegExp(`^[0-9a-f]{${NODE_ID_CHARS}}$`);

/** Throws HandshakeError for a token, name or timestamp out of bounds. */
export function encodeMessage1(payload: Message1Payload, paddingBytes: number): Uint8Array {
  if (!isTimestamp(payload.timestamp)) throw new HandshakeError('not a timestamp');
  const frames = payload.enroll === null ? EMPTY : encodeFrame(FRAME_ENROLL, enrollBytes(payload.enroll));
  const bytes = new Uint8Array(MESSAGE1_FIXED_BYTES + frames.length + paddingBytes);
  const view = new DataView(bytes.buffer);
  bytes.set(payload.timestamp);
  let at: number = PROTOCOL.timestampBytes;
  view.setUint8(at, payload.version);
  view.setUint32(at + 1, payload.capabilities);
  view.setUint8(at + 5, payload.lane);
  view.setUint16(at + 6, frames.length);
  at += 8;
  bytes.set(frames, at);
  return bytes;
}

/** Throws HandshakeError when it is malformed. The results are copies. */
export function decodeMessage1(bytes: Uint8Array): Message1Payload {
  const reader = new Reader(bytes);
  const timestamp = new Uint8Array(reader.take(PROTOCOL.timestampBytes));
  if (!isTimestamp(timestamp)) throw new HandshakeError('not a timestamp');
  const version = readVersion(reader);
  const capabilities = reader.u32();
  const lane = reader.u8();
  let enroll: Enroll | null = null;
  eachFrame(reader.take(reader.u16()), (type, id, content) => {
    if (type !== FRAME_ENROLL) return;
    if (enroll !== null || id !== 0) throw new HandshakeError('ENROLL twice or not on the session');
    enroll = readEnroll(content);
  });
  return { timestamp, version, capabilities, lane, enroll };
}

/** Throws HandshakeError for a field out of bounds. */
export function encodeMessage2(payload: Message2Payload, paddingBytes: number): Uint8Array {
  checkMessage2(payload);
  const frames = payload.enrolledAs === null ? EMPTY : encodeFrame(FRAME_ENROLL_OK, utf8(payload.enrolledAs));
  const address = utf8(payload.observedAddress);
  const bytes = new Uint8Array(MESSAGE2_FIXED_BYTES + address.length + frames.length + paddingBytes);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, payload.version);
  view.setUint32(1, payload.capabilities);
  view.setUint32(5, payload.initialWindowBytes);
  view.setUint32(9, payload.maxStreams);
  view.setUint8(13, address.length);
  bytes.set(address, 14);
  view.setUint16(14 + address.length, frames.length);
  bytes.set(frames, 16 + address.length);
  return bytes;
}

/** Throws HandshakeError when it is malformed. */
export function decodeMessage2(bytes: Uint8Array): Message2Payload {
  const reader = new Reader(bytes);
  const version = readVersion(reader);
  const capabilities = reader.u32();
  const initialWindowBytes = reader.u32();
  const maxStreams = reader.u32();
  const observedAddress = text(reader.take(reader.u8()));
  let enrolledAs: string | null = null;
  eachFrame(reader.take(reader.u16()), (type, id, content) => {
    if (type !== FRAME_ENROLL_OK) return;
    if (enrolledAs !== null || id !== 0) throw new HandshakeError('ENROLL_OK twice or not on the session');
    enrolledAs = text(content);
  });
  const payload = { version, capabilities, initialWindowBytes, maxStreams, observedAddress, enrolledAs };
  checkMessage2(payload);
  return payload;
}

/** As much of a device name as fits an ENROLL frame, cut between characters. */
export function fitDeviceName(name: string): string {
  let fitted = '';
  let bytes = 0;
  for (const character of name) {
    bytes += utf8(character).length;
    if (bytes > PROTOCOL.deviceNameMaxBytes) break;
    fitted += character;
  }
  return fitted;
}

function checkMessage2(payload: Message2Payload): void {
  const { initialWindowBytes, maxStreams, observedAddress, enrolledAs } = payload;
  if (initialWindowBytes < 1 || initialWindowBytes > PROTOCOL.maxWindowBytes) {
    throw new HandshakeError('initial window out of bounds');
  }
  if (maxStreams < 1 || maxStreams > PROTOCOL.maxStreamsPerSession) {
    throw new HandshakeError('number of streams out of bounds');
  }
  if (!OBSERVED_ADDRESS.test(observedAddress)) throw new HandshakeError('observed address is no IP literal');
  if (enrolledAs !== null && !NODE_ID.test(enrolledAs)) throw new HandshakeError('not a node id');
}

function readVersion(reader: Reader): number {
  const version = reader.u8();
  if (version !== VERSION) {
    throw new HandshakeError(`the other side speaks version ${version}, this one ${VERSION}`);
  }
  return version;
}

function enrollBytes({ token, name }: Enroll): Uint8Array {
  if (token.length !== PROTOCOL.tokenBytes) {
    throw new HandshakeError(`a token has ${PROTOCOL.tokenBytes} bytes`);
  }
  const nameBytes = utf8(name);
  if (nameBytes.length > PROTOCOL.deviceNameMaxBytes) throw new HandshakeError('device name too long');
  const bytes = new Uint8Array(token.length + nameBytes.length);
  bytes.set(token);
  bytes.set(nameBytes, token.length);
  return bytes;
}

function readEnroll(content: Uint8Array): Enroll {
  const nameBytes = content.length - PROTOCOL.tokenBytes;
  if (nameBytes < 0 || nameBytes > PROTOCOL.deviceNameMaxBytes) {
    throw new HandshakeError('ENROLL of a wrong length');
  }
  return {
    token: new Uint8Array(content.subarray(0, PROTOCOL.tokenBytes)),
    name: text(content.subarray(PROTOCOL.tokenBytes)),
  };
}

function encodeFrame(type: number, content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(PROTOCOL.frameHeaderBytes + content.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, type);
  view.setUint32(5, content.length);
  bytes.set(content, PROTOCOL.frameHeaderBytes);
  return bytes;
}

/** Calls onFrame for each frame. It must skip the types that it does not know. */
function eachFrame(
  frames: Uint8Array,
  onFrame: (type: number, id: number, content: Uint8Array) => void,
): void {
  const reader = new Reader(frames);
  while (reader.left > 0) {
    const type = reader.u8();
    const id = reader.u32();
    onFrame(type, id, reader.take(reader.u32()));
  }
}

/** Reads forward. Throws HandshakeError past the end of the bytes. */
class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#step(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#step(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#step(4));
  }

  take(length: number): Uint8Array {
    const at = this.#step(length);
    return this.#bytes.subarray(at, at + length);
  }

  #step(length: number): number {
    const at = this.#at;
    if (length > this.left) throw new HandshakeError('payload cut short');
    this.#at += length;
    return at;
  }
}

const EMPTY = new Uint8Array(0);
const ENCODER = new TextEncoder();
const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function utf8(value: string): Uint8Array {
  return ENCODER.encode(value);
}

function text(bytes: Uint8Array): string {
  try {
    return DECODER.decode(bytes);
  } catch {
    throw new HandshakeError('text is not UTF-8');
  }
}
