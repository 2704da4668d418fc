// The frames of a WebSocket (RFC 6455, section 5) around a tunnel: the payloads of its binary messages, one behind the other, are the bytes
// that TCP would carry. Pure: the decoder closes the gaps that headers leave, in place.

import { ProtocolError } from './protocolError.ts';

export const FRAME_HEADER_MAX_BYTES = 14;
const CONTROL_PAYLOAD_MAX_BYTES = 125;

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

const FIN = 0x80;
const RESERVED = 0x70;
const CONTROL = 0x08;
const MASKED = 0x80;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const MASK_BYTES = 4;
const EMPTY = new Uint8Array(0);

/** Of the header that writeFrameHeader() writes. */
export function frameHeaderBytes(payloadBytes: number, masked: boolean): number {
  const length = payloadBytes < LENGTH_16 ? 2 : payloadBytes <= 0xffff ? 4 : 10;
  return masked ? length + MASK_BYTES : length;
}

/**
 * Writes the header of a whole message. `masked`: with the key 0, which changes no byte. A key nobody can guess keeps a web page from choosing
 * what a proxy on the way sees; here that is ciphertext.
 */
export function writeFrameHeader(
  bytes: Uint8Array,
  offset: number,
  opcode: number,
  payloadBytes: number,
  masked: boolean,
): void {
  const end = offset + frameHeaderBytes(payloadBytes, masked);
  bytes.fill(0, offset, end);
  bytes[offset] = FIN | opcode;
  const maskBit = masked ? MASKED : 0;
  if (payloadBytes < LENGTH_16) bytes[offset + 1] = maskBit | payloadBytes;
  else {
    const lengthEnd = masked ? end - MASK_BYTES : end;
    bytes[offset + 1] = maskBit | (payloadBytes <= 0xffff ? LENGTH_16 : LENGTH_64);
    for (let at = lengthEnd - 1, rest = payloadBytes; rest > 0; at--, rest = Math.floor(rest / 256))
      bytes[at] = rest % 256;
  }
}

export class WebSocketDecoder {
  /** Whether the peer is a client, which has to mask. */
  readonly #isMasked: boolean;
  readonly #header = new Uint8Array(FRAME_HEADER_MAX_BYTES);
  #headerBytes = 0;
  /** Of the frame whose header is whole. */
  #inFrame = false;
  #opcode = 0;
  #isFinal = false;
  #leftBytes = 0;
  #maskAt = 0;
  #hasMask = false;
  #maskTurn = 0;
  readonly #control = new Uint8Array(CONTROL_PAYLOAD_MAX_BYTES);
  #controlBytes = 0;
  /** Within a message of several frames. */
  #isContinued = false;
  /** The peer has sent its Close: what follows is not looked at. */
  isClosed = false;
  /** The payload of the last Ping that nobody has answered; null: none. */
  ping: Uint8Array | null = null;

  constructor(isMasked: boolean) {
    this.#isMasked = isMasked;
  }

  /** bytes[start, end) has come. Moves what messages carry to `start`, and returns how much that is. Throws ProtocolError. */
  decode(bytes: Uint8Array, start: number, end: number): number {
    let to = start;
    for (let from = start; from < end && !this.isClosed; ) {
      if (!this.#inFrame) {
        from = this.#readHeader(bytes, from, end);
        continue;
      }
      const count = Math.min(this.#leftBytes, end - from);
      if ((this.#opcode & CONTROL) !== 0) this.#takeControl(bytes, from, count);
      else {
        if (to !== from) bytes.copyWithin(to, from, from + count);
        this.#unmask(bytes, to, count);
        to += count;
      }
      from += count;
      this.#leftBytes -= count;
      if (this.#leftBytes === 0) this.#endFrame();
    }
    return to - start;
  }

  /** Reads on in the header. Returns where it stopped. */
  #readHeader(bytes: Uint8Array, start: number, end: number): number {
    const header = this.#header;
    let from = start;
    while (from < end) {
      header[this.#headerBytes++] = bytes[from++]!;
      if (this.#headerBytes < 2 || this.#headerBytes < this.#wholeHeaderBytes()) continue;
      this.#headerBytes = 0;
      this.#beginFrame();
      break;
    }
    return from;
  }

  #wholeHeaderBytes(): number {
    const second = this.#header[1]!;
    const length = second & 0x7f;
    const extended = length === LENGTH_64 ? 8 : length === LENGTH_16 ? 2 : 0;
    return 2 + extended + ((second & MASKED) !== 0 ? MASK_BYTES : 0);
  }

  #beginFrame(): void {
    const [first = 0, second = 0] = this.#header;
    const opcode = first & 0x0f;
    if ((first & RESERVED) !== 0) throw new ProtocolError('a WebSocket frame uses an extension');
    if (((second & MASKED) !== 0) !== this.#isMasked)
      throw new ProtocolError(`a WebSocket frame is ${this.#isMasked ? 'not masked' : 'masked'}`);
    this.#isFinal = (first & FIN) !== 0;
    this.#opcode = opcode;
    this.#leftBytes = this.#length(second & 0x7f);
    this.#maskAt = this.#wholeHeaderBytes() - MASK_BYTES;
    this.#maskTurn = 0;
    this.#hasMask =
      this.#isMasked && this.#header.subarray(this.#maskAt, this.#maskAt + MASK_BYTES).some(Boolean);
    this.#checkOpcode(opcode);
    this.#inFrame = true;
    if (this.#leftBytes === 0) this.#endFrame();
  }

  #length(short: number): number {
    if (short < LENGTH_16) return short;
    const end = short === LENGTH_16 ? 4 : 10;
    let length = 0;
    for (let at = 2; at < end; at++) length = length * 256 + this.#header[at]!;
    if (length > Number.MAX_SAFE_INTEGER) throw new ProtocolError('a WebSocket frame without end');
    return length;
  }

  #checkOpcode(opcode: number): void {
    if ((opcode & CONTROL) !== 0) {
      const isKnown = opcode === OPCODE.close || opcode === OPCODE.ping || opcode === OPCODE.pong;
      if (!isKnown || !this.#isFinal || this.#leftBytes > CONTROL_PAYLOAD_MAX_BYTES)
        throw new ProtocolError('a WebSocket control frame that there is not');
      this.#controlBytes = 0;
      return;
    }
    const expected = this.#isContinued ? OPCODE.continuation : OPCODE.binary;
    if (opcode !== expected) throw new ProtocolError('a WebSocket message that is not binary');
    this.#isContinued = !this.#isFinal;
  }

  #takeControl(bytes: Uint8Array, from: number, count: number): void {
    this.#control.set(bytes.subarray(from, from + count), this.#controlBytes);
    this.#unmask(this.#control, this.#controlBytes, count);
    this.#controlBytes += count;
  }

  #unmask(bytes: Uint8Array, offset: number, count: number): void {
    if (!this.#hasMask) return;
    const header = this.#header;
    for (let at = offset; at < offset + count; at++) {
      bytes[at]! ^= header[this.#maskAt + this.#maskTurn]!;
      this.#maskTurn = (this.#maskTurn + 1) & 3;
    }
  }

  #endFrame(): void {
    this.#inFrame = false;
    if (this.#opcode === OPCODE.close) this.isClosed = true;
    else if (this.#opcode === OPCODE.ping)
      this.ping = this.#controlBytes === 0 ? EMPTY : this.#control.slice(0, this.#controlBytes);
  }
}
