// IP addresses as values. Text is parsed once, strictly; the value that comes out is what policy checks and what the reactor dials.

/** 0000:0000:0000:0000:0000:ffff:255.255.255.255 */
const TEXT_MAX_CHARS = 45;
const DOT = 0x2e;
const COLON = 0x3a;
const MAPPED = 0xffff;

/** The text that is being parsed, and the eight groups of an IPv6 address that is being parsed. */
const chars = new Uint8Array(TEXT_MAX_CHARS);
const groups = new Uint16Array(8);

/**
 * An IPv4 or IPv6 address. IPv4 is kept as its IPv4-mapped address, ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2): the kernel dials both by
 * IPv4, so one destination has one value.
 */
export class IpAddress {
  /** Four big-endian words. */
  readonly words = new Uint32Array(4);

  /** Null when the text is no IP literal. */
  static parse(text: string): IpAddress | null {
    const address = new IpAddress();
    return address.parse(text) ? address : null;
  }

  /** Throws TypeError when the text is no IP literal. */
  static of(text: string): IpAddress {
    const address = IpAddress.parse(text);
    if (address === null) throw new TypeError(`not an IP literal: ${JSON.stringify(text)}`);
    return address;
  }

  get isIPv4(): boolean {
    const { words } = this;
    return words[0] === 0 && words[1] === 0 && words[2] === MAPPED;
  }

  get family(): 4 | 6 {
    return this.isIPv4 ? 4 : 6;
  }

  /** The last word: all of an IPv4 address. */
  get ipv4(): number {
    return this.words[3]!;
  }

  /** 127.0.0.0/8 or ::1. */
  get isLoopback(): boolean {
    const { words } = this;
    if (this.isIPv4) return words[3]! >>> 24 === 127;
    return words[0] === 0 && words[1] === 0 && words[2] === 0 && words[3] === 1;
  }

  /** 0.0.0.0 or ::, which stand for every address of the machine. */
  get isWildcard(): boolean {
    const { words } = this;
    return words[0] === 0 && words[1] === 0 && words[3] === 0 && (words[2] === 0 || words[2] === MAPPED);
  }

  get addressBytes(): 4 | 16 {
    return this.isIPv4 ? 4 : 16;
  }

  setIPv4(address: number): void {
    const { words } = this;
    words[0] = 0;
    words[1] = 0;
    words[2] = MAPPED;
    words[3] = address;
  }

  /**
   * Reads a strict literal without brackets: four decimal octets without leading zeros, or RFC 4291 section 2.2. Hex, octal, short forms
   * and zones (fe80::1%eth0) are no literals. False: this stays as it was.
   */
  parse(text: string): boolean {
    const { length } = text;
    if (length > TEXT_MAX_CHARS) return false;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (hexDigit(code) < 0 && code !== COLON && code !== DOT) return false;
      chars[i] = code;
    }
    const ipv4 = parseIPv4(chars, 0, length);
    if (ipv4 >= 0) this.setIPv4(ipv4);
    return ipv4 >= 0 || this.parseIPv6(chars, 0, length);
  }

  /** The same of the ASCII text at bytes[start, end), IPv6 only. */
  parseIPv6(bytes: Uint8Array, start: number, end: number): boolean {
    if (!parseGroups(bytes, start, end)) return false;
    for (let i = 0; i < 4; i++) this.words[i] = (groups[2 * i]! << 16) | groups[2 * i + 1]!;
    return true;
  }

  /** Four bytes in network order. */
  readIPv4(bytes: Uint8Array, at: number): void {
    this.setIPv4(wordAt(bytes, at));
  }

  /** Sixteen bytes in network order. */
  readIPv6(bytes: Uint8Array, at: number): void {
    for (let i = 0; i < 4; i++) this.words[i] = wordAt(bytes, at + 4 * i);
  }

  /** Writes addressBytes bytes in network order. */
  writeTo(bytes: Uint8Array, at: number): void {
    const { words } = this;
    for (let i = this.isIPv4 ? 3 : 0; i < 4; i++) {
      const word = words[i]!;
      bytes[at++] = word >>> 24;
      bytes[at++] = word >>> 16;
      bytes[at++] = word >>> 8;
      bytes[at++] = word;
    }
  }

  equals(other: IpAddress): boolean {
    const a = this.words;
    const b = other.words;
    return a[3] === b[3] && a[2] === b[2] && a[1] === b[1] && a[0] === b[0];
  }

  /** Whether the first `bits` of the 128 bits are those of `words`. */
  hasPrefix(words: Uint32Array, bits: number): boolean {
    const whole = bits >>> 5;
    const rest = bits & 31;
    for (let i = 0; i < whole; i++) if (this.words[i] !== words[i]) return false;
    return rest === 0 || (this.words[whole]! ^ words[whole]!) >>> (32 - rest) === 0;
  }

  copyFrom(other: IpAddress): void {
    for (let i = 0; i < 4; i++) this.words[i] = other.words[i]!;
  }

  /** The one spelling: a dotted quad for IPv4 (mapped too), RFC 5952 for IPv6. No brackets. */
  toString(): string {
    if (this.isIPv4) return formatIPv4(this.ipv4);
    for (let i = 0; i < 4; i++) {
      groups[2 * i] = this.words[i]! >>> 16;
      groups[2 * i + 1] = this.words[i]!;
    }
    return formatGroups();
  }
}

