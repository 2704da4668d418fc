// The order in which a name's addresses are tried: RFC 6724, section 6, with the tables that glibc uses. Pure: which source address the
// kernel would choose for each is an argument.

import { type AddressRange, isInRange, rangeOf } from '../base/addressRange.ts';
import type { IpAddress } from '../base/ipAddress.ts';

export interface Destination {
  readonly address: IpAddress;
  /** Null: there is no route. */
  readonly source: IpAddress | null;
}

interface Policy {
  readonly range: AddressRange;
  readonly precedence: number;
  readonly label: number;
}

const policy = (range: string, precedence: number, label: number): Policy => ({
  range: rangeOf(range),
  precedence,
  label,
});
const IPV4_POLICY = policy('0.0.0.0/0', 10, 4);
/** Longest prefix first. */
const IPV6_POLICIES = [
  policy('::1/128', 50, 0),
  policy('::/96', 20, 3),
  policy('2001::/32', 40, 7),
  policy('2002::/16', 30, 2),
  policy('fec0::/10', 40, 5),
  policy('fc00::/7', 40, 6),
];
const OTHER_POLICY = policy('::/0', 40, 1);

const LINK_LOCAL = 2;
const SITE_LOCAL = 5;
const GLOBAL = 14;
const linkLocal = ['127.0.0.0/8', '169.254.0.0/16', 'fe80::/10', '::1/128'].map(rangeOf);
const siteLocal = rangeOf('fec0::/10');

/**
 * Best first. The rules that ask for an address's life or a home agent (3, 4, 7) don't apply; between two of IPv4 the resolver's order
 * stands (rule 9 is for IPv6).
 */
export function inOrder(destinations: readonly Destination[]): IpAddress[] {
  return destinations.toSorted(compare).map(({ address }) => address);
}

/** RFC 8305, section 4: families take turns (First Address Family Count 1), each in its own order. */
export function inTurns(addresses: readonly IpAddress[], firstFamily: 4 | 6): IpAddress[] {
  const first = addresses.filter(({ family }) => family === firstFamily);
  const second = addresses.filter(({ family }) => family !== firstFamily);
  const turns = Math.max(first.length, second.length);
  return Array.from({ length: turns }, (_, turn) => [
    ...first.slice(turn, turn + 1),
    ...second.slice(turn, turn + 1),
  ]).flat();
}

function compare(a: Destination, b: Destination): number {
  if (a.source === null || b.source === null) return Number(a.source === null) - Number(b.source === null);
  const aPolicy = policyOf(a.address);
  const bPolicy = policyOf(b.address);
  return (
    Number(scopeOf(b.address) === scopeOf(b.source)) - Number(scopeOf(a.address) === scopeOf(a.source)) ||
    Number(bPolicy.label === policyOf(b.source).label) - Number(aPolicy.label === policyOf(a.source).label) ||
    bPolicy.precedence - aPolicy.precedence ||
    scopeOf(a.address) - scopeOf(b.address) ||
    commonBits(b.address, b.source) - commonBits(a.address, a.source)
  );
}

function policyOf(address: IpAddress): Policy {
  if (address.isIPv4) return IPV4_POLICY;
  return IPV6_POLICIES.find(({ range }) => isInRange(range, address)) ?? OTHER_POLICY;
}

function scopeOf(address: IpAddress): number {
  if (linkLocal.some((range) => isInRange(range, address))) return LINK_LOCAL;
  return isInRange(siteLocal, address) ? SITE_LOCAL : GLOBAL;
}

/** Of IPv6; 0 for IPv4. */
function commonBits(address: IpAddress, source: IpAddress): number {
  if (address.isIPv4) return 0;
  for (let word = 0; word < 4; word++) {
    const differing = address.words[word]! ^ source.words[word]!;
    if (differing !== 0) return 32 * word + Math.clz32(differing);
  }
  return 128;
}
