// The target policy: which resolved addresses an exit node may dial. Asked by the dialler for every address, after names are resolved
// and before the very same literal is dialled. Pure.

import type { Endpoint } from '../base/endpoint.ts';
import { mappedIPv4, parseIPv4, parseIPv6, samePrefix, withoutZone } from '../base/ipAddress.ts';
import { type AllowRule, ruleAllowsIPv4, ruleAllowsIPv6 } from './allowRule.ts';

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

/** Allowed IPv6: global unicast, but for REFUSED_IPV6 inside it. */
export const GLOBAL_IPV6 = '2000::/3';
export const REFUSED_IPV6 = [
  '2001::/23', // IETF protocol assignments: Teredo, ORCHID, benchmarking, AMT, AS112, ...
  '2001:db8::/32', // documentation
  '2620:4f:8000::/48', // AS112 direct delegation
  '3fff::/20', // documentation
] as const;
/** 6to4: the IPv4 address is bits 16 to 47. */
export const SIX_TO_FOUR = '2002::/16';
/** NAT64 (RFC 6052): the IPv4 address is the last 32 bits. Outside 2000::/3, the one block of it that is dialled. */
export const NAT64 = '64:ff9b::/96';

interface IPv4Range {
  readonly first: number;
  readonly last: number;
}

interface IPv6Block {
  readonly words: Uint32Array;
  readonly bits: number;
}

const refusedIPv4 = REFUSED_IPV4.map(ipv4Range);
const globalIPv6 = ipv6Block(GLOBAL_IPV6);
const refusedIPv6 = REFUSED_IPV6.map(ipv6Block);
const sixToFour = ipv6Block(SIX_TO_FOUR);
const nat64 = ipv6Block(NAT64);

function ipv4Range(cidr: string): IPv4Range {
  const [address = '', bits = ''] = cidr.split('/');
  const first = parseIPv4(address);
  if (first < 0) throw new Error(`policy.ts: ${cidr} is no IPv4 block`);
  return { first, last: first + 2 ** (32 - Number(bits)) - 1 };
}

function ipv6Block(cidr: string): IPv6Block {
  const [address = '', bits = ''] = cidr.split('/');
  const words = new Uint32Array(4);
  if (!parseIPv6(address, words)) throw new Error(`policy.ts: ${cidr} is no IPv6 block`);
  return { words, bits: Number(bits) };
}

export interface TargetPolicyOptions {
  readonly allow: readonly AllowRule[];
  /** IP literals; a zone is ignored. */
  readonly ownAddresses: readonly string[];
  /** IP literals: what the hubs' names resolved to. */
  readonly hubAddresses: readonly string[];
}

/** A set of addresses to be refused on every port. */
interface AddressSet {
  readonly ipv4: Set<number>;
  readonly ipv6: readonly Uint32Array[];
}

export class TargetPolicy {
  readonly #allow: readonly AllowRule[];
  #own: AddressSet;
  #hubs: AddressSet;
  readonly #words = new Uint32Array(4);

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

  /**
   * May this IP literal be dialled? Text that is no strict literal (a name, 0x7f.1, fe80::1%eth0) is refused. An --allow-target rule
   * goes before everything else; an IPv4-mapped address counts as IPv4, 6to4 and NAT64 addresses need a rule in their own spelling.
   */
  check(address: string, port: number): 'ok' | 'refused' {
    const ipv4 = parseIPv4(address);
    if (ipv4 >= 0) return this.#checkIPv4(ipv4, port);
    const words = this.#words;
    if (!parseIPv6(address, words)) return 'refused';
    const mapped = mappedIPv4(words);
    return mapped >= 0 ? this.#checkIPv4(mapped, port) : this.#checkIPv6(words, port);
  }

  /** The same of an address in numbers. */
  checkEndpoint(endpoint: Endpoint): 'ok' | 'refused' {
    const { port, bytes } = endpoint;
    if (endpoint.family === 4) return this.#checkIPv4(endpoint.ipv4, port);
    const words = this.#words;
    for (let word = 0, at = 0; word < 4; word++, at += 4) {
      words[word] = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
    }
    const mapped = mappedIPv4(words);
    return mapped >= 0 ? this.#checkIPv4(mapped, port) : this.#checkIPv6(words, port);
  }

  #checkIPv4(address: number, port: number): 'ok' | 'refused' {
    for (const rule of this.#allow) {
      if (ruleAllowsIPv4(rule, address, port)) return 'ok';
    }
    return this.#isRefusedIPv4(address) ? 'refused' : 'ok';
  }

  #checkIPv6(words: Uint32Array, port: number): 'ok' | 'refused' {
    for (const rule of this.#allow) {
      if (ruleAllowsIPv6(rule, words, port)) return 'ok';
    }
    return this.#isRefusedIPv6(words) ? 'refused' : 'ok';
  }

  #isRefusedIPv4(address: number): boolean {
    for (const { first, last } of refusedIPv4) {
      if (address >= first && address <= last) return true;
    }
    return this.#own.ipv4.has(address) || this.#hubs.ipv4.has(address);
  }

  #isRefusedIPv6(words: Uint32Array): boolean {
    if (hasIPv6(this.#own, words) || hasIPv6(this.#hubs, words)) return true;
    if (inBlock(nat64, words)) return this.#isRefusedIPv4(words[3]!);
    // IPv4-compatible ::/96, 64:ff9b:1::/48, fc00::/7, fe80::/10, 100::/64, 5f00::/16, ff00::/8, ...
    if (!inBlock(globalIPv6, words)) return true;
    if (inBlock(sixToFour, words)) {
      return this.#isRefusedIPv4((((words[0]! & 0xffff) << 16) | (words[1]! >>> 16)) >>> 0);
    }
    for (const block of refusedIPv6) {
      if (inBlock(block, words)) return true;
    }
    return false;
  }
}

function inBlock(block: IPv6Block, words: Uint32Array): boolean {
  return samePrefix(block.words, words, block.bits);
}

function addressSet(addresses: readonly string[]): AddressSet {
  const ipv4 = new Set<number>();
  const ipv6: Uint32Array[] = [];
  for (const address of addresses) {
    const text = withoutZone(address);
    const words = new Uint32Array(4);
    const number = parseIPv4(text);
    if (number >= 0) ipv4.add(number);
    // A name here would silently refuse nothing.
    else if (!parseIPv6(text, words)) throw new TypeError(`not an IP literal: ${JSON.stringify(address)}`);
    else if (mappedIPv4(words) >= 0) ipv4.add(mappedIPv4(words));
    else ipv6.push(words);
  }
  return { ipv4, ipv6 };
}

function hasIPv6(set: AddressSet, words: Uint32Array): boolean {
  for (const member of set.ipv6) {
    if (samePrefix(member, words, 128)) return true;
  }
  return false;
}
