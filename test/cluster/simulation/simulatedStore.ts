// A hub's store as its thread answers in virtual time: one job after the other, devices first, and now and then a slow disk.

import type { HubStore } from '../../../src/hub/store/hubStore.ts';
import type { Store } from '../../../src/hub/store/store.ts';
import { type JobInput, type JobResult, runJob, type StoreJob } from '../../../src/hub/store/storeJobs.ts';
import type { Random } from '../../tunnel/simulation.ts';
import type { VirtualTime } from './virtualTime.ts';

export class SimulatedStore implements HubStore {
  readonly #store: Store;
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #devices: (() => void)[] = [];
  readonly #others: (() => void)[] = [];
  #isBusy = false;

  constructor(store: Store, time: VirtualTime, random: Random) {
    this.#store = store;
    this.#time = time;
    this.#random = random;
  }

  get unwritable(): string | null {
    return this.#store.unwritable;
  }

  ask<Job extends StoreJob>(job: Job, ...input: JobInput<Job>): Promise<JobResult<Job>> {
    return new Promise((resolve, reject) => {
      const queue = job === 'admit' ? this.#devices : this.#others;
      queue.push(() => {
        try {
          const result = runJob(this.#store, job, input) as JobResult<Job>;
          this.#later(() => resolve(result));
        } catch (error) {
          this.#later(() => reject(error as Error));
        }
      });
      this.#next();
    });
  }

  /** A hub may be killed before the job, and between the job and its answer. */
  #next(): void {
    if (this.#isBusy) return;
    const run = this.#devices.shift() ?? this.#others.shift();
    if (run === undefined) return;
    this.#isBusy = true;
    this.#time.after(this.#random.below(this.#random.chance(20) ? 100 : 3), run);
  }

  #later(answer: () => void): void {
    this.#time.after(this.#random.below(3), () => {
      this.#isBusy = false;
      answer();
      this.#next();
    });
  }

  async close(): Promise<void> {
    this.#store.close();
  }
}
