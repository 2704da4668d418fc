// The addresses of this machine's interfaces and the networks they are in, which the target policy refuses. They change: a phone moves
// between networks.

import { networkInterfaces } from 'node:os';
import { parseRange } from '../base/addressRange.ts';
import { IpAddress, withoutZone } from '../base/ipAddress.ts';

export interface OwnAddresses {
  /** IP literals of both families, without zones. */
  readonly addresses: readonly string[];
  /** IPv6 prefixes of the networks that the machine is in. */
  readonly networks: readonly string[];
}

export const NONE: OwnAddresses = { addresses: [], networks: [] };

/** RFC 4291, section 2.5.1: a network of hosts is a /64. */
const NETWORK_BITS = 64;

/** Throws where the system does not list them, as without a free descriptor. */
export function ownAddresses(): OwnAddresses {
  const addresses = new Set<string>();
  const networks = new Set<string>();
  for (const list of Object.values(networkInterfaces())) {
    for (const { address, cidr } of list ?? []) {
      addresses.add(withoutZone(address));
      const network = networkOf(cidr ?? withoutZone(address));
      if (network !== null) networks.add(network);
    }
  }
  return { addresses: [...addresses], networks: [...networks] };
}

/**
 * The network that an IPv6 address is in. At least its /64: DHCPv6 gives an interface a /128 (RFC 5942), and its neighbours are on the
 * link all the same. Null for IPv4, where a public address says nothing about its neighbours.
 * @param address an IP literal, or one with its prefix length
 */
export function networkOf(address: string): string | null {
  const range = parseRange(address);
  if (range === null || IpAddress.parse(address.split('/')[0]!)?.isIPv4 !== false) return null;
  const bits = Math.min(range.bits, NETWORK_BITS);
  const network = new IpAddress();
  for (let i = 0; i < 4; i++) {
    const kept = Math.min(Math.max(bits - 32 * i, 0), 32);
    network.words[i] = kept === 0 ? 0 : range.words[i]! & (-1 << (32 - kept));
  }
  return `${network}/${bits}`;
}

/** All that counts as the device itself: its addresses, those learned elsewhere (IP literals), and the networks of both. */
export function withNetworks({ addresses, networks }: OwnAddresses, learned: readonly string[]): string[] {
  const all = new Set([...addresses, ...networks]);
  for (const address of learned) {
    all.add(address);
    const network = networkOf(address);
    if (network !== null) all.add(network);
  }
  return [...all];
}

/** The addresses of this machine, where the system may fail to list them. */
export class KnownAddresses {
  #known = NONE;
  #failing = false;
  /** While there is no list: the network of the address that the kernel sends from. */
  #network: string | null = null;
  readonly #onTrouble: (error: unknown) => void;
  readonly #findSource: () => Promise<IpAddress | null>;
  readonly #read: () => OwnAddresses;

  /**
   * @param onTrouble called with the error of the first list that fails, and with null when a later one succeeds
   * @param findSource the address of IPv6 that the kernel would send from; never rejects
   */
  constructor(
    onTrouble: (error: unknown) => void,
    findSource: () => Promise<IpAddress | null>,
    read = ownAddresses,
  ) {
    this.#onTrouble = onTrouble;
    this.#findSource = findSource;
    this.#read = read;
  }

  /** Where the last list failed, one of its networks is found out without it. Never rejects. */
  async learn(): Promise<void> {
    const source = this.#failing ? await this.#findSource() : null;
    this.#network = source === null ? null : networkOf(source.toString());
  }

  /** As they are now, or as they were last while the system does not list them; empty: it never has. */
  look(): OwnAddresses {
    try {
      this.#known = this.#read();
      if (this.#failing) this.#onTrouble(null);
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) this.#onTrouble(error);
      this.#failing = true;
    }
    if (this.#network === null) return this.#known;
    return { ...this.#known, networks: [...this.#known.networks, this.#network] };
  }
}
