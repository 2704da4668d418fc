// Where the body of an HTTP/1 message ends (RFC 9112 section 6), found in bytes that are passed on untouched. One tracker per direction
// of a proxied HTTP connection; it allocates nothing after its construction.

import { hexDigit } from '../base/ipAddress.ts';
import { CLIENT } from '../limits/clients.ts';
import type { BodyFraming } from '../model/openRequest.ts';
import { REQUEST_TEXT, RESPONSE_TEXT } from './httpFields.ts';

export const NO_BODY = 0;
export const CHUNKED = -1;
/** Responses only: the body ends with the connection. */
export const UNTIL_CLOSE = -2;

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const TAB = 0x09;
const COLON = 0x3a;
const SEMICOLON = 0x3b;
const DELETE = 0x7f;

/** What the next byte is. The states of a chunked body follow RFC 9112 section 7.1 from top to bottom. */
const STATE = {
  counted: 0,
  endless: 1,
  sizeFirst: 2,
  size: 3,
  /** Blanks after the size: allowed before an extension (RFC 9112 section 7.1.1), at the end of the line only from old servers. */
  sizeBlank: 4,
  extension: 5,
  sizeLf: 6,
  data: 7,
  dataCr: 8,
  dataLf: 9,
  trailerFirst: 10,
  trailerName: 11,
  trailerValue: 12,
  trailerLf: 13,
  endLf: 14,
  done: 15,
  failed: 16,
} as const;

export class BodyTracker {
  #state: number = STATE.done;
  /** Bytes still to come of a counted body or of a chunk's data; while a chunk size is read, the size so far. */
  #remaining = 0;
  /** Bytes of the chunk's extensions, or of the trailer section, so far. */
  #bounded = 0;
  #fromSite = false;

  /** The message is complete. */
  get done(): boolean {
    return this.#state === STATE.done;
  }

  /** The framing is broken: nothing after the bytes consumed so far can be trusted. */
  get failed(): boolean {
    return this.#state === STATE.failed;
  }

  /** Bytes of data that come next in a chunked body; 0 where it is framing that comes next. */
  get dataBytes(): number {
    return this.#state === STATE.data ? this.#remaining : 0;
  }

  /**
   * `fromSite`: it is a response, which the client takes as it is: blanks may end a chunk's size, as old servers pad it, and trailers
   * and extensions may hold what browsers put up with.
   */
  begin(framing: BodyFraming, fromSite = false): void {
    this.#fromSite = fromSite;
    this.#remaining = framing > 0 ? framing : 0;
    this.#bounded = 0;
    if (framing === CHUNKED) this.#state = STATE.sizeFirst;
    else if (framing === UNTIL_CLOSE) this.#state = STATE.endless;
    else this.#state = framing > 0 ? STATE.counted : STATE.done;
  }

  /** The sender closed its direction: the message is complete or, short of the announced end, failed. */
  endOfInput(): void {
    if (this.#state === STATE.endless) this.#state = STATE.done;
    else if (this.#state !== STATE.done) this.#state = STATE.failed;
  }

  /** How many of bytes[start..end) belong to this message: fewer than all when it is done or failed. Never throws. */
  advance(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end) {
      switch (this.#state) {
        case STATE.counted:
        case STATE.data: {
          const take = Math.min(this.#remaining, end - at);
          this.#remaining -= take;
          at += take;
          if (this.#remaining === 0) this.#state = this.#state === STATE.data ? STATE.dataCr : STATE.done;
          break;
        }
        case STATE.endless:
          return end - start;
        case STATE.done:
        case STATE.failed:
          return at - start;
        default:
          at += this.advanceFraming(bytes, at, end);
      }
    }
    return at - start;
  }

  /** As advance(), but only up to a chunk's data. */
  advanceFraming(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (
      at < end &&
      this.#state > STATE.endless &&
      this.#state < STATE.done &&
      this.#state !== STATE.data
    ) {
      this.#state = this.#framingByte(bytes[at]!);
      if (this.#state === STATE.failed) break;
      at++;
    }
    return at - start;
  }

  /** One byte of framing: returns the state after it. */
  #framingByte(byte: number): number {
    switch (this.#state) {
      case STATE.sizeFirst:
        this.#remaining = hexDigit(byte);
        this.#bounded = 0;
        return this.#remaining < 0 ? STATE.failed : STATE.size;
      case STATE.size: {
        const digit = hexDigit(byte);
        if (digit < 0) {
          this.#bounded = 0;
          return this.#afterSize(byte);
        }
        this.#remaining = this.#remaining * 16 + digit;
        if (this.#remaining > Number.MAX_SAFE_INTEGER) return STATE.failed;
        // Leading zeros add nothing, so the number alone would not limit them.
        return ++this.#bounded >= CLIENT.httpChunkSizeDigitsMax ? STATE.failed : STATE.size;
      }
      case STATE.sizeBlank:
        if (byte === CR) return this.#fromSite ? STATE.sizeLf : STATE.failed;
        return ++this.#bounded > CLIENT.httpChunkExtensionMaxBytes ? STATE.failed : this.#afterSize(byte);
      case STATE.extension:
        if (byte === CR) return STATE.sizeLf;
        return this.#boundedText(byte, CLIENT.httpChunkExtensionMaxBytes) ? STATE.extension : STATE.failed;
      case STATE.sizeLf:
        if (byte !== LF) return STATE.failed;
        this.#bounded = 0;
        return this.#remaining > 0 ? STATE.data : STATE.trailerFirst;
      case STATE.dataCr:
        return byte === CR ? STATE.dataLf : STATE.failed;
      case STATE.dataLf:
        return byte === LF ? STATE.sizeFirst : STATE.failed;
      case STATE.trailerFirst:
        if (byte === CR) return STATE.endLf;
        if (!this.#boundedText(byte, CLIENT.httpTrailerMaxBytes)) return STATE.failed;
        if (this.#fromSite) return STATE.trailerValue;
        return isNameByte(byte) ? STATE.trailerName : STATE.failed;
      case STATE.trailerName:
        if (!this.#boundedText(byte, CLIENT.httpTrailerMaxBytes)) return STATE.failed;
        if (byte === COLON) return STATE.trailerValue;
        return isNameByte(byte) ? STATE.trailerName : STATE.failed;
      case STATE.trailerValue:
        if (byte === CR) return STATE.trailerLf;
        return this.#boundedText(byte, CLIENT.httpTrailerMaxBytes) ? STATE.trailerValue : STATE.failed;
      case STATE.trailerLf:
        return byte === LF ? STATE.trailerFirst : STATE.failed;
      default:
        return byte === LF ? STATE.done : STATE.failed;
    }
  }

  #afterSize(byte: number): number {
    if (byte === CR) return STATE.sizeLf;
    if (byte === SEMICOLON) return STATE.extension;
    return byte === SPACE || byte === TAB ? STATE.sizeBlank : STATE.failed;
  }

  #boundedText(byte: number, maxBytes: number): boolean {
    const text = this.#fromSite ? RESPONSE_TEXT : REQUEST_TEXT;
    return text[byte] !== 0 && ++this.#bounded <= maxBytes;
  }
}

/** Trailers are passed on unread, so a name need only be visible ASCII without a colon. */
function isNameByte(byte: number): boolean {
  return byte > SPACE && byte < DELETE && byte !== COLON;
}
