// What names resolved to a moment ago, bounded in number and time. Pure: the time is an argument.

import { LRUCache } from 'lru-cache';
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
  readonly #entries = new LRUCache<string, CachedName>({ max: NODE.dnsCacheEntriesMax });

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
    this.#entries.set(name, { addresses, expiresMs: nowMs + NODE.dnsCacheTtlMs });
  }

  setMissing(name: string, nowMs: number): void {
    this.#entries.set(name, { addresses: null, expiresMs: nowMs + NODE.dnsNegativeTtlMs });
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
