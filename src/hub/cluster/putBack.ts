// Gives the cluster back what its servers had confirmed and lost: they were put back from a backup, or lost their power all at once. Whoever
// knows something later of a device or a user, or a newer list of hubs, writes it; of several hubs that do, one comes first.

import { openHubList } from '../../cluster/hubList.ts';
import { isRevoked, mergeNodes } from '../../cluster/merge.ts';
import {
  HUBS_KEY,
  keyOf,
  type NodeRecord,
  nodeKey,
  type UserRecord,
  userKey,
  writeRecord,
} from '../../cluster/records.ts';
import type { FleetKeeper } from '../fleet/fleetKeeper.ts';
import type { HubStore } from '../store/hubStore.ts';
import type { LocalCopy } from './localCopy.ts';
import { claimFreeName } from './names.ts';
import { ClusterAway } from './natsConnection.ts';
import { repeatedly } from './ownerWrites.ts';
import { nodeRecord, userRecord } from './ownRecords.ts';
import type { Buckets } from './recordStore.ts';

export interface PutBackParts {
  readonly keeper: Pick<FleetKeeper, 'book' | 'users' | 'note'> & {
    readonly parts: Pick<FleetKeeper['parts'], 'log'>;
  };
  readonly copy: LocalCopy;
  readonly store: HubStore;
  /** Throws ClusterAway. */
  buckets(): Buckets;
}

export class PutBack {
  readonly #parts: PutBackParts;
  /** Keys of which the cluster has something older, or nothing. */
  readonly #keys = new Set<string>();
  #hasLooked = false;
  #running: Promise<void> | null = null;
  /** Of all devices, read once for as many as there are to put back. */
  #enrolments: ReadonlyMap<string, number> | null = null;

  constructor(parts: PutBackParts) {
    this.#parts = parts;
  }

  /** A watch of all that there is begins. */
  begins(): void {
    this.#hasLooked = false;
    this.#parts.copy.known.begin();
  }

  /** The copy is in step: all of the watch has come. Never rejects; what could not be put back waits for the next time. */
  look(): Promise<void> {
    this.#running ??= this.#look().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #look(): Promise<void> {
    if (!this.#hasLooked) this.#find();
    this.#hasLooked = true;
    this.#enrolments = null;
    let done = 0;
    try {
      for (const key of this.#keys) {
        if (await this.#putBack(key)) done++;
        this.#keys.delete(key);
      }
    } catch (error) {
      this.#parts.keeper.parts.log.warn(
        { err: error },
        'what the cluster has lost could not be put back yet',
      );
    }
    if (done === 0) return;
    const what = done === 1 ? '1 change' : `${done} changes`;
    const text = `the servers of the cluster had lost ${what} that they had confirmed: this hub has put back what it knows`;
    this.#parts.keeper.note({ kind: 'warning', text });
    this.#parts.keeper.parts.log.warn(text);
  }

  #find(): void {
    const { copy, keeper } = this.#parts;
    const { known, list } = copy;
    for (const key of known.takeOlder()) this.#keys.add(key);
    const mine = [
      ...keeper.book.all().map(({ stored }) => nodeKey(stored.id)),
      ...keeper.users.list().map(({ name }) => userKey(name)),
    ];
    for (const key of mine) if (!known.isThere(key)) this.#keys.add(key);
    // It is numbered, so a hub that was started again knows the newer one as well.
    if (list !== null) this.#keys.add(HUBS_KEY);
  }

  /** Whether there was something to put back. Rejects with ClusterAway. */
  async #putBack(key: string): Promise<boolean> {
    const meaning = keyOf(key);
    try {
      if (meaning === 'hubs') return await this.#putList();
      if (meaning === null || meaning === 'meta') return false;
      if (meaning.kind === 'node') return await this.#putNode(meaning.of);
      return meaning.kind === 'user' && (await this.#putUser(meaning.of));
    } catch (error) {
      if (error instanceof ClusterAway) throw error;
      // A record that a newer program wrote, or a store that takes nothing.
      this.#parts.keeper.parts.log.warn({ err: error, key }, 'a record of the cluster could not be put back');
      return false;
    }
  }

