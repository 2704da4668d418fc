// Address ranges in groups: which of them an IP literal is in. Built with the rules, asked by the front. Pure.

import { mappedIPv4, parseIPv4, parseIPv6, samePrefix } from '../base/ipAddress.ts';

export type AddressRange =
  | { readonly family: 4; readonly first: number; readonly last: number }
  | { readonly family: 6; readonly words: Uint32Array; readonly bits: number };

/** Of an address or CIDR; bits behind the prefix are ignored, a range inside ::ffff:0:0/96 is one of IPv4. Null: neither. */
export function parseRange(text: string): AddressRange | null {
  const slash = text.indexOf('/');
  const address = slash < 0 ? text : text.slice(0, slash);
  const ipv4 = parseIPv4(address);
  const bits = slash < 0 ? (ipv4 >= 0 ? 32 : 128) : parseBits(text.slice(slash + 1), ipv4 >= 0 ? 32 : 128);
  if (bits < 0) return null;
  if (ipv4 >= 0) return ipv4Range(ipv4, bits);
  const words = new Uint32Array(4);
  if (!parseIPv6(address, words)) return null;
  const mapped = mappedIPv4(words);
  return mapped >= 0 && bits >= 96 ? ipv4Range(mapped, bits - 96) : { family: 6, words, bits };
}

function parseBits(text: string, max: number): number {
  const bits = /^(0|[1-9][0-9]{0,2})$/.test(text) ? Number(text) : -1;
  return bits <= max ? bits : -1;
}

function ipv4Range(address: number, bits: number): AddressRange {
  const size = 2 ** (32 - bits);
  const first = address - (address % size);
  return { family: 4, first, last: first + size - 1 };
}

/** An IP literal, ready to be compared with many ranges. */
export class Literal {
  readonly #words = new Uint32Array(4);
  #ipv4 = -1;

  /** False: the text is no IP literal (src/base/ipAddress.ts). */
  read(text: string): boolean {
    this.#ipv4 = parseIPv4(text);
    if (this.#ipv4 >= 0) return true;
    if (!text.includes(':') || !parseIPv6(text, this.#words)) return false;
    this.#ipv4 = mappedIPv4(this.#words);
    return true;
  }

  isIn(range: AddressRange): boolean {
    if (range.family === 4) return this.#ipv4 >= range.first && this.#ipv4 <= range.last;
    return this.#ipv4 < 0 && samePrefix(range.words, this.#words, range.bits);
  }
}
