// An address or CIDR range, and whether an address is in it. Plain data: rules cross threads.

import { IpAddress } from './ipAddress.ts';
import { quote, UserError } from './userError.ts';

export interface AddressRange {
  readonly isIPv4: boolean;
  /** The words of an IpAddress. */
  readonly words: Uint32Array;
  /** Of the 128 bits, how many count: in a range of IPv4 96 and more. */
  readonly bits: number;
}

/**
 * `10.0.0.0/8`, `::1/128`, or an address alone. Bits behind the prefix are ignored (127.0.0.1/8 is 127.0.0.0/8); a range inside
 * ::ffff:0:0/96 is one of IPv4. Null: none of these.
 */
export function parseRange(text: string): AddressRange | null {
  const slash = text.indexOf('/');
  const literal = slash < 0 ? text : text.slice(0, slash);
  const address = IpAddress.parse(literal);
  if (address === null) return null;
  const max = literal.includes(':') ? 128 : 32;
  const prefix = slash < 0 ? max : parsePrefix(text.slice(slash + 1), max);
  if (prefix < 0) return null;
  const bits = prefix + 128 - max;
  return { isIPv4: address.isIPv4 && bits >= 96, words: address.words, bits };
}

/** As parseRange(). Throws TypeError. */
export function rangeOf(text: string): AddressRange {
  const range = parseRange(text);
  if (range === null) throw new TypeError(`not an address range: ${JSON.stringify(text)}`);
  return range;
}

/** The text of an option, once it is known to be well formed. Throws UserError (exit code 2) that names `flag`. */
export function checkedRange(text: string, flag: string): string {
  if (parseRange(text) !== null) return text;
  throw new UserError(`${flag}: ${quote(text)} is no address or range of addresses, such as 127.0.0.1`, 2);
}

export function isInRange(range: AddressRange, address: IpAddress): boolean {
  return range.isIPv4 === address.isIPv4 && address.hasPrefix(range.words, range.bits);
}

/** @param ipv4 a u32 */
export function isIPv4InRange({ isIPv4, words, bits }: AddressRange, ipv4: number): boolean {
  const mask = bits === 96 ? 0 : -1 << (128 - bits);
  return isIPv4 && ((ipv4 ^ words[3]!) & mask) === 0;
}

function parsePrefix(text: string, max: number): number {
  const prefix = /^(0|[1-9][0-9]{0,2})$/.test(text) ? Number(text) : -1;
  return prefix <= max ? prefix : -1;
}
