// Reads the head of an HTTP client's request to the proxy (RFC 9110, RFC 9112): CONNECT, or a request in absolute-form. httpBody.ts reads
// the body.

import { CLIENT } from '../limits/clients.ts';
import type { FailureName } from '../model/failures.ts';
import type { BodyFraming } from '../model/openRequest.ts';
import { CHUNKED, NO_BODY } from './httpBody.ts';
import {
  CODING_CHUNKED_LAST,
  contentLength,
  equalsText,
  FIELD,
  FieldIndex,
  HEAD_TOO_LARGE,
  HeadScanner,
  isToken,
  REQUEST_TEXT,
  transferCoding,
} from './httpFields.ts';
import { answerToOptions, answerToTrace } from './lastHop.ts';
import { rewriteRequest } from './requestRewrite.ts';
import { hostText, ipv6Text, latin1Text, portNumber } from './target.ts';

const CR = 0x0d;
const SPACE = 0x20;
const HASH = 0x23;
const STAR = 0x2a;
const SLASH = 0x2f;
const COLON = 0x3a;
const QUESTION = 0x3f;
const AT_SIGN = 0x40;
const BRACKET_OPEN = 0x5b;
const BRACKET_CLOSE = 0x5d;

const DEFAULT_PORT = 80;
const HTTP_SCHEME = Buffer.from('http://');
const VERSION_1 = Buffer.from('HTTP/1.');
const HEAD_METHOD = Buffer.from('HEAD ');
const WEBSOCKET = Buffer.from('websocket');
const CONTINUE = Buffer.from('100-continue');

const NO_HEAD = new Uint8Array(0);
/** The framing is refused. */
const REFUSED = -3;

const fields = new FieldIndex();

export interface RequestHead {
  /** `connect`: a tunnel. `forward`: the target gets `head`, then the body. `lastHop`: the client gets `head`, and that is all. */
  readonly kind: 'connect' | 'forward' | 'lastHop';
  readonly method: string;
  /** A domain name or IP literal, IPv6 canonical and without brackets. */
  readonly host: string;
  readonly port: number;
  /** The client speaks HTTP/1.0 or HTTP/1.1. The rewritten head always says 1.1: a version is a hop's own (RFC 9112 section 2.3). */
  readonly httpMinor: 0 | 1;
  /** Empty for `connect`. */
  readonly head: Uint8Array;
  /** Framing of the request's body. */
  readonly framing: BodyFraming;
  /** The client is willing to send another request on its connection. */
  readonly keepAlive: boolean;
  /** The client waits for a 100 (Continue) before its body. */
  readonly expectContinue: boolean;
  /** The client asks for a WebSocket. After a 101 both directions are opaque. */
  readonly upgrade: boolean;
  /** From Proxy-Authorization: Basic. */
  readonly user: string | undefined;
  readonly password: string | undefined;
}

/** One per client connection. After a whole head it is ready for the next one. */
export class RequestHeadParser {
  /** Set by a parse() that returned more than 0. */
  request: RequestHead | undefined = undefined;
  /** Set by a parse() that returned -1. `detail` continues the failure's sentence. */
  failure: FailureName | '' = '';
  detail = '';
  /** What was refused is a HEAD request: the answer has no body. */
  isHead = false;
  readonly #scanner = new HeadScanner(REQUEST_TEXT);
  #authorityAt = 0;
  #authorityEnd = 0;
  #host = '';
  #port = 0;

  /**
   * bytes[start..end) is everything received since the last whole head. Returns the length of the head, 0 when more bytes are needed, or
   * -1 when it must be refused: `failure` is badRequest, badTarget or headTooLarge. Never throws.
   */
  parse(bytes: Uint8Array, start: number, end: number): number {
    if (this.failure !== '') return -1;
    this.request = undefined;
    const length = this.#scanner.scan(bytes, start, end, CLIENT.httpLeadingEmptyLinesMax);
    if (length === 0) return 0;
    const headAt = start + this.#scanner.headAt;
    this.isHead = startsWith(bytes, headAt, end, HEAD_METHOD);
    if (length === HEAD_TOO_LARGE) return this.#fail('headTooLarge', '');
    if (length < 0) return this.#bad('a control character, or a line that does not end in CRLF');
    this.#scanner.reset();
    return this.#head(bytes, headAt, start + length) ? length : -1;
  }

