// Where devices come from, across restarts: the front lets these networks' first messages go before others.

import { networkKey } from '../../base/sourceKey.ts';
import { STRANGER } from '../../limits/bounds.ts';
import { NETWORKS } from '../../limits/ownerBounds.ts';
import type { NetworkTable } from '../store/networkTable.ts';

export class HomeNetworks {
  readonly #table: NetworkTable;
  /** When each was last seen, as the store has it or is about to. */
  #seen = new Map<string, number>();
  #unsaved = new Map<string, number>();

  constructor(table: NetworkTable) {
    this.#table = table;
  }

  load(): void {
    this.#seen = new Map(this.#table.all().map(({ network, seenAtMs }) => [network, seenAtMs]));
  }

  /** Longest ago first. */
  all(): string[] {
    return [...this.#seen.keys()];
  }

  /** A device has proved its key from this address. */
  proved(address: string, nowMs: number): void {
    const network = networkKey(address);
    const seenAtMs = this.#seen.get(network);
    if (seenAtMs !== undefined && Math.abs(nowMs - seenAtMs) < NETWORKS.renewMs) return;
    this.#seen.delete(network);
    this.#seen.set(network, nowMs);
    this.#unsaved.set(network, nowMs);
    if (this.#seen.size <= STRANGER.knownNetworksMax) return;
    for (const longestAgo of this.#seen.keys()) {
      this.#seen.delete(longestAgo);
      this.#unsaved.delete(longestAgo);
      return;
    }
  }

  /** Throws UserError when the store takes none; they wait for the next time. */
  save(nowMs: number): void {
    if (this.#unsaved.size === 0) return;
    const unsaved = [...this.#unsaved].map(([network, seenAtMs]) => ({ network, seenAtMs }));
    this.#table.write(unsaved, nowMs - NETWORKS.keptMs, STRANGER.knownNetworksMax);
    this.#unsaved.clear();
  }
}
