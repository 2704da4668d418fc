// The head of an HTTP/1 message as byte ranges: its end is found as bytes arrive, then its fields are indexed in place. Strict with
// requests and with whatever frames a message, because smuggling lives on lenient parsers: a line ends in CRLF and in nothing else.

import { CLIENT } from '../limits/clients.ts';

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const NUL = 0x00;
const SPACE = 0x20;
const COMMA = 0x2c;
const COLON = 0x3a;
const DELETE = 0x7f;

/** 1 for every byte that a line of a request may hold. */
export const REQUEST_TEXT = new Uint8Array(256).fill(1);
REQUEST_TEXT.fill(0, 0, SPACE);
REQUEST_TEXT[TAB] = 1;
REQUEST_TEXT[DELETE] = 0;
/** Sites send control characters, and browsers show their pages: all may stay but these three (RFC 9110 section 5.5). */
export const RESPONSE_TEXT = new Uint8Array(256).fill(1);
for (const byte of [NUL, CR, LF]) RESPONSE_TEXT[byte] = 0;

/** scan(): a character that no line may hold, a bare CR or a bare LF. */
export const HEAD_MALFORMED = -1;
/** scan(): past CLIENT.httpHeadMaxBytes or CLIENT.httpHeaderCountMax. */
export const HEAD_TOO_LARGE = -2;

/** The lower case of every byte that a token may contain (RFC 9110 section 5.6.2), 0 for every other byte. */
const TOKEN = new Uint8Array(256);
for (const char of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") {
  TOKEN[char.charCodeAt(0)] = char.charCodeAt(0);
  TOKEN[char.toUpperCase().charCodeAt(0)] = char.charCodeAt(0);
}

const CLOSE = Buffer.from('close');
const KEEP_ALIVE = Buffer.from('keep-alive');
const UPGRADE = Buffer.from('upgrade');
const CHUNKED_CODING = Buffer.from('chunked');

/** The fields that a proxy must know. Those after `expect` concern one hop only. */
export const FIELD = {
  other: 0,
  host: 1,
  contentLength: 2,
  transferEncoding: 3,
  maxForwards: 4,
  expect: 5,
  connection: 6,
  proxyConnection: 7,
  upgrade: 8,
  proxyAuthorization: 9,
  hopByHop: 10,
  /** Only this proxy sends these; from a target they would be a lie about the route. */
  ours: 11,
} as const;
export type FieldKind = (typeof FIELD)[keyof typeof FIELD];

/** Trailer stays, because the trailers that it announces are passed on. */
const KNOWN_FIELDS: readonly (readonly [string, FieldKind])[] = [
  ['host', FIELD.host],
  ['content-length', FIELD.contentLength],
  ['transfer-encoding', FIELD.transferEncoding],
  ['max-forwards', FIELD.maxForwards],
  ['expect', FIELD.expect],
  ['connection', FIELD.connection],
  ['proxy-connection', FIELD.proxyConnection],
  ['upgrade', FIELD.upgrade],
  ['proxy-authorization', FIELD.proxyAuthorization],
  ['keep-alive', FIELD.hopByHop],
  ['te', FIELD.hopByHop],
  ['proxy-authenticate', FIELD.hopByHop],
  ['proxy-authentication-info', FIELD.hopByHop],
  ['x-restunnel-node', FIELD.ours],
  ['x-restunnel-session', FIELD.ours],
  ['x-restunnel-exit-ip', FIELD.ours],
];
const KNOWN_BY_LENGTH: [Uint8Array, FieldKind][][] = Array.from({ length: 26 }, () => []);
for (const [name, kind] of KNOWN_FIELDS) KNOWN_BY_LENGTH[name.length]?.push([Buffer.from(name), kind]);

export function isToken(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (TOKEN[bytes[at]!] === 0) return false;
  return end > start;
}

/** Whether a range holds this text, ignoring case. `lower` is ASCII token characters in lower case. */
export function equalsText(bytes: Uint8Array, start: number, end: number, lower: Uint8Array): boolean {
  if (end - start !== lower.length) return false;
  for (let i = 0; i < lower.length; i++) if (TOKEN[bytes[start + i]!] !== lower[i]) return false;
  return true;
}

function fieldKind(bytes: Uint8Array, start: number, end: number): FieldKind {
  const candidates = KNOWN_BY_LENGTH[end - start];
  if (candidates === undefined) return FIELD.other;
  for (const [name, kind] of candidates) if (equalsText(bytes, start, end, name)) return kind;
  return FIELD.other;
}

/** Finds the end of a head. It looks at every byte once, however often it is called with more. */
export class HeadScanner {
  /** Offset of the start line from `start`, after leading empty lines. */
  headAt = 0;
  readonly #text: Uint8Array;
  #scanned = 0;
  #lineAt = 0;
  #lines = 0;
  #emptyLines = 0;

  /** `text`: REQUEST_TEXT or RESPONSE_TEXT. */
  constructor(text: Uint8Array) {
    this.#text = text;
  }

