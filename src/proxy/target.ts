// Hosts and ports as clients write them: bytes in, checked text out. One reading for SOCKS and HTTP, so that both refuse the same
// targets. Names are never resolved here: the exit node does that.

import { IpAddress } from '../base/ipAddress.ts';
import { PROTOCOL } from '../limits/wire.ts';

const COLON = 0x3a;

/**
 * 1 for a byte that may stand in a host: ASCII without the WHATWG URL standard's forbidden domain code points (controls, space and
 * "#%/:<>?@[\]^|). Bytes from 0x80 are refused too: DNS names are ASCII, an internationalised name travels as punycode.
 */
const HOST_BYTE = new Uint8Array(256);
for (let byte = 0x21; byte < 0x7f; byte++) HOST_BYTE[byte] = 1;
for (const char of '"#%/:<>?@[\\]^`{|}') HOST_BYTE[char.charCodeAt(0)] = 0;

const address = new IpAddress();

/** Text of bytes that are known to be ASCII (or are to be read as latin1). */
export function latin1Text(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
}

/** Text of bytes that a client meant as UTF-8 (user names and passwords); broken sequences read as U+FFFD. */
export function utf8Text(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
}

/**
 * A domain name or IP literal without brackets as text; IPv6 comes back in canonical form. "" when it can't be a host: empty, longer
 * than PROTOCOL.hostMaxBytes, a byte no host holds, or colons that make no IPv6 address.
 */
export function hostText(bytes: Uint8Array, start: number, end: number): string {
  if (end <= start || end - start > PROTOCOL.hostMaxBytes) return '';
  for (let at = start; at < end; at++) {
    if (bytes[at] === COLON) return ipv6Text(bytes, start, end);
    if (HOST_BYTE[bytes[at]!] === 0) return '';
  }
  return latin1Text(bytes, start, end);
}

/** An IPv6 literal without brackets as canonical text; "" for any other text. */
export function ipv6Text(bytes: Uint8Array, start: number, end: number): string {
  return address.parseIPv6(bytes, start, end) ? address.toString() : '';
}

/** Sixteen bytes as canonical text. */
export function ipv6OfBytes(bytes: Uint8Array, at: number): string {
  address.readIPv6(bytes, at);
  return address.toString();
}

/** A decimal port, 1 to 65,535 in at most five digits; 0 for anything else. */
export function portNumber(bytes: Uint8Array, start: number, end: number): number {
  if (end <= start || end - start > 5) return 0;
  let port = 0;
  for (let at = start; at < end; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) return 0;
    port = port * 10 + digit;
  }
  return port > 65_535 ? 0 : port;
}