  /** Request line: method SP target SP HTTP/1.x CRLF (RFC 9112 section 3). */
  #head(bytes: Uint8Array, start: number, end: number): boolean {
    let methodEnd = start;
    while (bytes[methodEnd]! > SPACE) methodEnd++;
    const targetAt = methodEnd + 1;
    let targetEnd = targetAt;
    while (bytes[targetEnd]! > SPACE && bytes[targetEnd] !== HASH) targetEnd++;
    const versionAt = targetEnd + 1;
    if (
      bytes[methodEnd] !== SPACE ||
      bytes[targetEnd] !== SPACE ||
      targetEnd === targetAt ||
      !isToken(bytes, start, methodEnd)
    ) {
      return this.#refuse('no request line');
    }
    const httpMinor = requestVersion(bytes, versionAt);
    if (httpMinor === -1) return this.#refuse('only HTTP/1.0 and HTTP/1.1 are spoken here');
    const linesAt = versionAt + VERSION_1.length + 3;

    const method = latin1Text(bytes, start, methodEnd);
    const connect = method === 'CONNECT';
    const pathAt = connect
      ? this.#authorityForm(bytes, targetAt, targetEnd)
      : this.#absoluteForm(bytes, targetAt, targetEnd);
    if (pathAt < 0) return false;

    const wrong = fields.indexRequest(bytes, linesAt, end - 2);
    if (wrong !== '') return this.#refuse(wrong);
    if (!fields.readConnection(bytes)) return this.#refuse('Connection lists too many options');
    if (fields.namesFraming) return this.#refuse('Connection names a header that frames the message');

    const framing = this.#framing(bytes, httpMinor);
    if (framing === REFUSED) return false;
    if (connect && framing !== NO_BODY) return this.#refuse('a CONNECT request has no body');
    let hosts = 0;
    let credentialsAt = -1;
    let upgradeAt = -1;
    let expectContinue = false;
    for (let i = 0; i < fields.count; i++) {
      const kind = fields.kind[i];
      if (kind === FIELD.host) hosts++;
      else if (kind === FIELD.upgrade) upgradeAt = upgradeAt === -1 ? i : -2;
      else if (kind === FIELD.expect) expectContinue ||= httpMinor === 1 && this.#isValue(bytes, i, CONTINUE);
      else if (kind === FIELD.proxyAuthorization) {
        if (credentialsAt >= 0) return this.#refuse('two Proxy-Authorization headers');
        credentialsAt = i;
      }
    }
    if (hosts > 1) return this.#refuse('two Host headers');
    // CONNECT says it twice, and old clients (lftp) only once.
    if (hosts === 0 && httpMinor === 1 && !connect) return this.#refuse('no Host header');
    const credentials = credentialsAt < 0 ? NO_CREDENTIALS : basicCredentials(bytes, credentialsAt);
    if (credentials === undefined)
      return this.#refuse('Proxy-Authorization holds no proper Basic credentials');

