// What names resolved to a moment ago, bounded in number and time. Pure: the time is an argument.

import { LRUCache } from 'lru-cache';
import { IpAddress } from '../base/ipAddress.ts';
import { NODE } from '../limits/node.ts';

/** Why a name has no addresses. */
export type LookupFailure = 'nameNotFound' | 'nameTimedOut' | 'resolverSilent' | 'internal';

export interface CachedName {
  /** Null: the name does not exist. */
  readonly addresses: readonly IpAddress[] | null;
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

  /** @param ttlMs as the DNS has it; kept within bounds */
  set(name: string, addresses: readonly IpAddress[], nowMs: number, ttlMs: number): void {
    const keptMs = Math.min(NODE.dnsTtlMaxMs, Math.max(NODE.dnsTtlMinMs, ttlMs));
    this.#entries.set(name, { addresses, expiresMs: nowMs + keptMs });
  }

  setMissing(name: string, nowMs: number): void {
    this.#entries.set(name, { addresses: null, expiresMs: nowMs + NODE.dnsNegativeTtlMs });
  }
}

/** The resolver's addresses, each once. What is no strict literal (one with a zone) is left out: no policy would let it be dialled. */
export function distinctAddresses(texts: readonly string[]): IpAddress[] {
  const distinct: IpAddress[] = [];
  for (const text of texts.slice(0, NODE.dnsAddressesMax)) {
    const address = IpAddress.parse(text);
    if (address !== null && !distinct.some((other) => other.equals(address))) distinct.push(address);
  }
  return distinct;
}