  reset(): void {
    this.headAt = this.#scanned = this.#lineAt = this.#lines = this.#emptyLines = 0;
  }

  /**
   * bytes[start..end) is everything since the head began. Returns the length of the head, including the empty line that ends it, 0 when
   * more bytes are needed, HEAD_MALFORMED or HEAD_TOO_LARGE.
   */
  scan(bytes: Uint8Array, start: number, end: number, emptyLinesMax: number): number {
    const limit = Math.min(end, start + CLIENT.httpHeadMaxBytes);
    const text = this.#text;
    let at = start + this.#scanned;
    while (at < limit) {
      const byte = bytes[at]!;
      if (text[byte] !== 0) {
        at++;
        continue;
      }
      if (byte !== CR) return HEAD_MALFORMED;
      if (at + 1 === limit) break;
      if (bytes[at + 1] !== LF) return HEAD_MALFORMED;
      const empty = at - start === this.#lineAt;
      at += 2;
      if (empty && this.#lines > 0) return at - start;
      this.#lineAt = at - start;
      if (empty) {
        if (++this.#emptyLines > emptyLinesMax) return HEAD_MALFORMED;
        this.headAt = this.#lineAt;
      } else if (++this.#lines > CLIENT.httpHeaderCountMax + 1) return HEAD_TOO_LARGE;
    }
    this.#scanned = at - start;
    return end - start >= CLIENT.httpHeadMaxBytes ? HEAD_TOO_LARGE : 0;
  }
}

/** The fields of one scanned head. One instance serves every connection of a thread, because nothing outlives the parse that filled it. */
export class FieldIndex {
  count = 0;
  readonly kind = new Uint8Array(CLIENT.httpHeaderCountMax);
  readonly nameAt = new Int32Array(CLIENT.httpHeaderCountMax);
  readonly nameEnd = new Int32Array(CLIENT.httpHeaderCountMax);
  readonly valueAt = new Int32Array(CLIENT.httpHeaderCountMax);
  readonly valueEnd = new Int32Array(CLIENT.httpHeaderCountMax);
  /** What Connection and Proxy-Connection said, after readConnection(). */
  close = false;
  keepAlive = false;
  upgrade = false;
  /** Connection named Host, Content-Length or Transfer-Encoding, which are not connection options. */
  namesFraming = false;

  /**
   * Indexes the field lines of a request in bytes[start..end), each of which ends in CRLF (RFC 9112 section 5). Returns "" or what is
   * wrong.
   */
  indexRequest(bytes: Uint8Array, start: number, end: number): string {
    this.count = 0;
    let at = start;
    while (at < end) {
      const nameAt = at;
      while (TOKEN[bytes[at]!] !== 0) at++;
      if (at === nameAt && isBlank(bytes[at]!)) return 'a folded or indented header line';
      if (at > nameAt && isBlank(bytes[at]!)) return 'a space before the colon of a header';
      if (at === nameAt || bytes[at] !== COLON) return 'a header without a proper name';
      const i = this.#add(bytes, nameAt, at, at + 1);
      at = endOfLine(bytes, at);
      this.#endValue(bytes, i, at);
      at += 2;
    }
    return '';
  }

  /**
   * Likewise for a response, whose site the client did not write: malformed lines are left out and folded ones joined in place (RFC 9112
   * section 5.2), as browsers do, and blanks before the colon are not part of the name (section 5.1). Only what may frame the message
   * must be well formed.
   */
  indexResponse(bytes: Uint8Array, start: number, end: number): string {
    this.count = 0;
    let at = start;
    while (at < end) {
      const lineAt = at;
      while (TOKEN[bytes[at]!] !== 0) at++;
      const nameEnd = at;
      while (isBlank(bytes[at]!)) at++;
      if (nameEnd === lineAt || bytes[at] !== COLON) {
        at = endOfLine(bytes, at);
        if (looksLikeFraming(bytes, lineAt, at)) return 'a malformed header that may frame its body';
        at += 2;
        continue;
      }
      const i = this.#add(bytes, lineAt, nameEnd, at + 1);
      at = endOfLine(bytes, at);
      while (at + 2 < end && isBlank(bytes[at + 2]!)) {
        if (UNFOLDABLE.has(this.kind[i]!)) return 'a folded header that frames its body';
        bytes[at] = bytes[at + 1] = SPACE;
        at = endOfLine(bytes, at);
      }
      this.#endValue(bytes, i, at);
      at += 2;
    }
    return '';
  }

  #add(bytes: Uint8Array, nameAt: number, nameEnd: number, valueAt: number): number {
    const i = this.count++;
    this.kind[i] = fieldKind(bytes, nameAt, nameEnd);
    this.nameAt[i] = nameAt;
    this.nameEnd[i] = nameEnd;
    this.valueAt[i] = valueAt;
    return i;
  }

  /** The value's line ends: blanks around it are not part of it. An empty value between blanks ends where it starts. */
  #endValue(bytes: Uint8Array, i: number, lineEnd: number): void {
    const valueAt = skipBlanks(bytes, this.valueAt[i]!, lineEnd);
    this.valueAt[i] = valueAt;
    this.valueEnd[i] = trimBlanks(bytes, valueAt, lineEnd);
  }

  /**
   * Reads the connection options (RFC 9110 section 7.6.1) and marks every field that they name as hop-by-hop. False when there are too
   * many of them.
   */
  readConnection(bytes: Uint8Array): boolean {
    this.close = this.keepAlive = this.upgrade = this.namesFraming = false;
    let options = 0;
    for (let i = 0; i < this.count; i++) {
      const kind = this.kind[i];
      if (kind !== FIELD.connection && kind !== FIELD.proxyConnection) continue;
      const end = this.valueEnd[i]!;
      for (let at = this.valueAt[i]!; at < end; at++) {
        if (++options > CLIENT.httpConnectionOptionsMax) return false;
        const commaAt = itemEnd(bytes, at, end);
        const itemAt = skipBlanks(bytes, at, commaAt);
        this.#option(bytes, itemAt, trimBlanks(bytes, itemAt, commaAt));
        at = commaAt;
      }
    }
    return true;
  }

  #option(bytes: Uint8Array, start: number, end: number): void {
    if (end === start) return;
    if (equalsText(bytes, start, end, CLOSE)) this.close = true;
    else if (equalsText(bytes, start, end, KEEP_ALIVE)) this.keepAlive = true;
    else if (equalsText(bytes, start, end, UPGRADE)) this.upgrade = true;
    else {
      for (let i = 0; i < this.count; i++) {
        if (!sameName(bytes, start, end, this.nameAt[i]!, this.nameEnd[i]!)) continue;
        const kind = this.kind[i]!;
        if (kind === FIELD.host || kind === FIELD.contentLength || kind === FIELD.transferEncoding) {
          this.namesFraming = true;
        } else if (kind === FIELD.other || kind === FIELD.expect) this.kind[i] = FIELD.hopByHop;
      }
    }
  }
}