  async #putNode(id: string): Promise<boolean> {
    const own = await this.#nodeOf(id);
    if (own === null) return false;
    const key = nodeKey(id);
    const { record, revision, isPut } = await repeatedly(async () => {
      const { state } = this.#parts.buckets();
      const kept = await state.read('node', key);
      const merged = kept === null ? own : mergeNodes(own, kept.record);
      if (kept !== null && isSame(merged, mergeNodes(kept.record, kept.record)))
        return { ...kept, isPut: false };
      const name = isRevoked(merged) ? merged.name : await this.#claim(merged);
      const record = { ...merged, name };
      const revision =
        kept === null
          ? await state.create('node', key, record)
          : await state.update('node', key, record, kept.revision);
      return revision === null ? null : { record, revision, isPut: true };
    });
    await this.#parts.copy.takeAnew({ key, value: writeRecord('node', record), revision });
    return isPut;
  }

  async #nodeOf(id: string): Promise<NodeRecord | null> {
    const { keeper, copy, store } = this.#parts;
    this.#enrolments ??= await store.ask('enrolments');
    // What the book has, it has since the change of that time.
    const known = keeper.book.get(id);
    if (known === null) return null;
    return nodeRecord(known.stored, this.#enrolments.get(id), copy.changedAtMs(id) ?? 0, known.settings);
  }

  #claim({ id, name }: NodeRecord): Promise<string> {
    const { book } = this.#parts.keeper;
    return claimFreeName(
      this.#parts.buckets().state,
      name,
      id,
      (other) => (book.holderOf(other) ?? id) !== id,
    );
  }

  /** One that was removed here and is there again is removed again. */
  async #putUser(name: string): Promise<boolean> {
    const key = userKey(name);
    const own = this.#userOf(name);
    const { record, revision, isPut } = await repeatedly(async () => {
      const { state } = this.#parts.buckets();
      const kept = await state.read('user', key);
      if (own === null) {
        const isGone = kept === null || (await state.remove(key, kept.revision)) !== null;
        return isGone ? { record: null, revision: 0, isPut: kept !== null } : null;
      }
      if (kept !== null && kept.record.changedAtMs >= own.changedAtMs) return { ...kept, isPut: false };
      const revision =
        kept === null
          ? await state.create('user', key, own)
          : await state.update('user', key, own, kept.revision);
      return revision === null ? null : { record: own, revision, isPut: true };
    });
    if (record !== null)
      await this.#parts.copy.takeAnew({ key, value: writeRecord('user', record), revision });
    return isPut;
  }

  #userOf(name: string): UserRecord | null {
    const found = this.#parts.keeper.users.find(name);
    return found === null ? null : userRecord(found);
  }

  /** The owner has signed it: anybody may bring it. */
  async #putList(): Promise<boolean> {
    const { copy, store } = this.#parts;
    const membership = await store.ask('membership');
    if (membership === null || membership.hubs === null || copy.list === null) return false;
    const { key, hubs } = membership;
    const { number } = copy.list;
    return repeatedly(async () => {
      const { state } = this.#parts.buckets();
      const kept = await state.readBytes(HUBS_KEY);
      if (kept !== null && numberOf(kept.record, key) >= number) return false;
      const revision =
        kept === null
          ? await state.createBytes(HUBS_KEY, hubs)
          : await state.updateBytes(HUBS_KEY, hubs, kept.revision);
      return revision === null ? null : true;
    });
  }
}

/** 0: it is no list of this cluster. */
function numberOf(signed: Uint8Array, key: Uint8Array): number {
  try {
    return openHubList(signed, key).number;
  } catch {
    return 0;
  }
}

function isSame(one: NodeRecord, other: NodeRecord): boolean {
  return Buffer.compare(writeRecord('node', one), writeRecord('node', other)) === 0;
}
