// A reactor in a thread of its own, playing one scenario, and what it tells. Used by the conformance tests.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect } from 'vitest';
import { ringDoorbell } from '../../src/reactor/doorbell.ts';
import type { Doorbell } from '../../src/reactor/reactor.ts';

type Message = [kind: string, ...values: unknown[]];

export class Theatre {
  readonly worker: Worker;
  readonly exited: Promise<number>;
  readonly seen: Message[] = [];
  #unread: Message[] = [];
  #wake: () => void = () => {};
  #failure: Error | null = null;

  constructor(io: string, scenario: string, args: object) {
    this.worker = new Worker(new URL('./scenarioWorker.ts', import.meta.url), {
      workerData: { io, scenario, args },
      execArgv: [],
    });
    this.worker.on('message', (message: Message) => {
      this.seen.push(message);
      this.#unread.push(message);
      this.#wake();
    });
    this.worker.on('error', (error: Error) => {
      this.#failure = error;
      this.#wake();
    });
    this.exited = once(this.worker, 'exit').then(([code]) => code as number);
  }

  /** Values of the next message of this kind. */
  async next(kind: string): Promise<unknown[]> {
    for (;;) {
      if (this.#failure !== null) throw this.#failure;
      const index = this.#unread.findIndex((message) => message[0] === kind);
      if (index >= 0) return this.#unread.splice(index, 1)[0]!.slice(1);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async port(): Promise<number> {
    return (await this.next('port'))[0] as number;
  }

  async command(command: unknown): Promise<void> {
    this.worker.postMessage(command);
    ringDoorbell(await this.doorbell());
  }

  #doorbell: Doorbell | null = null;
  async doorbell(): Promise<Doorbell> {
    this.#doorbell ??= (await this.next('doorbell'))[0] as Doorbell;
    return this.#doorbell;
  }

  /** Ends the scenario: the reactor stops, the thread ends by itself, and nothing was called that should not have been. */
  async end(): Promise<void> {
    await this.command('stop');
    expect(await this.exited).toBe(0);
    expect(this.seen.filter((message) => message[0] === 'unexpected')).toEqual([]);
  }
}
