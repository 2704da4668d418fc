// The store of a hub that is a member of a cluster: what its owner changes goes through the cluster, all else is the hub's own.

import { UserError } from '../../base/userError.ts';
import type { NodeBook } from '../fleet/nodeBook.ts';
import type { HubStore } from '../store/hubStore.ts';
import type { JobInput, JobResult, StoreJob } from '../store/storeJobs.ts';
import type { LocalCopy } from './localCopy.ts';
import type { Outbox } from './outbox.ts';
import type { OwnerWrites } from './ownerWrites.ts';

type Answers = { readonly [Job in StoreJob]?: (...input: JobInput<Job>) => Promise<JobResult<Job>> };

/** What changes go through. */
export interface MemberParts {
  readonly writes: OwnerWrites;
  readonly outbox: Outbox;
  readonly copy: LocalCopy;
  readonly book: NodeBook;
}

export class MemberStore implements HubStore {
  keepsBooks = false;
  readonly #store: HubStore;
  #answers: Answers = {};
  #outbox: Outbox | null = null;

  constructor(store: HubStore) {
    this.#store = store;
  }

  /** From now on changes go through the cluster. */
  connect({ writes, outbox, copy, book }: MemberParts): void {
    this.keepsBooks = true;
    this.#outbox = outbox;
    this.#answers = {
      createToken: (options) => writes.createToken(options),
      // One of this hub's from before it joined is not known there, and would be brought in again after the servers have lost it.
      cancelToken: async (token, nowMs) => {
        const isThere = await writes.cancelToken(token, nowMs);
        const isHere = await this.#store.ask('cancelToken', token, nowMs);
        return isThere || isHere;
      },
      changeNode: (id, change) => writes.changeNode(id, change),
      addUser: (name, hash, limits, nowMs) => writes.addUser(name, hash, limits, nowMs),
      changeUser: (name, change, nowMs) => writes.changeUser(name, change, nowMs),
      removeUser: (name) => writes.removeUser(name),
      async revokeNode(id, nowMs) {
        await copy.revoke('revokeForCluster', id, nowMs);
        await outbox.publish(id);
        return book.find(id).stored;
      },
      async revokeInMemory(id, nowMs) {
        await copy.revoke('revokeInMemory', id, nowMs);
        outbox.keepInMemory({ nodeId: id, revokedAtMs: nowMs });
        await outbox.publish(id);
        return book.find(id).stored;
      },
    };
  }

  get unwritable(): string | null {
    return this.#store.unwritable;
  }

  get unpublished(): string | null {
    return this.#outbox?.unpublished ?? null;
  }

  ask<Job extends StoreJob>(job: Job, ...input: JobInput<Job>): Promise<JobResult<Job>> {
    const answer = this.#answers[job] as ((...input: JobInput<Job>) => Promise<JobResult<Job>>) | undefined;
    return answer === undefined ? this.#store.ask(job, ...input) : answer(...input);
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}

/** While no hub runs: a revocation waits in the outbox for its next start, and nothing else may be changed. */
export class IdleMemberStore implements HubStore {
  readonly unpublished = 'the hub does not run; it tells them when it starts';
  readonly #store: HubStore;
  readonly #cluster: string;

  constructor(store: HubStore, cluster: string) {
    this.#store = store;
    this.#cluster = cluster;
  }

  get unwritable(): string | null {
    return this.#store.unwritable;
  }

  async ask<Job extends StoreJob>(job: Job, ...input: JobInput<Job>): Promise<JobResult<Job>> {
    if (job === 'revokeNode') {
      const [id, nowMs] = input as unknown as JobInput<'revokeNode'>;
      return (await this.#store.ask('revokeForCluster', id, nowMs)) as JobResult<Job>;
    }
    if (SHARED.has(job)) {
      throw new UserError(
        `this hub is a member of the cluster ${this.#cluster} and does not run: start it first, or do this at another hub`,
      );
    }
    return this.#store.ask(job, ...input);
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}

const SHARED: ReadonlySet<StoreJob> = new Set<StoreJob>([
  'createToken',
  'cancelToken',
  'changeNode',
  'addUser',
  'changeUser',
  'removeUser',
]);
