// The main thread's end of the thread that speaks TLS: started with the first connection that needs it.

import { Worker } from 'node:worker_threads';
import { programModule } from '../base/programFiles.ts';

export interface ToTls {
  readonly dial: number;
  /** Descriptors, the thread's own from now on: connected to the web server, and the engine's peer. */
  readonly socket: number;
  readonly plain: number;
  /** The name or address that the certificate has to be for. */
  readonly host: string;
}

/** TLS did not come about. */
export interface FromTls {
  readonly dial: number;
  readonly reason: string;
}

export class TlsBridge {
  readonly #failed: (dial: number, reason: string) => void;
  #worker: Worker | null = null;

  constructor(failed: (dial: number, reason: string) => void) {
    this.#failed = failed;
  }

  carry(order: ToTls): void {
    this.#worker ??= this.#start();
    this.#worker.postMessage(order);
  }

  #start(): Worker {
    const worker = new Worker(programModule('node/tlsThread'));
    worker.on('message', ({ dial, reason }: FromTls) => this.#failed(dial, reason));
    // It ends by itself only by a fault: connections end with it, and the next gets a new one.
    worker.on('error', () => {});
    worker.on('exit', () => {
      if (this.#worker === worker) this.#worker = null;
    });
    return worker;
  }

  async stop(): Promise<void> {
    await this.#worker?.terminate();
  }
}
