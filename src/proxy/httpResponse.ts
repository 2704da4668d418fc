// Reads the head of a target's HTTP/1 response (RFC 9110, RFC 9112) and rewrites it for the client of the proxy. The body is not read
// here, but in httpBody.ts.

import type { BodyFraming } from '../model/openRequest.ts';
import {
  CONNECTION_CLOSE,
  CONNECTION_KEEP_ALIVE,
  CONNECTION_UPGRADE,
  CRLF,
  HeadWriter,
} from './headWriter.ts';
import { CHUNKED, NO_BODY, UNTIL_CLOSE } from './httpBody.ts';
import {
  CODING_BAD,
  CODING_CHUNKED_LAST,
  contentLength,
  FIELD,
  FieldIndex,
  HEAD_TOO_LARGE,
  HeadScanner,
  RESPONSE_TEXT,
  transferCoding,
} from './httpFields.ts';

const CR = 0x0d;
const SPACE = 0x20;
const COLON = 0x3a;

const VERSION_1 = Buffer.from('HTTP/1.');
const OUR_VERSION = Buffer.from('HTTP/1.1 ');
const ONE_SPACE = Buffer.from(' ');
const ONE_COLON = Uint8Array.of(COLON);
const NO_HEAD = new Uint8Array(0);
/** The framing is refused. */
const REFUSED = -3;

const fields = new FieldIndex();
const writer = new HeadWriter();

/** What the meaning of a response depends on. A RequestHead will do. */
export interface RequestFacts {
  readonly method: string;
  readonly httpMinor: 0 | 1;
  readonly keepAlive: boolean;
  readonly upgrade: boolean;
}

/** One per forwarded request, or one for several with begin(). */
export class ResponseHeadParser {
  status = 0;
  /** What the client gets for the head just parsed; empty when an HTTP/1.0 client must not see an interim response. */
  head: Uint8Array = NO_HEAD;
  /** The head was a 1xx other than 101: call parse() again after it. Otherwise the body follows. */
  interim = false;
  /** Framing of the body; NO_BODY for an interim response. */
  framing: BodyFraming = NO_BODY;
  /** The client speaks HTTP/1.0, which has no chunks: it gets their data alone, and the end of its connection behind it. */
  unchunked = false;
  /** 101: both directions are opaque from here. */
  switched = false;
  /** The client's connection stays open after this response, as the rewritten head says. */
  keepAlive = false;
  /** Set by a parse() that returned -1, which always means badResponse. Continues the failure's sentence. */
  detail = '';
  /** Lines that the proxy adds after the target's: the last Proxy-Status is the nearest hop's (RFC 9209 section 2). */
  ownFields: Uint8Array = NO_HEAD;
  /**
   * Set before parse(): all of the request has been read. A final response that comes earlier says that the connection closes behind
   * it, because the rest of the request is in the way of another one (RFC 9112 section 9.6).
   */
  requestIsWhole = true;
  readonly #scanner = new HeadScanner(RESPONSE_TEXT);
  #request: RequestFacts;

  constructor(request: RequestFacts) {
    this.#request = request;
  }

  begin(request: RequestFacts): void {
    this.#request = request;
    this.#scanner.reset();
    this.detail = '';
  }

  /**
   * bytes[start..end) is everything received since the last whole head. Returns the length of the head, 0 when more bytes are needed,
   * or -1 when the response is malformed. Never throws. Joins folded lines in place.
   */
  parse(bytes: Uint8Array, start: number, end: number): number {
    if (this.detail !== '') return -1;
    const length = this.#scanner.scan(bytes, start, end, 0);
    if (length === 0) return 0;
    if (length === HEAD_TOO_LARGE) return this.#fail('its head is too large');
    if (length < 0) return this.#fail('a NUL in its head, or a line that does not end in CRLF');
    this.#scanner.reset();
    return this.#head(bytes, start, start + length) ? length : -1;
  }

  /** Status line: HTTP/1.x SP 3DIGIT [SP [reason]] CRLF. The second space is often missing in the wild (RFC 9112 section 4). */
  #head(bytes: Uint8Array, start: number, end: number): boolean {
    for (let i = 0; i < VERSION_1.length; i++) {
      if (bytes[start + i] !== VERSION_1[i]) return this.#refuse('it is not HTTP/1');
    }
    const minor = bytes[start + VERSION_1.length]! - 0x30;
    const statusAt = start + OUR_VERSION.length;
    const statusEnd = statusAt + 3;
    if ((minor !== 0 && minor !== 1) || bytes[statusAt - 1] !== SPACE)
      return this.#refuse('it is not HTTP/1');
    const status = contentLength(bytes, statusAt, statusEnd);
    if (status < 100 || (bytes[statusEnd] !== SPACE && bytes[statusEnd] !== CR)) {
      return this.#refuse('no proper status line');
    }
    let reasonEnd = statusEnd;
    while (bytes[reasonEnd] !== CR) reasonEnd++;

    const wrong = fields.indexResponse(bytes, reasonEnd + 2, end - 2);
    if (wrong !== '') return this.#refuse(wrong);
    // In the wild, Connection sometimes names Transfer-Encoding. Fields that frame the message stay, whatever it says.
    if (!fields.readConnection(bytes)) return this.#refuse('its Connection lists too many options');

