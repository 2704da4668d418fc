// The paired nodes and what the owner decided about them, in memory as in the store: every view and every second needs them.

import type { NodeChange } from '../../model/fleet.ts';
import type { Store } from '../store/store.ts';
import type { StoredNode } from '../store/storedNode.ts';
import { changedSettings, DEFAULT_SETTINGS, type KnownNode } from './nodeSettings.ts';

export class NodeBook {
  readonly #store: Store;
  readonly #nodes = new Map<string, KnownNode>();

  constructor(store: Store) {
    this.#store = store;
    this.load();
  }

  /** As the store has it. */
  load(): void {
    const settings = this.#store.settings.all();
    this.#nodes.clear();
    for (const stored of this.#store.listNodes()) {
      this.#nodes.set(stored.id, { stored, settings: settings.get(stored.id) ?? DEFAULT_SETTINGS });
    }
  }

  get(nodeId: string): KnownNode | null {
    return this.#nodes.get(nodeId) ?? null;
  }

  /** Members first, then the revoked, each by name. */
  all(): KnownNode[] {
    return [...this.#nodes.values()].sort(({ stored: one }, { stored: other }) => {
      const members = Number(one.revokedAtMs !== null) - Number(other.revokedAtMs !== null);
      return members || compare(one.name, other.name) || compare(one.id, other.id);
    });
  }

  get members(): number {
    let count = 0;
    for (const { stored } of this.#nodes.values()) if (stored.revokedAtMs === null) count++;
    return count;
  }

  /** Throws UserError when there is no such node, or when the words fit several. */
  find(idOrName: string): KnownNode {
    return this.#nodes.get(idOrName) ?? this.keep(this.#store.findNode(idOrName));
  }

  /** As the store has it since a moment ago. */
  keep(stored: StoredNode): KnownNode {
    const settings = this.#nodes.get(stored.id)?.settings ?? this.#store.settings.get(stored.id);
    const known = { stored, settings };
    this.#nodes.set(stored.id, known);
    return known;
  }

  seen(nodeId: string, nowMs: number): void {
    const known = this.#nodes.get(nodeId);
    if (known !== undefined)
      this.#nodes.set(nodeId, { ...known, stored: { ...known.stored, lastSeenAtMs: nowMs } });
  }

  /** Throws UserError with what is wrong about the change; nothing is changed then. */
  change(idOrName: string, { name, ...change }: NodeChange): KnownNode {
    const { stored, settings } = this.find(idOrName);
    const changed = changedSettings(settings, change);
    if (name !== undefined) this.keep(this.#store.renameNode(stored.id, name));
    if (Object.keys(change).length > 0) this.#store.settings.put(stored.id, changed);
    const known = { stored: this.get(stored.id)!.stored, settings: changed };
    this.#nodes.set(stored.id, known);
    return known;
  }

  revoke(idOrName: string, nowMs: number): KnownNode {
    return this.keep(this.#store.revokeNode(this.find(idOrName).stored.id, nowMs));
  }

  revokeInMemory(idOrName: string, nowMs: number): KnownNode {
    return this.keep(this.#store.revokeInMemory(this.find(idOrName).stored.id, nowMs));
  }
}

/** As SQLite orders text. */
function compare(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
