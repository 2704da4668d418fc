// Where devices come from, across restarts: the front lets these networks' first messages go before others.

import { networkKey } from '../../base/sourceKey.ts';
import { NETWORKS } from '../../limits/owner.ts';
import { STRANGER } from '../../limits/strangers.ts';
import type { HubStore } from '../store/hubStore.ts';
import type { SeenNetwork } from '../store/networkTable.ts';

export class HomeNetworks {
  readonly #store: HubStore;
  /** When each was last seen, as the store has it or is about to. */
  readonly #seen: Map<string, number>;
  #unsaved = new Map<string, number>();
  #saving: Promise<void> = Promise.resolve();

  /** `known`: to the store, longest ago first. */
  constructor(store: HubStore, known: readonly SeenNetwork[]) {
    this.#store = store;
    this.#seen = new Map(known.map(({ network, seenAtMs }) => [network, seenAtMs]));
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

  /** After a save that is under way. Rejects with UserError when the store takes none; they wait for the next time. */
  save(nowMs: number): Promise<void> {
    const saved = this.#saving.then(() => this.#save(nowMs));
    this.#saving = saved.catch(() => {});
    return saved;
  }

  async #save(nowMs: number): Promise<void> {
    const unsaved = this.#unsaved;
    if (unsaved.size === 0) return;
    this.#unsaved = new Map();
    const networks = [...unsaved].map(([network, seenAtMs]) => ({ network, seenAtMs }));
    try {
      const sinceMs = nowMs - NETWORKS.keptMs;
      await this.#store.ask('writeNetworks', networks, sinceMs, STRANGER.knownNetworksMax);
    } catch (error) {
      for (const [network, seenAtMs] of unsaved) {
        // One that was forgotten meanwhile, or seen again, is not put back.
        if (this.#seen.get(network) === seenAtMs) this.#unsaved.set(network, seenAtMs);
      }
      throw error;
    }
  }
}
