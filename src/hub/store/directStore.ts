// The store in this very thread: for a command that does what a hub would do while none runs. Each job is done when ask() returns.

import type { HubStore } from './hubStore.ts';
import type { Store } from './store.ts';
import { type JobInput, type JobResult, runJob, type StoreJob } from './storeJobs.ts';

export class DirectStore implements HubStore {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  get unwritable(): string | null {
    return this.#store.unwritable;
  }

  async ask<Job extends StoreJob>(job: Job, ...input: JobInput<Job>): Promise<JobResult<Job>> {
    return (await runJob(this.#store, job, input)) as JobResult<Job>;
  }

  async close(): Promise<void> {
    this.#store.close();
  }
}