    const { method, httpMinor, upgrade } = this.#request;
    this.status = status;
    this.switched = status === 101;
    this.interim = status < 200 && !this.switched;
    if (this.switched && !upgrade) return this.#refuse('it switches protocols unasked');
    const announced = this.#announcedFraming(bytes, minor);
    if (announced === REFUSED) return false;
    const bodiless = method === 'HEAD' || status < 200 || status === 204 || status === 304;
    if (this.switched) this.framing = UNTIL_CLOSE;
    else this.framing = bodiless ? NO_BODY : announced;
    this.unchunked = this.framing === CHUNKED && httpMinor === 0;
    const isDelimited = this.framing !== UNTIL_CLOSE && !this.unchunked;
    this.keepAlive = this.#request.keepAlive && isDelimited && this.requestIsWhole;
    // RFC 9110 section 15.2: no 1xx to an HTTP/1.0 client.
    if (this.interim && httpMinor === 0) this.head = NO_HEAD;
    else this.#rewrite(bytes, statusAt, statusEnd, reasonEnd);
    return true;
  }

  /** RFC 9112 section 6.3, rules 3 to 5 and 8: what the header fields say, before the request and the status are considered. */
  #announcedFraming(bytes: Uint8Array, minor: number): BodyFraming {
    let length = -1;
    let coding = -1;
    for (let i = 0; i < fields.count; i++) {
      const kind = fields.kind[i];
      if (kind === FIELD.contentLength) {
        const value = contentLength(bytes, fields.valueAt[i]!, fields.valueEnd[i]!);
        if (value < 0) return this.#badFraming('its Content-Length is no number');
        if (length >= 0 && value !== length) return this.#badFraming('its Content-Length headers differ');
        // The same value again: only one is passed on (RFC 9110 section 8.6).
        if (length >= 0) fields.kind[i] = FIELD.hopByHop;
        length = value;
      } else if (kind === FIELD.transferEncoding) {
        if (coding >= 0) return this.#badFraming('two Transfer-Encoding headers');
        coding = transferCoding(bytes, fields.valueAt[i]!, fields.valueEnd[i]!);
        if (coding === CODING_BAD) return this.#badFraming('its Transfer-Encoding is malformed');
      }
    }
    if (coding < 0) return length < 0 ? UNTIL_CLOSE : length;
    if (minor === 0) return this.#badFraming('Transfer-Encoding in HTTP/1.0');
    return coding === CODING_CHUNKED_LAST ? CHUNKED : UNTIL_CLOSE;
  }

  /** Replaces everything that concerns one hop by the proxy's own towards its client. */
  #rewrite(bytes: Uint8Array, statusAt: number, statusEnd: number, reasonEnd: number): void {
    const dropped = this.#droppedFraming();
    writer.begin();
    writer.add(OUR_VERSION);
    writer.copy(bytes, statusAt, statusEnd);
    writer.add(ONE_SPACE);
    writer.copy(bytes, Math.min(statusEnd + 1, reasonEnd), reasonEnd);
    writer.add(CRLF);
    let connectionLine: Uint8Array | undefined = this.#connectionLine();
    for (let i = 0; i < fields.count; i++) {
      const kind = fields.kind[i]!;
      if (kind === FIELD.contentLength || kind === FIELD.transferEncoding) {
        if ((dropped & (1 << kind)) === 0) this.#copyField(bytes, i);
      } else if (kind <= FIELD.expect || (kind === FIELD.upgrade && this.switched)) this.#copyField(bytes, i);
      else if (connectionLine && (kind === FIELD.connection || kind === FIELD.proxyConnection)) {
        writer.add(connectionLine);
        connectionLine = undefined;
      }
    }
    if (connectionLine) writer.add(connectionLine);
    if (!this.interim) writer.add(this.ownFields);
    writer.add(CRLF);
    this.head = writer.take();
  }

  /**
   * Bits (1 << FIELD) of the framing fields that the client must not see: both for a status that never has a body (RFC 9110 section
   * 8.6, RFC 9112 section 6.1), Content-Length beside Transfer-Encoding (RFC 9112 section 6.3), Transfer-Encoding in HTTP/1.0.
   */
  #droppedFraming(): number {
    const length = 1 << FIELD.contentLength;
    const coding = 1 << FIELD.transferEncoding;
    if (this.status < 200 || this.status === 204) return length | coding;
    let dropped = this.#request.httpMinor === 0 ? coding : 0;
    for (let i = 0; i < fields.count; i++) if (fields.kind[i] === FIELD.transferEncoding) dropped |= length;
    return dropped;
  }

  #connectionLine(): Uint8Array | undefined {
    if (this.interim) return undefined;
    if (this.switched) return CONNECTION_UPGRADE;
    return this.keepAlive ? CONNECTION_KEEP_ALIVE : CONNECTION_CLOSE;
  }

  /** As received, but without blanks before the colon (RFC 9112 section 5.1) and after the value. */
  #copyField(bytes: Uint8Array, i: number): void {
    let colonAt = fields.nameEnd[i]!;
    writer.copy(bytes, fields.nameAt[i]!, colonAt);
    while (bytes[colonAt] !== COLON) colonAt++;
    writer.add(ONE_COLON);
    writer.copy(bytes, colonAt + 1, fields.valueEnd[i]!);
    writer.add(CRLF);
  }

  #badFraming(detail: string): number {
    this.#fail(detail);
    return REFUSED;
  }

  #refuse(detail: string): false {
    this.#fail(detail);
    return false;
  }

  #fail(detail: string): -1 {
    this.detail = detail;
    return -1;
  }
}
