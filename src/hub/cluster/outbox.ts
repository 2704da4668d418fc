// Revocations on their way into the cluster. Each is in the hub's store before anything else, and stays there until the cluster has it.

import { isRevoked, revoked } from '../../cluster/merge.ts';
import { nodeKey } from '../../cluster/records.ts';
import type { Unpublished } from '../store/clusterTable.ts';
import type { HubStore } from '../store/hubStore.ts';
import type { LocalCopy } from './localCopy.ts';
import { letGoOfName } from './names.ts';
import { ClusterAway } from './natsConnection.ts';
import { repeatedly } from './ownerWrites.ts';
import type { Buckets } from './recordStore.ts';

export class Outbox {
  /** Why some wait; null: none does. */
  unpublished: string | null = null;
  readonly #buckets: () => Buckets;
  readonly #copy: LocalCopy;
  readonly #store: HubStore;
  /** Of a disk that takes nothing. */
  readonly #inMemory = new Map<string, Unpublished>();
  #publishing: Promise<void> = Promise.resolve();

  constructor(buckets: () => Buckets, copy: LocalCopy, store: HubStore) {
    this.#buckets = buckets;
    this.#copy = copy;
    this.#store = store;
  }

  keepInMemory(revocation: Unpublished): void {
    this.#inMemory.set(revocation.nodeId, revocation);
  }

  /**
   * All that wait, one after the other. Never rejects: `unpublished` says what is wrong.
   * @param now whom the owner revokes at this moment: also if its last enrolment is in the future, by the clock of another hub
   */
  publish(now: string | null = null): Promise<void> {
    this.#publishing = this.#publishing.then(() => this.#publishAll(now));
    return this.#publishing;
  }

  async #publishAll(now: string | null): Promise<void> {
    let unpublished: string | null = null;
    const publish = async (revocation: Unpublished, isPublished: () => unknown) => {
      try {
        await this.#publishOne(revocation, revocation.nodeId === now);
        await isPublished();
      } catch (error) {
        // The others do not wait for one that cannot be published, such as of a device whose record is a newer program's.
        unpublished = error instanceof ClusterAway ? error.why : (error as Error).message;
      }
    };
    try {
      for (const revocation of await this.#store.ask('outbox')) {
        await publish(revocation, () => this.#store.ask('published', revocation));
      }
      for (const revocation of [...this.#inMemory.values()]) {
        await publish(revocation, () => this.#inMemory.delete(revocation.nodeId));
      }
    } catch (error) {
      unpublished = (error as Error).message;
    }
    this.unpublished = unpublished;
  }

  /** A device that was let in again after it stays in, unless it `isNow`. */
  async #publishOne({ nodeId, revokedAtMs }: Unpublished, isNow: boolean): Promise<void> {
    const { state } = this.#buckets();
    const key = nodeKey(nodeId);
    this.#copy.expectOwn(nodeId);
    const { record, revision } = await repeatedly(async () => {
      const kept = await state.read('node', key);
      if (kept === null) return { record: null, revision: 0 };
      const { revokedAtMs: knownMs } = kept.record;
      const record = isNow
        ? revoked(kept.record, revokedAtMs)
        : { ...kept.record, revokedAtMs: Math.max(revokedAtMs, knownMs ?? 0) };
      if (record.revokedAtMs === knownMs) return { record: null, revision: 0 };
      const revision = await state.update('node', key, record, kept.revision);
      return revision === null ? null : { record, revision };
    });
    if (record === null) return;
    await this.#copy.applyOwn({ node: record }, { key, revision });
    if (isRevoked(record)) await letGoOfName(state, record.name, nodeId);
  }
}
