// Brings records of the cluster into this hub: its store, the books of nodes and users, and the sessions of what was revoked. The watch and
// this hub's own writes come in any order; of each record the newest revision stays. A record that a newer program wrote, and one that is
// damaged, stays what it was here, and the owner hears of it once.

import { UnwritableError } from '../../base/sqliteFile.ts';
import { type HubList, openHubList } from '../../cluster/hubList.ts';
import { keyOf, type NodeRecord, readRecord, type UserRecord } from '../../cluster/records.ts';
import { CLUSTER } from '../../limits/cluster.ts';
import type { FleetKeeper } from '../fleet/fleetKeeper.ts';
import type { KnownNode } from '../fleet/nodeSettings.ts';
import type { HubStore } from '../store/hubStore.ts';
import type { StoredNode } from '../store/storedNode.ts';
import { KnownEntries } from './knownEntries.ts';
import { storedUser } from './ownRecords.ts';
import type { Entry } from './recordWatch.ts';

interface Sorted {
  readonly nodes: Map<string, NodeRecord>;
  readonly users: Map<string, UserRecord>;
  readonly removedUsers: Set<string>;
  hubs: Uint8Array | null;
}

export class LocalCopy {
  readonly #store: HubStore;
  readonly #keeper: FleetKeeper;
  readonly #clusterKey: () => Uint8Array | null;
  readonly known = new KnownEntries();
  /** By device: when its name or settings were changed last, as far as this run of the hub knows. */
  readonly #changedAtMs = new Map<string, number>();
  readonly #toldOf = new Set<string>();
  /** Until when a node's next record is this hub's own doing, on the clock of performance.now(). */
  readonly #ownUntilMs = new Map<string, number>();
  /** One after the other: what is compared with the newest revision is in the store and the books before the next one comes. */
  #applying: Promise<unknown> = Promise.resolve();
  /** The newest list of the cluster's hubs; null: there was none yet. */
  list: HubList | null;

  constructor(
    store: HubStore,
    keeper: FleetKeeper,
    clusterKey: () => Uint8Array | null,
    list: HubList | null,
  ) {
    this.#store = store;
    this.#keeper = keeper;
    this.#clusterKey = clusterKey;
    this.list = list;
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#applying.then(work);
    this.#applying = done.catch(() => {});
    return done;
  }

