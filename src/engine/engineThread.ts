// Control's handle on an engine thread: starts it, sends it orders, hears from it, and sees it end.

import { Worker } from 'node:worker_threads';
import { ringDoorbell } from '../reactor/doorbell.ts';
import type { Doorbell } from '../reactor/reactor.ts';
import type { FromEngine, ThreadPlan, ToEngine } from './messages.ts';

export class EngineThread {
  readonly doorbell: Doorbell;
  readonly #worker: Worker;
  /** Settles when the thread has ended: null when it was asked to, else an Error. */
  readonly ended: Promise<Error | null>;
  #stopping = false;
  #drained: () => void = () => {};
  #onPong: (() => void)[] = [];
  readonly #onSettled: (() => void)[] = [];

  private constructor(worker: Worker, doorbell: Doorbell, onMessage: (message: FromEngine) => void) {
    this.#worker = worker;
    this.doorbell = doorbell;
    worker.on('message', (message: FromEngine) => {
      if (message.type === 'pong') for (const answered of this.#onPong.splice(0)) answered();
      else if (message.type === 'drained') this.#drained();
      else if (message.type === 'settled') this.#onSettled.shift()?.();
      else onMessage(message);
    });
    this.ended = new Promise((resolve) => {
      let failure: Error | null = null;
      worker.on('error', (error) => {
        failure = error as Error;
      });
      worker.on('exit', (code) => {
        resolve(failure ?? (this.#stopping ? null : new Error(`an engine thread ended with code ${code}`)));
      });
    });
  }

  /** Resolves when the thread's reactor is about to run. */
  static start(
    module: URL,
    plan: ThreadPlan,
    onMessage: (message: FromEngine) => void,
  ): Promise<EngineThread> {
    const worker = new Worker(module, { workerData: plan });
    return new Promise((resolve, reject) => {
      worker.once('error', reject);
      worker.once('message', (message: FromEngine) => {
        worker.off('error', reject);
        if (message.type === 'ready') resolve(new EngineThread(worker, message.doorbell, onMessage));
        else reject(new Error(`an engine thread began with ${message.type}`));
      });
    });
  }

  post(order: ToEngine): void {
    this.#worker.postMessage(order);
    ringDoorbell(this.doorbell);
  }

  /** Resolves when the thread answers; never, if it hangs. */
  alive(): Promise<void> {
    this.post({ type: 'ping' });
    return new Promise((resolve) => this.#onPong.push(resolve));
  }

  /** Resolves when the thread has done all that it was told before, and taken all that waits in its rings. */
  settled(): Promise<void> {
    this.post({ type: 'settle' });
    return new Promise((resolve) => this.#onSettled.push(resolve));
  }

  /** No new streams. Resolves when nothing is under way any more, or when the thread has ended. */
  async drain(): Promise<void> {
    const drained = new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
    this.post({ type: 'drain' });
    await Promise.race([drained, this.ended]);
  }

  /** The thread closes everything it holds. Resolves when it has ended. */
  async stop(): Promise<void> {
    if (!this.#stopping) {
      this.#stopping = true;
      this.post({ type: 'stop' });
    }
    await this.ended;
  }
}
