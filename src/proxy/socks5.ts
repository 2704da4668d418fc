// The server's side of SOCKS5 (RFC 1928; user and password: RFC 1929), one message at a time, until the target is known. What follows
// the request is the client's early data.

import { ipv4OfBytes } from '../base/ipAddress.ts';
import type { FailureName } from '../model/failures.ts';
import { hostText, ipv6OfBytes, utf8Text } from './target.ts';

const VERSION = 5;
const CREDENTIALS_VERSION = 1;
const METHOD_NONE = 0x00;
const METHOD_USER = 0x02;
const COMMAND_CONNECT = 1;
const COMMAND_ASSOCIATE = 3;
const ADDRESS_IPV4 = 1;
const ADDRESS_DOMAIN = 3;
const ADDRESS_IPV6 = 4;

/** What the parser waits for next, or how it ended. */
export const SOCKS = { greeting: 0, credentials: 1, request: 2, ready: 3, failed: 4, checking: 5 } as const;
export type SocksState = (typeof SOCKS)[keyof typeof SOCKS];

const NOTHING = new Uint8Array(0);
const CHOSE_NONE = Uint8Array.of(VERSION, METHOD_NONE);
const CHOSE_USER = Uint8Array.of(VERSION, METHOD_USER);
const CHOSE_NOTHING = Uint8Array.of(VERSION, 0xff);
const CREDENTIALS_TAKEN = Uint8Array.of(CREDENTIALS_VERSION, 0);
const CREDENTIALS_REFUSED = Uint8Array.of(CREDENTIALS_VERSION, 1);

const REPLIES = Array.from({ length: 9 }, (_, code) =>
  Uint8Array.of(VERSION, code, 0, ADDRESS_IPV4, 0, 0, 0, 0, 0, 0),
);

/**
 * The reply of RFC 1928 section 6 for a code from 0 to 8, ten bytes, shared: do not write to it. The bound address is 0.0.0.0:0, since
 * the socket towards the target is on another machine.
 */
export function encodeSocksReply(code: number): Uint8Array {
  const reply = REPLIES[code];
  if (reply === undefined) throw new RangeError(`no SOCKS5 reply has the code ${code}`);
  return reply;
}

/**
 * Feed it the unconsumed bytes until feed() returns 0, sending `reply` after every call. Then `state` is `ready` (host, port, user are
 * set; the caller sends the reply once the stream is open), `checking` (user and password are set; the caller says admit() or deny(),
 * sends the reply and goes on), `failed` (send `reply`, if any, and close; `failure` says why), or something else: more bytes are
 * needed.
 */
export class Socks5Parser {
  state: SocksState = SOCKS.greeting;
  /** What the client must get after the last feed(); often empty. Shared: do not write to it. */
  reply: Uint8Array = NOTHING;
  failure: FailureName | '' = '';
  /** UDP ASSOCIATE: the client will send from host and port, which are all zeros when it does not know them. */
  isAssociate = false;
  /** A domain name or IP literal, IPv6 canonical and without brackets. */
  host = '';
  port = 0;
  /** Set when the client gave a user name. */
  user: string | undefined = undefined;
  password: string | undefined = undefined;
  readonly #namesRequired: boolean;

  /** `namesRequired`: refuse a client at once that cannot give a user name. */
  constructor(namesRequired = false) {
    this.#namesRequired = namesRequired;
  }

  /**
   * Takes at most one message from bytes[start..end) and returns its length; 0 when it isn't whole yet, or when the parser is ready or
   * failed. Never throws.
   */
  feed(bytes: Uint8Array, start: number, end: number): number {
    this.reply = NOTHING;
    if (end <= start) return 0;
    if (this.state === SOCKS.greeting) return this.#greeting(bytes, start, end);
    if (this.state === SOCKS.credentials) return this.#credentials(bytes, start, end);
    if (this.state === SOCKS.request) return this.#request(bytes, start, end);
    return 0;
  }