    // RFC 9110 section 7.8: Upgrade counts only if Connection names it, and never in HTTP/1.0. Other upgrades (h2c) are removed, which
    // declines them.
    const upgrade =
      httpMinor === 1 &&
      fields.upgrade &&
      framing === NO_BODY &&
      upgradeAt >= 0 &&
      this.#isValue(bytes, upgradeAt, WEBSOCKET);
    const isLimited = method === 'OPTIONS' || method === 'TRACE';
    const isLastHop = isLimited && this.#forwardsLeft(bytes) === 0;
    if (isLastHop && method === 'TRACE' && end - start > CLIENT.httpTraceMaxBytes) {
      this.#fail('headTooLarge', '');
      return false;
    }
    let head: Uint8Array = NO_HEAD;
    if (isLastHop) {
      head = method === 'TRACE' ? answerToTrace(bytes, start, linesAt, fields) : answerToOptions();
    } else if (!connect) {
      head = rewriteRequest(bytes, fields, {
        methodAt: start,
        methodEnd,
        authorityAt: this.#authorityAt,
        authorityEnd: this.#authorityEnd,
        pathAt,
        targetEnd,
        httpMinor,
        isUpgrade: upgrade,
        hasHost: hosts > 0,
        lowersForwards: isLimited,
      });
    }
    this.request = {
      kind: isLastHop ? 'lastHop' : connect ? 'connect' : 'forward',
      method,
      host: this.#host,
      port: this.#port,
      httpMinor,
      head,
      framing,
      keepAlive: !fields.close && (httpMinor === 1 || fields.keepAlive),
      expectContinue,
      upgrade: upgrade && !connect,
      user: credentials.user,
      password: credentials.password,
    };
    return true;
  }

  /** RFC 9112 section 3.2.3: host ":" port, both required. */
  #authorityForm(bytes: Uint8Array, start: number, end: number): number {
    return this.#authority(bytes, start, end, 0) ? end : -1;
  }

  /** RFC 9112 section 3.2.2: "http://" authority path-and-query. Returns where path and query begin. */
  #absoluteForm(bytes: Uint8Array, start: number, end: number): number {
    if (bytes[start] === SLASH || (end - start === 1 && bytes[start] === STAR)) {
      this.#refuse(
        'this is a proxy, not a web server; set it as the proxy of a client, which then sends whole http:// addresses or CONNECT',
      );
      return -1;
    }
    const authorityAt = start + HTTP_SCHEME.length;
    if (!hasScheme(bytes, start, end)) {
      this.#refuse(
        'only http:// addresses can be forwarded; for https:// and everything else, clients open a tunnel with CONNECT',
      );
      return -1;
    }
    let authorityEnd = authorityAt;
    while (authorityEnd < end && bytes[authorityEnd] !== SLASH && bytes[authorityEnd] !== QUESTION)
      authorityEnd++;
    return this.#authority(bytes, authorityAt, authorityEnd, DEFAULT_PORT) ? authorityEnd : -1;
  }

  /** RFC 3986 section 3.2 without userinfo (refused: RFC 9110 section 4.2.4). With a `defaultPort` of 0 the port is required. */
  #authority(bytes: Uint8Array, start: number, end: number, defaultPort: number): boolean {
    let hostEnd = start;
    if (bytes[start] === BRACKET_OPEN) {
      while (hostEnd < end && bytes[hostEnd] !== BRACKET_CLOSE) hostEnd++;
      this.#host = hostEnd < end ? ipv6Text(bytes, start + 1, hostEnd++) : '';
    } else {
      while (hostEnd < end && bytes[hostEnd] !== COLON) hostEnd++;
      this.#host = hostText(bytes, start, hostEnd);
    }
    this.#port = defaultPort;
    this.#authorityAt = start;
    this.#authorityEnd = end;
    // A colon without a port means the default one (RFC 3986 section 3.2.3).
    if (bytes[hostEnd] === COLON && hostEnd + 1 === end) this.#authorityEnd = hostEnd;
    else if (hostEnd < end) this.#port = bytes[hostEnd] === COLON ? portNumber(bytes, hostEnd + 1, end) : 0;
    if (this.#host !== '' && this.#port !== 0) return true;
    for (let at = start; at < end; at++) {
      if (bytes[at] === AT_SIGN) return this.#refuse('the target holds a user name');
    }
    this.#fail('badTarget', '');
    return false;
  }

  /** RFC 9112 section 6.3, strictly: refuses whatever two recipients could read in two ways. */
  #framing(bytes: Uint8Array, httpMinor: number): BodyFraming {
    let length = -1;
    let chunked = false;
    for (let i = 0; i < fields.count; i++) {
      if (fields.kind[i] === FIELD.contentLength) {
        if (length >= 0) return this.#badFraming('two Content-Length headers');
        length = contentLength(bytes, fields.valueAt[i]!, fields.valueEnd[i]!);
        if (length < 0) return this.#badFraming('Content-Length is no number');
      } else if (fields.kind[i] === FIELD.transferEncoding) {
        if (chunked) return this.#badFraming('two Transfer-Encoding headers');
        chunked = true;
        if (transferCoding(bytes, fields.valueAt[i]!, fields.valueEnd[i]!) !== CODING_CHUNKED_LAST) {
          return this.#badFraming('Transfer-Encoding does not end in chunked');
        }
      }
    }
    if (chunked && length >= 0) return this.#badFraming('both Content-Length and Transfer-Encoding');
    if (chunked && httpMinor === 0) return this.#badFraming('Transfer-Encoding in HTTP/1.0');
    return chunked ? CHUNKED : Math.max(length, NO_BODY);
  }

  /** The lowest Max-Forwards; -1 without a proper one. Only OPTIONS and TRACE have it (RFC 9110 section 7.6.2). */
  #forwardsLeft(bytes: Uint8Array): number {
    let left = -1;
    for (let i = 0; i < fields.count; i++) {
      if (fields.kind[i] !== FIELD.maxForwards) continue;
      const value = contentLength(bytes, fields.valueAt[i]!, fields.valueEnd[i]!);
      if (value >= 0) left = left < 0 ? value : Math.min(left, value);
    }
    return left;
  }

  #isValue(bytes: Uint8Array, i: number, lower: Uint8Array): boolean {
    return equalsText(bytes, fields.valueAt[i]!, fields.valueEnd[i]!, lower);
  }

  #badFraming(detail: string): number {
    this.#bad(detail);
    return REFUSED;
  }

  #refuse(detail: string): false {
    this.#bad(detail);
    return false;
  }

  #bad(detail: string): -1 {
    return this.#fail('badRequest', detail);
  }

  #fail(name: FailureName, detail: string): -1 {
    this.failure = name;
    this.detail = detail;
    return -1;
  }
}