  /** Rejects with UserError when the store takes nothing; what was revoked is cut all the same. */
  apply(entries: readonly Entry[]): Promise<void> {
    return this.#inTurn(() => {
      const news = entries.filter((entry) => this.known.isNews(entry));
      return this.#take(news, entries.at(-1)?.revision ?? null);
    });
  }

  /** The record as it is in the cluster, unless the watch has brought something newer. */
  takeAnew(entry: Entry): Promise<void> {
    return this.#inTurn(async () => {
      if (this.known.isNewer(entry)) await this.#take([entry], null);
    });
  }

  async #take(entries: readonly Entry[], revision: number | null): Promise<void> {
    const sorted = this.#sort(entries);
    const { nodes, users, removedUsers, hubs } = sorted;
    const batch = {
      nodes: [...nodes.values()],
      users: [...users.values()],
      removedUsers: [...removedUsers],
      revision,
    };
    let stored: StoredNode[];
    try {
      stored = await this.#store.ask('applyCluster', batch);
    } catch (error) {
      if (error instanceof UnwritableError) await this.#revokeInMemory(batch.nodes);
      throw error;
    }
    for (const node of stored) this.#keepNode(node, nodes.get(node.id)!, this.#isOwn(node.id));
    for (const record of nodes.values()) this.#noteChange(record);
    this.#keepUsers(batch.users, batch.removedUsers);
    if (hubs !== null) await this.#takeHubs(hubs);
    for (const entry of entries) this.known.took(entry);
  }

  /** The owner hears of this hub's own doing from whoever does it, not as another hub's. */
  expectOwn(nodeId: string): void {
    this.#ownUntilMs.set(nodeId, performance.now() + CLUSTER.ownEchoMs);
  }

  #isOwn(nodeId: string): boolean {
    const untilMs = this.#ownUntilMs.get(nodeId);
    if (untilMs === undefined) return false;
    this.#ownUntilMs.delete(nodeId);
    return performance.now() < untilMs;
  }

  /** What this hub has written into the cluster itself, unless the watch has brought something newer. */
  applyOwn(
    change: { node?: NodeRecord; user?: UserRecord; removedUser?: string },
    written: Pick<Entry, 'key' | 'revision'>,
  ): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.known.isNewer(written)) return;
      const nodes = change.node === undefined ? [] : [change.node];
      const users = change.user === undefined ? [] : [change.user];
      const removedUsers = change.removedUser === undefined ? [] : [change.removedUser];
      const batch = { nodes, users, removedUsers, revision: null };
      const stored = await this.#store.ask('applyCluster', batch);
      for (const node of stored) this.#keepNode(node, change.node!, true);
      for (const record of nodes) this.#noteChange(record);
      this.#keepUsers(users, removedUsers);
      this.known.wrote(written);
    });
  }

  /** Revokes here, before the cluster hears of it. Rejects as the store does. */
  revoke(job: 'revokeForCluster' | 'revokeInMemory', nodeId: string, nowMs: number): Promise<void> {
    return this.#inTurn(async () => {
      this.#keeper.book.keep(await this.#store.ask(job, nodeId, nowMs));
      this.#keeper.cutOff(nodeId);
    });
  }

  #noteChange({ id, changedAtMs }: NodeRecord): void {
    this.#changedAtMs.set(id, changedAtMs);
  }

  /** null: this run of the hub has not heard of the device yet. */
  changedAtMs(nodeId: string): number | null {
    return this.#changedAtMs.get(nodeId) ?? null;
  }

  #sort(entries: readonly Entry[]): Sorted {
    const sorted: Sorted = { nodes: new Map(), users: new Map(), removedUsers: new Set(), hubs: null };
    for (const entry of entries) this.#sortOne(entry, sorted);
    return sorted;
  }

  #sortOne({ key, value }: Entry, sorted: Sorted): void {
    const meaning = keyOf(key);
    if (meaning === 'hubs') sorted.hubs = value;
    if (meaning === null || meaning === 'hubs' || meaning === 'meta') return;
    if (meaning.kind === 'node') {
      const record = value === null ? null : this.#read('node', key, value);
      // A device is revoked, never removed: somebody else's doing changes nothing here.
      if (value === null) this.#tellOnce(key, `the cluster has lost its record of the device ${meaning.of}`);
      else if (record !== null && record.id === meaning.of) sorted.nodes.set(record.id, record);
    }
    if (meaning.kind === 'user') {
      const record = value === null ? null : this.#read('user', key, value);
      if (value === null) {
        sorted.users.delete(meaning.of);
        sorted.removedUsers.add(meaning.of);
      } else if (record !== null && record.name === meaning.of) {
        sorted.removedUsers.delete(record.name);
        sorted.users.set(record.name, record);
      }
    }
  }

  #read<Kind extends 'node' | 'user'>(kind: Kind, key: string, value: Uint8Array) {
    const read = readRecord(kind, value);
    if (read.state === 'good') return read.record;
    const why =
      read.state === 'newer'
        ? `was written by a newer restunnel (version ${read.version}): update this hub`
        : `is damaged: ${read.why}`;
    this.#tellOnce(
      `${read.state} ${key}`,
      `the cluster's record ${key} ${why}; what this hub knows of it stays`,
    );
    return null;
  }

  #tellOnce(what: string, text: string): void {
    if (this.#toldOf.has(what)) return;
    this.#toldOf.add(what);
    this.#keeper.note({ kind: 'warning', text });
    this.#keeper.parts.log.warn(text);
  }

  // --- What follows from it ---------------------------------------------------------------------------------------------------------------

  /** `isOwn`: the owner hears of it from whoever does it here. */
  #keepNode(stored: StoredNode, { settings }: Pick<NodeRecord, 'settings'>, isOwn: boolean): void {
    const keeper = this.#keeper;
    const before = keeper.book.get(stored.id);
    const known = keeper.book.take(stored, settings);
    if (stored.revokedAtMs !== null) this.#endOf(known, isOwn ? null : before);
    else if (isOwn) keeper.touch(stored.id);
    else if (before === null || before.stored.revokedAtMs !== null) {
      keeper.note({ kind: 'paired', node: known.stored, text: `${stored.name} was paired at another hub` });
    }
    keeper.apply(stored.id);
  }

  #endOf({ stored }: KnownNode, before: KnownNode | null): void {
    const keeper = this.#keeper;
    keeper.cutOff(stored.id);
    if (before === null || before.stored.revokedAtMs !== null) return;
    keeper.forgetRevoked(stored.id);
    const text = `${stored.name} was revoked at another hub, and its sessions were cut`;
    keeper.note({ kind: 'revoked', node: stored, text });
  }

  #keepUsers(users: readonly UserRecord[], removed: readonly string[]): void {
    if (users.length + removed.length > 0) this.#keeper.users.take(users.map(storedUser), removed);
  }

  async #revokeInMemory(nodes: readonly NodeRecord[]): Promise<void> {
    for (const record of nodes) {
      const known = this.#keeper.book.get(record.id);
      if (known === null || known.stored.revokedAtMs !== null || record.revokedAtMs === null) continue;
      if (record.revokedAtMs < record.enrolledAtMs) continue;
      this.#keeper.cutOff(record.id);
      const stored = await this.#store.ask('revokeInMemory', record.id, record.revokedAtMs);
      this.#keepNode(stored, known, this.#isOwn(record.id));
    }
  }

  // --- The list of hubs -------------------------------------------------------------------------------------------------------------------

  /** Only a list that the owner has signed, and only a newer one. */
  async #takeHubs(signed: Uint8Array): Promise<void> {
    const key = this.#clusterKey();
    if (key === null) return;
    try {
      const list = openHubList(signed, key);
      const { number } = list;
      const known = this.list?.number ?? 0;
      if (number === known) return;
      if (number < known) {
        const text = `the cluster shows list ${number} of its hubs, older than list ${known}: it is left alone`;
        this.#tellOnce(`list ${number}`, text);
        return;
      }
      await this.#store.ask('keepHubs', signed);
      this.list = list;
      this.#keeper.hubList.set(number, signed);
      this.#keeper.note({ kind: 'changed', text: `list ${number} of the cluster's hubs is in force` });
    } catch (error) {
      this.#tellOnce('list', `the cluster's list of hubs is left alone: ${(error as Error).message}`);
    }
  }
}
