// The head of an HTTP/1 message as byte ranges: its end is found as bytes arrive, then its fields are indexed in place. Strict, because
// request smuggling lives on lenient parsers: a line ends in CRLF and in nothing else.

import { CLIENT } from '../limits/bounds.ts';

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const COMMA = 0x2c;
const COLON = 0x3a;
const DELETE = 0x7f;

/** scan(): a control character, a bare CR or a bare LF. */
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
  expect: 4,
  connection: 5,
  proxyConnection: 6,
  upgrade: 7,
  proxyAuthorization: 8,
  hopByHop: 9,
  /** Only this proxy sends these; from a target they would be a lie about the route. */
  ours: 10,
} as const;
export type FieldKind = (typeof FIELD)[keyof typeof FIELD];

/** Trailer stays, because the trailers that it announces are passed on. */
const KNOWN_FIELDS: readonly (readonly [string, FieldKind])[] = [
  ['host', FIELD.host],
  ['content-length', FIELD.contentLength],
  ['transfer-encoding', FIELD.transferEncoding],
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
  #scanned = 0;
  #lineAt = 0;
  #lines = 0;
  #emptyLines = 0;

  reset(): void {
    this.headAt = this.#scanned = this.#lineAt = this.#lines = this.#emptyLines = 0;
  }

  /**
   * bytes[start..end) is everything since the head began. Returns the length of the head, including the empty line that ends it, 0 when
   * more bytes are needed, HEAD_MALFORMED or HEAD_TOO_LARGE.
   */
  scan(bytes: Uint8Array, start: number, end: number, emptyLinesMax: number): number {
    const limit = Math.min(end, start + CLIENT.httpHeadMaxBytes);
    let at = start + this.#scanned;
    while (at < limit) {
      const byte = bytes[at]!;
      if (byte >= SPACE ? byte !== DELETE : byte === TAB) {
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
   * Indexes the field lines in bytes[start..end), each of which ends in CRLF (RFC 9112 section 5). Returns "" or what is wrong.
   * `spaceBeforeColon` accepts one, as section 5.1 requires of a proxy for responses.
   */
  index(bytes: Uint8Array, start: number, end: number, spaceBeforeColon: boolean): string {
    this.count = 0;
    let at = start;
    while (at < end) {
      const i = this.count++;
      const nameAt = at;
      while (TOKEN[bytes[at]!] !== 0) at++;
      const nameEnd = at;
      if (nameEnd === nameAt) {
        return isBlank(bytes[at]!) ? 'a folded or indented header line' : 'a header without a proper name';
      }
      if (spaceBeforeColon) while (isBlank(bytes[at]!)) at++;
      if (bytes[at] !== COLON) {
        return isBlank(bytes[at]!)
          ? 'a space before the colon of a header'
          : 'a header without a proper name';
      }
      at++;
      while (isBlank(bytes[at]!)) at++;
      this.valueAt[i] = at;
      while (bytes[at] !== CR) at++;
      let valueEnd = at;
      while (isBlank(bytes[valueEnd - 1]!)) valueEnd--;
      this.kind[i] = fieldKind(bytes, nameAt, nameEnd);
      this.nameAt[i] = nameAt;
      this.nameEnd[i] = nameEnd;
      // An empty value between blanks ends where it starts.
      this.valueEnd[i] = Math.max(valueEnd, this.valueAt[i]!);
      at += 2;
    }
    return '';
  }

  /** Reads the connection options (RFC 9110 section 7.6.1) and marks every field that they name as hop-by-hop. */
  readConnection(bytes: Uint8Array): void {
    this.close = this.keepAlive = this.upgrade = this.namesFraming = false;
    for (let i = 0; i < this.count; i++) {
      const kind = this.kind[i];
      if (kind !== FIELD.connection && kind !== FIELD.proxyConnection) continue;
      const end = this.valueEnd[i]!;
      for (let at = this.valueAt[i]!; at < end; at++) {
        const commaAt = itemEnd(bytes, at, end);
        const itemAt = skipBlanks(bytes, at, commaAt);
        this.#option(bytes, itemAt, trimBlanks(bytes, itemAt, commaAt));
        at = commaAt;
      }
    }
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

function sameName(bytes: Uint8Array, start: number, end: number, nameAt: number, nameEnd: number): boolean {
  if (end - start !== nameEnd - nameAt) return false;
  for (let i = 0; i < end - start; i++) {
    if (TOKEN[bytes[start + i]!] !== TOKEN[bytes[nameAt + i]!]) return false;
  }
  return true;
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