interface Credentials {
  readonly user: string | undefined;
  readonly password: string | undefined;
}
const NO_CREDENTIALS: Credentials = { user: undefined, password: undefined };

/** RFC 7617. A scheme other than Basic counts as no credentials; broken Basic is undefined. */
function basicCredentials(bytes: Uint8Array, i: number): Credentials | undefined {
  const match = /^basic(?: +(.*))?$/i.exec(latin1Text(bytes, fields.valueAt[i]!, fields.valueEnd[i]!));
  if (match === null) return NO_CREDENTIALS;
  const encoded = match[1] ?? '';
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return undefined;
  const pair = Buffer.from(encoded, 'base64').toString('utf8');
  const colonAt = pair.indexOf(':');
  return colonAt < 0 ? undefined : { user: pair.slice(0, colonAt), password: pair.slice(colonAt + 1) };
}

/** The minor version of "HTTP/1.0" or "HTTP/1.1" followed by CRLF, -1 for anything else. Case matters (RFC 9112 section 2.3). */
function requestVersion(bytes: Uint8Array, at: number): 0 | 1 | -1 {
  for (let i = 0; i < VERSION_1.length; i++) if (bytes[at + i] !== VERSION_1[i]) return -1;
  const minor = bytes[at + VERSION_1.length]! - 0x30;
  if (bytes[at + VERSION_1.length + 1] !== CR) return -1;
  return minor === 0 || minor === 1 ? minor : -1;
}

function hasScheme(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < HTTP_SCHEME.length) return false;
  for (let i = 0; i < HTTP_SCHEME.length; i++) {
    const byte = bytes[start + i]!;
    const lower = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
    if (lower !== HTTP_SCHEME[i]) return false;
  }
  return true;
}

function startsWith(bytes: Uint8Array, start: number, end: number, text: Uint8Array): boolean {
  if (end - start < text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text[i]) return false;
  return true;
}