/** Transfer-Encoding is not a list of plain codings, or has `chunked` before its end. */
export const CODING_BAD = 0;
export const CODING_CHUNKED_LAST = 1;
export const CODING_NOT_CHUNKED = 2;

/** RFC 9112 section 6.1. Refuses codings with parameters and empty list items, which no honest peer sends. */
export function transferCoding(bytes: Uint8Array, start: number, end: number): number {
  let chunked = false;
  for (let at = start; at <= end; at++) {
    const commaAt = itemEnd(bytes, at, end);
    const itemAt = skipBlanks(bytes, at, commaAt);
    const trimmed = trimBlanks(bytes, itemAt, commaAt);
    if (chunked || !isToken(bytes, itemAt, trimmed)) return CODING_BAD;
    chunked = equalsText(bytes, itemAt, trimmed, CHUNKED_CODING);
    at = commaAt;
  }
  return chunked ? CODING_CHUNKED_LAST : CODING_NOT_CHUNKED;
}

/** Content-Length (RFC 9110 section 8.6): only digits, up to 2^53 - 1; -1 for anything else. */
export function contentLength(bytes: Uint8Array, start: number, end: number): number {
  let length = 0;
  for (let at = start; at < end; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
    if (length > Number.MAX_SAFE_INTEGER) return -1;
  }
  return end > start ? length : -1;
}

/** A line that is no field, but might be Content-Length or Transfer-Encoding to a reader with more imagination: by its letters alone. */
function looksLikeFraming(bytes: Uint8Array, start: number, end: number): boolean {
  let letters = '';
  for (let at = start; at < end && letters.length < LONGEST_FRAMING; at++) {
    const lower = bytes[at]! | 0x20;
    if (lower >= 0x61 && lower <= 0x7a) letters += String.fromCharCode(lower);
  }
  return letters.startsWith('contentlength') || letters.startsWith('transferencoding');
}

const LONGEST_FRAMING = 'transferencoding'.length;
const UNFOLDABLE: ReadonlySet<number> = new Set([
  FIELD.contentLength,
  FIELD.transferEncoding,
  FIELD.connection,
  FIELD.proxyConnection,
]);

function sameName(bytes: Uint8Array, start: number, end: number, nameAt: number, nameEnd: number): boolean {
  if (end - start !== nameEnd - nameAt) return false;
  for (let i = 0; i < end - start; i++) {
    if (TOKEN[bytes[start + i]!] !== TOKEN[bytes[nameAt + i]!]) return false;
  }
  return true;
}

/** Where the CR is: every line that was scanned has one. */
function endOfLine(bytes: Uint8Array, start: number): number {
  let at = start;
  while (bytes[at] !== CR) at++;
  return at;
}

function itemEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== COMMA) at++;
  return at;
}

function skipBlanks(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && isBlank(bytes[at]!)) at++;
  return at;
}

function trimBlanks(bytes: Uint8Array, start: number, end: number): number {
  let at = end;
  while (at > start && isBlank(bytes[at - 1]!)) at--;
  return at;
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}