const scratch = new IpAddress();

/** The one spelling of an IP literal. Null when the text is not one. */
export function canonicalAddress(text: string): string | null {
  return scratch.parse(text) ? scratch.toString() : null;
}

/** An IPv6 literal without brackets; an IPv4-mapped one counts. */
export function isIPv6Literal(text: string): boolean {
  return text.includes(':') && scratch.parse(text);
}

/** False for a name. */
export function isLoopback(host: string): boolean {
  return scratch.parse(host) && scratch.isLoopback;
}

/** False for a name. */
export function isWildcard(host: string): boolean {
  return scratch.parse(host) && scratch.isWildcard;
}

/** fe80::1%eth0 as fe80::1: a zone names an interface of one machine only. */
export function withoutZone(address: string): string {
  const percent = address.indexOf('%');
  return percent < 0 ? address : address.slice(0, percent);
}

/** Four bytes in network order as a dotted quad. */
export function ipv4OfBytes(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/** 0 to 15, or -1 for a byte that is not a hexadecimal digit in ASCII. */
export function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

function formatIPv4(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

/** A u32, or -1. A leading zero reads as octal to some and as decimal to others: refused. */
function parseIPv4(bytes: Uint8Array, start: number, end: number): number {
  let address = 0;
  let octet = -1;
  let dots = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === DOT) {
      if (octet < 0 || ++dots > 3) return -1;
      address = address * 256 + octet;
      octet = -1;
    } else {
      if (byte < 0x30 || byte > 0x39 || octet === 0) return -1;
      octet = (octet < 0 ? 0 : octet * 10) + byte - 0x30;
      if (octet > 255) return -1;
    }
  }
  return dots === 3 && octet >= 0 ? address * 256 + octet : -1;
}

/** RFC 4291 section 2.2, all three forms, into `groups`. False: their values are undefined. */
function parseGroups(bytes: Uint8Array, start: number, end: number): boolean {
  let count = 0;
  /** Index of the group behind "::". */
  let gapAt = -1;
  let at = start;
  if (end - start < 2) return false;
  if (bytes[at] === COLON) {
    if (bytes[at + 1] !== COLON) return false;
    gapAt = 0;
    at += 2;
  }
  while (at < end) {
    if (count === 8) return false;
    const groupAt = at;
    let value = 0;
    for (; at < end && at - groupAt < 5; at++) {
      const digit = hexDigit(bytes[at]!);
      if (digit < 0) break;
      value = value * 16 + digit;
    }
    if (at < end && bytes[at] === DOT) {
      const ipv4 = parseIPv4(bytes, groupAt, end);
      if (ipv4 < 0 || count > 6) return false;
      groups[count++] = ipv4 >>> 16;
      groups[count++] = ipv4;
      break;
    }
    if (at === groupAt || at - groupAt > 4) return false;
    groups[count++] = value;
    if (at === end) break;
    if (bytes[at++] !== COLON || at === end) return false;
    if (bytes[at] === COLON) {
      if (gapAt >= 0) return false;
      gapAt = count;
      at++;
    }
  }
  if (gapAt < 0) return count === 8;
  if (count === 8) return false;
  groups.copyWithin(gapAt + 8 - count, gapAt, count);
  groups.fill(0, gapAt, gapAt + 8 - count);
  return true;
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
