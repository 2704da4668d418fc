// The store on a thread of its own. One job is there at a time, and devices go first: they wait for the job under way and for the fsync
// that their own timestamps need, however many changes of the owner wait.

import { Worker } from 'node:worker_threads';
import { programModule } from '../../base/programFiles.ts';
import type { HubStore } from './hubStore.ts';
import type { JobInput, JobResult, StoreJob } from './storeJobs.ts';
import { type FromStore, receivedError, type StorePlan, type ToStore } from './storeMessages.ts';

interface Asked {
  message(number: number): ToStore;
  resolve(result: unknown): void;
  reject(error: Error): void;
}

export class ThreadedStore implements HubStore {
  unwritable: string | null = null;
  /** Resolves when the thread has ended by itself. */
  readonly failed: Promise<Error>;
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  /** Jobs that wait for their turn. */
  readonly #devices: Asked[] = [];
  readonly #others: Asked[] = [];
  /** At the thread, by number. */
  readonly #sent = new Map<number, Asked>();
  /** The job at the thread after which the next one may go. */
  #underWay: number | null = null;
  #nextNumber = 1;
  #onTrouble: (reason: string) => void = () => {};
  #closing = false;
  /** Why nothing is answered any more. */
  #gone: Error | null = null;

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', (message: FromStore) => {
      if (message.type === 'done') this.#hear(message);
      else if (message.type === 'trouble') this.#onTrouble(message.reason);
    });
    let failure: Error | null = null;
    worker.on('error', (error) => {
      failure = error as Error;
    });
    let fail: (error: Error) => void = () => {};
    this.failed = new Promise((resolve) => {
      fail = resolve;
    });
    this.#ended = new Promise((resolve) => {
      worker.on('exit', () => {
        this.#gone = failure ?? new Error('the thread of the store has ended');
        if (!this.#closing) fail(this.#gone);
        for (const { reject } of [...this.#sent.values(), ...this.#devices, ...this.#others])
          reject(this.#gone);
        resolve();
      });
    });
  }

  /** As openHubState(): rejects with BusyError when another program has the file open, and with UserError when it cannot be used. */
  static open(plan: StorePlan): Promise<ThreadedStore> {
    const worker = new Worker(programModule('hub/store/storeThread'), { workerData: plan });
    return new Promise((resolve, reject) => {
      worker.once('error', reject);
      worker.once('message', (message: FromStore) => {
        worker.off('error', reject);
        if (message.type === 'opened') resolve(new ThreadedStore(worker));
        else reject(message.type === 'notOpened' ? receivedError(message.error) : new Error(message.type));
      });
    });
  }

  ask<Job extends StoreJob>(job: Job, ...input: JobInput<Job>): Promise<JobResult<Job>> {
    const message = (number: number): ToStore => ({ type: 'job', number, job, input });
    // A backup is copied beside the other jobs.
    const queue = job === 'backup' ? null : job === 'admit' ? this.#devices : this.#others;
    return this.#ask<JobResult<Job>>(message, queue);
  }

  /** HubState.keep(): the remarks. */
  keepIdentity(onTrouble: (reason: string) => void): Promise<readonly string[]> {
    this.#onTrouble = onTrouble;
    return this.#ask((number) => ({ type: 'keep', number }), this.#others);
  }

  /** `queue` null: at once. */
  #ask<Result>(message: Asked['message'], queue: Asked[] | null): Promise<Result> {
    if (this.#gone !== null) return Promise.reject(this.#gone);
    return new Promise((resolve, reject) => {
      const asked: Asked = { message, resolve: (result) => resolve(result as Result), reject };
      if (queue === null) this.#send(asked);
      else queue.push(asked);
      this.#sendNext();
    });
  }

  /** Whoever was admitted asks again only once it was answered: the others have their turn between two batches of devices. */
  #sendNext(): void {
    if (this.#underWay !== null) return;
    const next = this.#devices.shift() ?? this.#others.shift();
    if (next !== undefined) this.#underWay = this.#send(next);
    else if (this.#closing) this.#post({ type: 'stop' });
  }

  #send(asked: Asked): number {
    const number = this.#nextNumber++;
    this.#sent.set(number, asked);
    this.#post(asked.message(number));
    return number;
  }

  #post(message: ToStore): void {
    this.#worker.postMessage(message);
  }

  #hear({ number, result, error, unwritable }: Extract<FromStore, { type: 'done' }>): void {
    const asked = this.#sent.get(number);
    this.#sent.delete(number);
    this.unwritable = unwritable;
    if (number === this.#underWay) {
      this.#underWay = null;
      this.#sendNext();
    }
    if (error === null) asked?.resolve(result);
    else asked?.reject(receivedError(error));
  }

  async close(): Promise<void> {
    if (!this.#closing) {
      this.#closing = true;
      this.#sendNext();
    }
    await this.#ended;
  }
}
