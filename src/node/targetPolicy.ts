// The target policy: which addresses an exit node may dial. The dialler asks it about every address, after names are resolved, and dials
// the very value that was checked. Pure.

import { type AddressRange, isInRange, isIPv4InRange, rangeOf } from '../base/addressRange.ts';
import { type IpAddress, withoutZone } from '../base/ipAddress.ts';
import { type AllowRule, ruleAllows } from './allowRule.ts';
import { ipv4In, isTranslated } from './nat64.ts';

/**
 * Refused IPv4: the IANA special-purpose address registry (RFC 6890), whole, though a few of its blocks are globally reachable
 * (anycast for infrastructure, no web lives there), and multicast.
 */
export const REFUSED_IPV4 = [
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private
  '100.64.0.0/10', // shared (carrier-grade NAT)
  '127.0.0.0/8', // loopback
  '169.254.0.0/16', // link-local, cloud metadata
  '172.16.0.0/12', // private
  '192.0.0.0/24', // IETF protocol assignments
  '192.0.2.0/24', // TEST-NET-1
  '192.31.196.0/24', // AS112-v4
  '192.52.193.0/24', // AMT
  '192.88.99.0/24', // 6to4 relay anycast
  '192.168.0.0/16', // private
  '192.175.48.0/24', // AS112 direct delegation
  '198.18.0.0/15', // benchmarking
  '198.51.100.0/24', // TEST-NET-2
  '203.0.113.0/24', // TEST-NET-3
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, limited broadcast
] as const;

/** Allowed IPv6: global unicast, except REFUSED_IPV6 inside it. */
export const GLOBAL_IPV6 = '2000::/3';
export const REFUSED_IPV6 = [
  '2001::/23', // IETF protocol assignments: Teredo, ORCHID, benchmarking, AMT, AS112, ...
  '2001:db8::/32', // documentation
  '2620:4f:8000::/48', // AS112 direct delegation
  '3fff::/20', // documentation
] as const;
/** 6to4: the IPv4 address is bits 16 to 47. */
export const SIX_TO_FOUR = '2002::/16';
/** NAT64 (RFC 6052): the IPv4 address is the last 32 bits. Networks may have prefixes of their own. */
export const NAT64 = '64:ff9b::/96';

const refusedIPv4 = REFUSED_IPV4.map(rangeOf);
const globalIPv6 = rangeOf(GLOBAL_IPV6);
const refusedIPv6 = REFUSED_IPV6.map(rangeOf);
const sixToFour = rangeOf(SIX_TO_FOUR);
const nat64 = rangeOf(NAT64);

export interface TargetPolicyOptions {
  readonly allow: readonly AllowRule[];
  /** IP literals, whose zone is ignored, and ranges of IPv6. */
  readonly ownAddresses: readonly string[];
  /** IP literals: what the hubs' names resolved to. */
  readonly hubAddresses: readonly string[];
}

/** What a hub says of one session. */
interface Observed {
  readonly hub: string;
  readonly addresses: readonly string[];
}

/** A set of addresses to be refused on every port. */
interface AddressSet {
  readonly ipv4: Set<number>;
  readonly ipv6: readonly AddressRange[];
}

export class TargetPolicy {
  readonly #allow: readonly AllowRule[];
  #own: AddressSet;
  #hubs: AddressSet;
  #nat64: readonly AddressRange[] = [];
  /** By session. */
  readonly #observed: (Observed | undefined)[] = [];
  /** By session: what its hub says of all its sessions. */
  readonly #refusedTo: (AddressSet | undefined)[] = [];

  constructor({ allow, ownAddresses, hubAddresses }: TargetPolicyOptions) {
    this.#allow = allow;
    this.#own = addressSet(ownAddresses);
    this.#hubs = addressSet(hubAddresses);
  }

  setOwnAddresses(addresses: readonly string[]): void {
    this.#own = addressSet(addresses);
  }

  setHubAddresses(addresses: readonly string[]): void {
    this.#hubs = addressSet(addresses);
  }

