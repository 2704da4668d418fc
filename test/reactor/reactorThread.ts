// A reactor in a thread of its own that plays one scenario: what it reports, and the commands it gets.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, onTestFinished } from 'vitest';
import { epollAvailable } from '../../src/reactor/create.ts';
import { ringDoorbell } from '../../src/reactor/doorbell.ts';
import type { Doorbell } from '../../src/reactor/reactor.ts';
import type { Message, ReportKind, Reports } from './reports.ts';

/** The reactors that this machine can run. */
export const reactorKinds = epollAvailable() ? ['epoll', 'net'] : ['net'];

/** Plays a scenario in a thread that ends with the test. */
export function startScenario(io: string, scenario: string, args: object = {}): ReactorThread {
  const thread = new ReactorThread(io, scenario, args);
  onTestFinished(() => thread.terminate());
  return thread;
}

export class ReactorThread {
  readonly exited: Promise<number>;
  readonly #worker: Worker;
  readonly #unread: Message[] = [];
  readonly #unexpected: string[] = [];
  #wake: () => void = () => {};
  #failure: Error | null = null;

  constructor(io: string, scenario: string, args: object) {
    this.#worker = new Worker(new URL('./scenarioWorker.ts', import.meta.url), {
      workerData: { io, scenario, args },
      execArgv: [],
    });
    this.#worker.on('message', (message: Message) => {
      if (isKind(message, 'unexpected')) this.#unexpected.push(message.report.what);
      else this.#unread.push(message);
      this.#wake();
    });
    this.#worker.on('error', (error: Error) => {
      this.#failure = error;
      this.#wake();
    });
    this.exited = once(this.#worker, 'exit').then(([code]) => code as number);
  }

  /** The next report of this kind; those of other kinds wait. */
  async next<K extends ReportKind>(kind: K): Promise<Reports[K]> {
    for (;;) {
      if (this.#failure !== null) throw this.#failure;
      if (this.#unexpected.length > 0) throw new Error(`unexpected: ${this.#unexpected}`);
      for (const [index, message] of this.#unread.entries()) {
        if (!isKind(message, kind)) continue;
        this.#unread.splice(index, 1);
        return message.report;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async port(): Promise<number> {
    return (await this.next('port')).port;
  }

  async command(command: unknown): Promise<void> {
    this.#worker.postMessage(command);
    ringDoorbell(await this.doorbell());
  }

  #doorbell: Doorbell | null = null;
  async doorbell(): Promise<Doorbell> {
    this.#doorbell ??= (await this.next('doorbell')).doorbell;
    return this.#doorbell;
  }

  /** Ends the scenario: the reactor stops, the thread ends by itself, and nothing unexpected was reported. */
  async end(): Promise<void> {
    await this.command('stop');
    expect(await this.exited).toBe(0);
    expect(this.#unexpected).toEqual([]);
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }
}

function isKind<K extends ReportKind>(message: Message, kind: K): message is Message<K> {
  return message.kind === kind;
}
