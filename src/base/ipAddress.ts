// IP address text to numbers and back: strict, so that what is checked and what is dialled can't be read in two ways. Used by the
// target policy, the --allow-target rules, the host reader and the dialler.

import ipaddr from 'ipaddr.js';

const MAX_TEXT = '0000:0000:0000:0000:0000:ffff:255.255.255.255'.length;
const DOT = 0x2e;
const COLON = 0x3a;
const scratch = new Uint32Array(4);

/** A dotted quad in decimal without leading zeros as a u32, or -1: hex, octal, short and single-number forms are no literals. */
export function parseIPv4(text: string): number {
  if (text.length < 7 || text.length > 15) return -1;
  let address = 0;
  let octet = -1;
  let dots = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      if (octet < 0 || ++dots > 3) return -1;
      address = address * 256 + octet;
      octet = -1;
    } else {
      if (code < 0x30 || code > 0x39 || octet === 0) return -1;
      octet = (octet < 0 ? 0 : octet * 10) + code - 0x30;
      if (octet > 255) return -1;
    }
  }
  return dots === 3 && octet >= 0 ? address * 256 + octet : -1;
}

/**
 * IPv6 text (RFC 4291 section 2.2; no zone, no brackets) into four big-endian u32. False: no such address, words are undefined.
 * Not ipaddr.js, which reads ::8.8.8.8 as ::ffff:8.8.8.8 and a tail of 010.0.0.1 as octal.
 */
export function parseIPv6(text: string, words: Uint32Array): boolean {
  if (text.length < 2 || text.length > MAX_TEXT) return false;
  words.fill(0);
  let group = 0;
  /** Index of the group behind "::". */
  let gap = -1;
  let at = 0;
  if (text.startsWith('::')) {
    gap = 0;
    at = 2;
  }
  while (at < text.length) {
    let end = at;
    let value = 0;
    for (let digit = hexDigit(text, end); digit >= 0 && end - at < 5; digit = hexDigit(text, ++end)) {
      value = value * 16 + digit;
    }
    if (text.charCodeAt(end) === DOT) {
      const ipv4 = parseIPv4(text.slice(at));
      if (ipv4 < 0 || group > 6) return false;
      setGroup(words, group++, ipv4 >>> 16);
      setGroup(words, group++, ipv4 & 0xffff);
      break;
    }
    if (end === at || end - at > 4 || group === 8) return false;
    setGroup(words, group++, value);
    if (end === text.length) break;
    if (text.charCodeAt(end) !== COLON || end + 1 === text.length) return false;
    at = end + 1;
    if (text.charCodeAt(at) === COLON) {
      if (gap >= 0) return false;
      gap = group;
      at++;
    }
  }
  if (gap < 0) return group === 8;
  return group < 8 && openGap(words, gap, group);
}

function hexDigit(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

function setGroup(words: Uint32Array, group: number, value: number): void {
  const shift = group % 2 === 0 ? 16 : 0;
  words[group >> 1] = (words[group >> 1]! & ~(0xffff << shift)) | (value << shift);
}

/** Moves the groups from `gap` on to the end, zeros in between. */
function openGap(words: Uint32Array, gap: number, groups: number): true {
  for (let from = groups - 1; from >= gap; from--) {
    const value = (words[from >> 1]! >>> (from % 2 === 0 ? 16 : 0)) & 0xffff;
    setGroup(words, from, 0);
    setGroup(words, from + 8 - groups, value);
  }
  return true;
}

/** The IPv4 address of an IPv4-mapped one (::ffff:0:0/96), or -1. The kernel dials such an address by IPv4. */
export function mappedIPv4(words: Uint32Array): number {
  return words[0] === 0 && words[1] === 0 && words[2] === 0xffff ? words[3]! : -1;
}

export function formatIPv4(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/** The one spelling of an IP literal: dotted quad, RFC 5952, IPv4-mapped as IPv4. Null when the text is no literal. */
export function canonicalAddress(text: string): string | null {
  if (parseIPv4(text) >= 0) return text;
  if (!parseIPv6(text, scratch)) return null;
  const mapped = mappedIPv4(scratch);
  if (mapped >= 0) return formatIPv4(mapped);
  const groups = Array.from({ length: 8 }, (_, i) => (scratch[i >> 1]! >>> (i % 2 === 0 ? 16 : 0)) & 0xffff);
  return new ipaddr.IPv6(groups).toRFC5952String();
}

/** The address without its zone: fe80::1%eth0 is fe80::1. */
export function withoutZone(address: string): string {
  const zoneAt = address.indexOf('%');
  return zoneAt < 0 ? address : address.slice(0, zoneAt);
}

/** Whether the first `bits` bits of two IPv6 addresses are the same. */
export function samePrefix(a: Uint32Array, b: Uint32Array, bits: number): boolean {
  for (let i = 0; i < 4; i++) {
    const left = bits - 32 * i;
    if (left <= 0) return true;
    const mask = left >= 32 ? -1 : -1 << (32 - left);
    if (((a[i]! ^ b[i]!) & mask) !== 0) return false;
  }
  return true;
}