  /** @param prefixes of the network's own NAT64, as nat64Prefixes() finds them */
  setNat64Prefixes(prefixes: readonly string[]): void {
    this.#nat64 = prefixes.map(rangeOf);
  }

  /**
   * Where a hub sees this device come from. Refused to the streams of that hub alone: one that lies closes nothing to the others.
   * @param addresses IP literals and ranges of IPv6, in place of those of the last session with this number
   */
  setObserved(session: number, hub: string, addresses: readonly string[]): void {
    this.#observed[session] = { hub, addresses };
    const seen = this.#observed.map((one) => (one?.hub === hub ? one.addresses : null));
    const refused = addressSet(seen.flatMap((list) => list ?? []));
    seen.forEach((list, other) => {
      if (list !== null) this.#refusedTo[other] = refused;
    });
  }

  /**
   * May this address be dialled for a stream of this session? An --allow-target rule goes before everything else; an IPv4-mapped address
   * counts as IPv4, 6to4 and NAT64 addresses need a rule in their own spelling.
   */
  check(address: IpAddress, port: number, session: number): 'ok' | 'refused' {
    for (let i = 0; i < this.#allow.length; i++) {
      if (ruleAllows(this.#allow[i]!, address, port)) return 'ok';
    }
    const observed = this.#refusedTo[session];
    const isRefused = address.isIPv4
      ? this.#isRefusedIPv4(address.ipv4, observed)
      : this.#isRefusedIPv6(address, observed);
    return isRefused ? 'refused' : 'ok';
  }

  #isRefusedIPv4(address: number, observed: AddressSet | undefined): boolean {
    for (let i = 0; i < refusedIPv4.length; i++) {
      if (isIPv4InRange(refusedIPv4[i]!, address)) return true;
    }
    if (observed?.ipv4.has(address)) return true;
    return this.#own.ipv4.has(address) || this.#hubs.ipv4.has(address);
  }

  #isRefusedIPv6(address: IpAddress, observed: AddressSet | undefined): boolean {
    if (hasIPv6(this.#own, address) || hasIPv6(this.#hubs, address)) return true;
    if (observed !== undefined && hasIPv6(observed, address)) return true;
    if (isInRange(nat64, address)) return this.#isRefusedIPv4(address.words[3]!, observed);
    for (let i = 0; i < this.#nat64.length; i++) {
      const prefix = this.#nat64[i]!;
      if (!isInRange(prefix, address)) continue;
      if (this.#isRefusedIPv4(ipv4In(address, prefix.bits), observed)) return true;
      // A prefix of private addresses opens the translator's own alone; among public ones it opens nothing.
      if (!isInRange(globalIPv6, address)) return !isTranslated(address, prefix.bits);
    }
    // IPv4-compatible ::/96, 64:ff9b:1::/48, fc00::/7, fe80::/10, 100::/64, 5f00::/16, ff00::/8, ...
    if (!isInRange(globalIPv6, address)) return true;
    if (isInRange(sixToFour, address)) {
      const { words } = address;
      return this.#isRefusedIPv4((((words[0]! & 0xffff) << 16) | (words[1]! >>> 16)) >>> 0, observed);
    }
    for (let i = 0; i < refusedIPv6.length; i++) {
      if (isInRange(refusedIPv6[i]!, address)) return true;
    }
    return false;
  }
}

function addressSet(literals: readonly string[]): AddressSet {
  // A name among them would silently refuse nothing: rangeOf() throws.
  const ranges = literals.map((literal) => rangeOf(withoutZone(literal)));
  return {
    ipv4: new Set(ranges.filter(({ isIPv4 }) => isIPv4).map(({ words }) => words[3]!)),
    ipv6: ranges.filter(({ isIPv4 }) => !isIPv4),
  };
}

function hasIPv6(set: AddressSet, address: IpAddress): boolean {
  for (let i = 0; i < set.ipv6.length; i++) {
    if (isInRange(set.ipv6[i]!, address)) return true;
  }
  return false;
}
