// The paired nodes and what the owner decided about them, in memory as in the store: every view and every second needs them.

import { UserError } from '../../base/userError.ts';
import type { NodeChange, NodeSettings } from '../../model/fleet.ts';
import { foldName } from '../../model/nameSyntax.ts';
import type { HubStore } from '../store/hubStore.ts';
import type { StoredNode } from '../store/storedNode.ts';
import type { StoreContents } from '../store/storeJobs.ts';
import { changedSettings, DEFAULT_SETTINGS, type KnownNode } from './nodeSettings.ts';

export class NodeBook {
  readonly #store: HubStore;
  readonly #nodes = new Map<string, KnownNode>();
  /** Sorted when somebody asks for a page and there are new ones; a node is never forgotten. */
  #ids: string[] = [];
  /** Members, by their names as routes read them. */
  readonly #holders = new Map<string, string>();
  #changing: Promise<unknown> = Promise.resolve();

  constructor(store: HubStore, { nodes, settings }: Pick<StoreContents, 'nodes' | 'settings'>) {
    this.#store = store;
    for (const stored of nodes) this.#put(stored, settings.get(stored.id) ?? DEFAULT_SETTINGS);
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

  /** By id, which never changes: a node that is there all along is on one page, whatever comes, goes or gets another name. */
  page(after: string, limit: number): { nodes: KnownNode[]; hasMore: boolean } {
    if (this.#ids.length !== this.#nodes.size) this.#ids = [...this.#nodes.keys()].sort();
    let from = 0;
    for (let end = this.#ids.length; from < end; ) {
      const middle = (from + end) >>> 1;
      if (this.#ids[middle]! > after) end = middle;
      else from = middle + 1;
    }
    const nodes = this.#ids.slice(from, from + limit).map((id) => this.#nodes.get(id)!);
    return { nodes, hasMore: from + limit < this.#ids.length };
  }

  get size(): number {
    return this.#nodes.size;
  }

  /** The member whose name routes cannot tell from this one; null: the name is free. */
  holderOf(name: string): string | null {
    return this.#holders.get(foldName(name)) ?? null;
  }

  get members(): number {
    let count = 0;
    for (const { stored } of this.#nodes.values()) if (stored.revokedAtMs === null) count++;
    return count;
  }

  /** Throws UserError when there is no such node, or when the words fit several. */
  find(idOrName: string): KnownNode {
    return this.#nodes.get(idOrName) ?? this.#named(idOrName);
  }

  /** A member goes before the revoked of the same name. */
  #named(name: string): KnownNode {
    const all = [...this.#nodes.values()].filter(({ stored }) => stored.name === name);
    const members = all.filter(({ stored }) => stored.revokedAtMs === null);
    const [found, ...more] = members.length > 0 ? members : all;
    if (found === undefined) {
      throw new UserError(`there is no node with the id or name ${JSON.stringify(name)}`);
    }
    if (more.length > 0) {
      const ids = [found, ...more].map(({ stored }) => stored.id).join(', ');
      throw new UserError(`${JSON.stringify(name)} matches several nodes; give the id of one: ${ids}`);
    }
    return found;
  }

  /** As the store has it since a moment ago. */
  keep(stored: StoredNode): KnownNode {
    return this.#put(stored, this.#nodes.get(stored.id)?.settings ?? DEFAULT_SETTINGS);
  }

  /** As the store has both since a moment ago. */
  take(stored: StoredNode, settings: NodeSettings): KnownNode {
    return this.#put(stored, settings);
  }

  /** When it was seen last may be known here before the store knows. */
  #put(stored: StoredNode, settings: NodeSettings): KnownNode {
    const before = this.#nodes.get(stored.id)?.stored ?? null;
    const lastSeenAtMs = Math.max(stored.lastSeenAtMs, before?.lastSeenAtMs ?? 0);
    const folded = before === null ? null : foldName(before.name);
    if (folded !== null && this.#holders.get(folded) === stored.id) this.#holders.delete(folded);
    if (stored.revokedAtMs === null) this.#holders.set(foldName(stored.name), stored.id);
    const known = { stored: { ...stored, lastSeenAtMs }, settings };
    this.#nodes.set(stored.id, known);
    return known;
  }

  seen(nodeId: string, nowMs: number): void {
    const known = this.#nodes.get(nodeId);
    if (known !== undefined)
      this.#nodes.set(nodeId, { ...known, stored: { ...known.stored, lastSeenAtMs: nowMs } });
  }

  /** As it was, and as it is now. Rejects with UserError and what is wrong about the change; nothing is changed then. */
  change(idOrName: string, change: NodeChange): Promise<{ before: KnownNode; after: KnownNode }> {
    // One after the other: a change of one limit keeps what the change before it made of the others.
    const done = this.#changing.then(() => this.#change(idOrName, change));
    this.#changing = done.catch(() => {});
    return done;
  }

  async #change(
    idOrName: string,
    { name, ...change }: NodeChange,
  ): Promise<{ before: KnownNode; after: KnownNode }> {
    const before = this.find(idOrName);
    const { id } = before.stored;
    const settings = changedSettings(before.settings, change);
    const stored = await this.#store.ask('changeNode', id, {
      ...(name === undefined ? {} : { name }),
      ...(Object.keys(change).length === 0 ? {} : { settings }),
    });
    return { before, after: this.#answered(stored, settings) };
  }

  /** Rejects with UserError. */
  async revoke(idOrName: string, nowMs: number): Promise<KnownNode> {
    return this.#answered(await this.#store.ask('revokeNode', this.find(idOrName).stored.id, nowMs));
  }

  /** For a disk that takes nothing: the store remembers it until it can write. */
  async revokeInMemory(idOrName: string, nowMs: number): Promise<KnownNode> {
    return this.#answered(await this.#store.ask('revokeInMemory', this.find(idOrName).stored.id, nowMs));
  }

  #answered(stored: StoredNode, settings: NodeSettings | null = null): KnownNode {
    if (this.#store.keepsBooks === true) return this.find(stored.id);
    return settings === null ? this.keep(stored) : this.#put(stored, settings);
  }
}

/** As SQLite orders text: by its bytes in UTF-8, in which only surrogate pairs come elsewhere than in a string. */
function compare(one: string, other: string): number {
  if (one === other) return 0;
  if (SURROGATE.test(one) || SURROGATE.test(other)) {
    return Buffer.compare(Buffer.from(one), Buffer.from(other));
  }
  return one < other ? -1 : 1;
}

const SURROGATE = /[\ud800-\udfff]/;
