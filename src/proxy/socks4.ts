// The server's side of SOCKS4 and its extension 4a (names): one message in all. Pure.

import { ipv4OfBytes } from '../base/ipAddress.ts';
import { CLIENT } from '../limits/clients.ts';
import { PROTOCOL } from '../limits/wire.ts';
import type { FailureName } from '../model/failures.ts';
import { SOCKS, type SocksState } from './socks5.ts';
import { hostText, utf8Text } from './target.ts';

export const SOCKS4_VERSION = 4;
const COMMAND_CONNECT = 1;
const FIXED_BYTES = 8;
const NOTHING = new Uint8Array(0);
const GRANTED = Uint8Array.of(0, 0x5a, 0, 0, 0, 0, 0, 0);
const REJECTED = Uint8Array.of(0, 0x5b, 0, 0, 0, 0, 0, 0);

/** A failure is "rejected or failed", whatever the reason: the two other codes are about identd. Shared: do not write to it. */
export function encodeSocks4Reply(granted: boolean): Uint8Array {
  return granted ? GRANTED : REJECTED;
}

/** As Socks5Parser. The user id is the user name, and there is no password. */
export class Socks4Parser {
  state: SocksState = SOCKS.request;
  reply: Uint8Array = NOTHING;
  failure: FailureName | '' = '';
  readonly isAssociate = false;
  host = '';
  port = 0;
  user: string | undefined = undefined;
  readonly password: string | undefined = undefined;

  /** VN, CD, DSTPORT, DSTIP, USERID, NUL; with a DSTIP of 0.0.0.x (x not 0) also a name and NUL. Never throws. */
  feed(bytes: Uint8Array, start: number, end: number): number {
    this.reply = NOTHING;
    if (this.state !== SOCKS.request || end <= start) return 0;
    if (bytes[start] !== SOCKS4_VERSION) return this.#fail('badRequest');
    const userAt = start + FIXED_BYTES;
    if (end <= userAt) return 0;
    const userEnd = nulAt(bytes, userAt, end, CLIENT.socks4UserMaxBytes);
    if (userEnd < 0) return end - userAt > CLIENT.socks4UserMaxBytes ? this.#fail('badRequest') : 0;
    let messageEnd = userEnd + 1;
    const isNamed = isZero(bytes, start + 4) && bytes[start + 7] !== 0;
    if (isNamed) {
      const hostAt = messageEnd;
      const hostEnd = nulAt(bytes, hostAt, end, PROTOCOL.hostMaxBytes);
      if (hostEnd < 0) return end - hostAt > PROTOCOL.hostMaxBytes ? this.#fail('badRequest') : 0;
      this.host = hostText(bytes, hostAt, hostEnd);
      messageEnd = hostEnd + 1;
    } else this.host = ipv4OfBytes(bytes, start + 4);
    if (bytes[start + 1] !== COMMAND_CONNECT) return this.#fail('commandNotSupported');
    this.port = (bytes[start + 2]! << 8) | bytes[start + 3]!;
    if (this.host === '' || this.port === 0) return this.#fail('badTarget');
    if (userEnd > userAt) this.user = utf8Text(bytes, userAt, userEnd);
    this.state = SOCKS.ready;
    return messageEnd - start;
  }

  #fail(name: FailureName): number {
    this.state = SOCKS.failed;
    this.failure = name;
    this.reply = REJECTED;
    return 0;
  }
}

/** Where the NUL is that ends the text at `start`, of at most `maxBytes`; -1 when it is not in bytes[start, end). */
function nulAt(bytes: Uint8Array, start: number, end: number, maxBytes: number): number {
  const last = Math.min(end, start + maxBytes + 1);
  for (let at = start; at < last; at++) if (bytes[at] === 0) return at;
  return -1;
}

function isZero(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0 && bytes[at + 1] === 0 && bytes[at + 2] === 0;
}
