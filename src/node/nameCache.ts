// What names resolved to a moment ago, bounded in number and time. Shared by the dialler and udpExit.ts. Pure: the time is an argument.

import { canonicalAddress } from '../base/ipAddress.ts';
import { NODE } from '../limits/bounds.ts';

/** Why a name has no addresses. */
export type LookupFailure = 'nameNotFound' | 'nameTimedOut' | 'internal';

export interface CachedName {
  /** Null: the name does not exist. */
  readonly addresses: readonly string[] | null;
  readonly expiresMs: number;
}

export class NameCache {
  readonly #entries = new Map<string, CachedName>();

  get size(): number {
    return this.#entries.size;
  }

  /** Undefined: ask the resolver. */
  get(name: string, nowMs: number): CachedName | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined || nowMs < entry.expiresMs) return entry;
    this.#entries.delete(name);
    return undefined;
  }

  set(name: string, addresses: readonly string[], nowMs: number): void {
    this.#put(name, { addresses, expiresMs: nowMs + NODE.dnsCacheTtlMs });
  }

  setMissing(name: string, nowMs: number): void {
    this.#put(name, { addresses: null, expiresMs: nowMs + NODE.dnsNegativeTtlMs });
  }

  #put(name: string, entry: CachedName): void {
    // A Map keeps the order of insertion: the first key is the oldest entry.
    this.#entries.delete(name);
    if (this.#entries.size >= NODE.dnsCacheEntriesMax) {
      const oldest = this.#entries.keys().next();
      if (!oldest.done) this.#entries.delete(oldest.value);
    }
    this.#entries.set(name, entry);
  }
}

/** Each address once, in its canonical spelling. What is no literal (a zoned one) stays as it is: policy refuses it. */
export function distinctAddresses(addresses: readonly string[]): string[] {
  const distinct = new Set<string>();
  for (const address of addresses.slice(0, NODE.dnsAddressesMax)) {
    distinct.add(canonicalAddress(address) ?? address);
  }
  return [...distinct];
}
