// The prefixes by which a network's NAT64 reaches IPv4: found in its answer for ipv4only.arpa (RFC 7050), and the IPv4 address in one of
// their addresses (RFC 6052). Pure.

import { isInRange, rangeOf } from '../base/addressRange.ts';
import { IpAddress } from '../base/ipAddress.ts';

/** Every network answers for it, one with NAT64 and DNS64 with IPv6 addresses (RFC 7050, section 3). */
export const IPV4_ONLY_NAME = 'ipv4only.arpa';
/** 192.0.0.170 and 192.0.0.171. */
const IPV4_ONLY: ReadonlySet<number> = new Set([0xc00000aa, 0xc00000ab]);

/** RFC 6052, section 2.2. */
const PREFIX_BITS = [96, 64, 56, 48, 40, 32] as const;
/** Where a network may have a prefix of its own: global unicast, unique local (RFC 4193), local-use translation (RFC 8215). */
const PREFIXES_IN = ['2000::/3', 'fc00::/7', '64:ff9b:1::/48'].map(rangeOf);

const scratch = new Uint8Array(16);

/**
 * The IPv4 address in an address of a prefix, as a u32 (RFC 6052, section 2.2). Bits 64 to 71 are never part of it.
 * @param prefixBits one of 32, 40, 48, 56, 64, 96
 */
export function ipv4In(address: IpAddress, prefixBits: number): number {
  address.writeTo(scratch, 0);
  let ipv4 = 0;
  for (let at = prefixBits / 8, bytes = 0; bytes < 4; at++) {
    if (at === 8) continue;
    ipv4 = (ipv4 << 8) | scratch[at]!;
    bytes++;
  }
  return ipv4 >>> 0;
}

/** Whether the address has nothing besides the prefix and the IPv4 address, as a translator makes it. */
export function isTranslated(address: IpAddress, prefixBits: number): boolean {
  if (prefixBits === 96) return true;
  address.writeTo(scratch, 0);
  return scratch[8] === 0 && scratch.subarray(prefixBits / 8 + 5).every((byte) => byte === 0);
}

/** @param answers for IPV4_ONLY_NAME, IP literals; those that no translator makes are left out */
export function nat64Prefixes(answers: readonly string[]): string[] {
  const prefixes = new Set<string>();
  for (const answer of answers) {
    const address = IpAddress.parse(answer);
    if (address === null || !PREFIXES_IN.some((range) => isInRange(range, address))) continue;
    for (const bits of PREFIX_BITS) {
      if (!IPV4_ONLY.has(ipv4In(address, bits)) || !isTranslated(address, bits)) continue;
      const prefix = new IpAddress();
      address.writeTo(scratch, 0);
      prefix.readIPv6(scratch.fill(0, bits / 8), 0);
      prefixes.add(`${prefix}/${bits}`);
    }
  }
  return [...prefixes];
}
