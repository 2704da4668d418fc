// Hosts and ports as clients write them: bytes in, checked text out. One reading for SOCKS and HTTP, so that both refuse the same
// targets. Names are never resolved here: the exit node does that.

import { PROTOCOL } from '../limits/wire.ts';

const COLON = 0x3a;
const DOT = 0x2e;

/**
 * 1 for a byte that may stand in a host: ASCII without the WHATWG URL standard's forbidden domain code points (controls, space and
 * "#%/:<>?@[\]^|). Bytes from 0x80 are refused too: DNS names are ASCII, an internationalised name travels as punycode.
 */
const HOST_BYTE = new Uint8Array(256);
for (let byte = 0x21; byte < 0x7f; byte++) HOST_BYTE[byte] = 1;
for (const char of '"#%/:<>?@[\\]^`{|}') HOST_BYTE[char.charCodeAt(0)] = 0;

const groups = new Uint16Array(8);

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

/** Four bytes as dotted decimal. */
export function ipv4OfBytes(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/** Sixteen bytes as canonical text. */
export function ipv6OfBytes(bytes: Uint8Array, at: number): string {
  for (let i = 0; i < 8; i++) groups[i] = (bytes[at + 2 * i]! << 8) | bytes[at + 2 * i + 1]!;
  return formatGroups();
}

/**
 * An IPv6 literal without brackets (RFC 4291 section 2.2, all three forms; no zone) as canonical text, "" when it is none. Written out
 * here because the answer decides what the exit node's policy sees: a dotted tail must not change its meaning on the way.
 */
export function ipv6Text(bytes: Uint8Array, start: number, end: number): string {
  let count = 0;
  let gapAt = -1;
  let at = start;
  if (end - start < 2) return '';
  if (bytes[at] === COLON) {
    if (bytes[at + 1] !== COLON) return '';
    gapAt = 0;
    at += 2;
  }
  while (at < end) {
    if (count === 8) return '';
    let value = 0;
    let digits = 0;
    const groupAt = at;
    for (; at < end && digits < 5; at++, digits++) {
      const digit = hexDigit(bytes[at]!);
      if (digit < 0) break;
      value = value * 16 + digit;
    }
    if (at < end && bytes[at] === DOT) {
      if (count > 6 || !dottedTail(bytes, groupAt, end, count)) return '';
      count += 2;
      break;
    }
    if (digits === 0 || digits > 4) return '';
    groups[count++] = value;
    if (at === end) break;
    if (bytes[at++] !== COLON || at === end) return '';
    if (bytes[at] === COLON) {
      if (gapAt >= 0) return '';
      gapAt = count;
      at++;
    }
  }
  if (gapAt < 0) return count === 8 ? formatGroups() : '';
  if (count === 8) return '';
  groups.copyWithin(gapAt + 8 - count, gapAt, count);
  groups.fill(0, gapAt, gapAt + 8 - count);
  return formatGroups();
}

function dottedTail(bytes: Uint8Array, start: number, end: number, group: number): boolean {
  let at = start;
  for (let part = 0; part < 4; part++) {
    if (part > 0 && bytes[at++] !== DOT) return false;
    let value = 0;
    const partAt = at;
    for (; at < end && at - partAt < 3; at++) {
      const digit = bytes[at]! - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    // A leading zero reads as octal to some and as decimal to others: refused.
    if (at === partAt || value > 255 || (at - partAt > 1 && bytes[partAt] === 0x30)) return false;
    const half = group + (part >> 1);
    groups[half] = (part & 1) === 0 ? value << 8 : groups[half]! | value;
  }
  return at === end;
}

/** RFC 5952 section 4: lower case, no leading zeros, the first longest run of two or more zero groups as "::". */
function formatGroups(): string {
  let runAt = -1;
  let runLength = 1;
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (i + length < 8 && groups[i + length] === 0) length++;
    if (length > runLength) {
      runAt = i;
      runLength = length;
    }
    i += length;
  }
  let text = '';
  for (let i = 0; i < 8; i++) {
    if (i === runAt) {
      text += '::';
      i += runLength - 1;
      continue;
    }
    if (i > 0 && i !== runAt + runLength) text += ':';
    text += groups[i]!.toString(16);
  }
  return text;
}

/** A decimal port, 1 to 65,535 in at most five digits; 0 when it is none. */
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

/** 0 to 15, or -1 for a byte that is no hexadecimal digit. */
export function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