  /** RFC 1928 section 3: VER, NMETHODS, METHODS. Asks for a user name whenever the client can give one. */
  #greeting(bytes: Uint8Array, start: number, end: number): number {
    // Not SOCKS5 at all: the client would not understand any answer.
    if (bytes[start] !== VERSION) return this.#fail('badRequest', NOTHING);
    if (end - start < 2) return 0;
    const length = 2 + bytes[start + 1]!;
    if (end - start < length) return 0;
    let none = false;
    let user = false;
    for (let at = start + 2; at < start + length; at++) {
      if (bytes[at] === METHOD_NONE) none = true;
      else if (bytes[at] === METHOD_USER) user = true;
    }
    if (!none && !user) return this.#fail('badRequest', CHOSE_NOTHING);
    if (!user && this.#namesRequired) return this.#fail('authRequired', CHOSE_NOTHING);
    this.state = user ? SOCKS.credentials : SOCKS.request;
    this.reply = user ? CHOSE_USER : CHOSE_NONE;
    return length;
  }

  /** RFC 1929 section 2: VER, ULEN, UNAME, PLEN, PASSWD. Both may be empty: many clients send no password. */
  #credentials(bytes: Uint8Array, start: number, end: number): number {
    if (bytes[start] !== CREDENTIALS_VERSION) return this.#fail('badRequest', NOTHING);
    if (end - start < 2) return 0;
    const userEnd = start + 2 + bytes[start + 1]!;
    if (end <= userEnd) return 0;
    const passwordEnd = userEnd + 1 + bytes[userEnd]!;
    if (end < passwordEnd) return 0;
    this.user = utf8Text(bytes, start + 2, userEnd);
    this.password = utf8Text(bytes, userEnd + 1, passwordEnd);
    this.state = SOCKS.checking;
    return passwordEnd - start;
  }

  /** The password is right, and the user name is well formed. */
  admit(): void {
    this.state = SOCKS.request;
    this.reply = CREDENTIALS_TAKEN;
  }

  /** RFC 1929 section 2: a status other than 0, after which the connection must be closed. */
  deny(failure: FailureName): void {
    this.#fail(failure, CREDENTIALS_REFUSED);
  }

  /** RFC 1928 section 4: VER, CMD, RSV, ATYP, DST.ADDR, DST.PORT. */
  #request(bytes: Uint8Array, start: number, end: number): number {
    if (bytes[start] !== VERSION) return this.#fail('badRequest', NOTHING);
    if (end - start < 4) return 0;
    const associate = bytes[start + 1] === COMMAND_ASSOCIATE;
    const known = associate || bytes[start + 1] === COMMAND_CONNECT;
    const type = bytes[start + 3]!;
    let addressAt = start + 4;
    let addressBytes: number;
    if (type === ADDRESS_IPV4) addressBytes = 4;
    else if (type === ADDRESS_IPV6) addressBytes = 16;
    else if (type === ADDRESS_DOMAIN) {
      if (end <= addressAt) return 0;
      addressBytes = bytes[addressAt++]!;
    } else if (known) return this.#fail('addressNotSupported', encodeSocksReply(8));
    else return this.#fail('commandNotSupported', encodeSocksReply(7));
    const portAt = addressAt + addressBytes;
    // Even a BIND is read to its end: closing over unread bytes would reset the connection and destroy the reply.
    if (end < portAt + 2) return 0;
    if (!known) return this.#fail('commandNotSupported', encodeSocksReply(7));

    if (type === ADDRESS_IPV4) this.host = ipv4OfBytes(bytes, addressAt);
    else if (type === ADDRESS_IPV6) this.host = ipv6OfBytes(bytes, addressAt);
    else this.host = hostText(bytes, addressAt, portAt);
    this.port = (bytes[portAt]! << 8) | bytes[portAt + 1]!;
    if (this.host === '' || (this.port === 0 && !associate))
      return this.#fail('badTarget', encodeSocksReply(1));
    this.isAssociate = associate;
    this.state = SOCKS.ready;
    return portAt + 2 - start;
  }

  #fail(name: FailureName, reply: Uint8Array): number {
    this.state = SOCKS.failed;
    this.failure = name;
    this.reply = reply;
    return 0;
  }
}
