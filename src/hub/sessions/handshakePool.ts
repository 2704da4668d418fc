// Handshakes on threads that move no bytes, behind a bounded queue: strangers can keep these threads busy, but nothing else. A thread gets
// all that waits, up to a number, because waking it costs more than a Diffie-Hellman.

import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import { programModule } from '../../base/programFiles.ts';
import { CONTROL } from '../../limits/owner.ts';
import type {
  FirstMessage,
  HandshakeAnswer,
  HandshakeBatch,
  HandshakeTerms,
} from '../../noise/handshakeJob.ts';
import type { KeyPair } from '../../noise/keyPair.ts';

export interface HandshakePoolOptions {
  readonly keyPair: KeyPair;
  /** What message 2 announces. */
  readonly initialWindowBytes: () => number;
  readonly maxStreams: number;
  readonly capabilities: number;
  /** CONTROL.handshakeThreadIdleMs when absent. */
  readonly idleMs?: number | undefined;
  /** Told of a fault in a pool thread; never of a stranger's bad message. */
  readonly onFault?: (error: unknown) => void;
}

interface Waiting extends FirstMessage {
  readonly answered: (answer: HandshakeAnswer) => void;
}

const SILENCE: HandshakeAnswer = { result: null, costMs: 0 };

export class HandshakePool {
  readonly #options: HandshakePoolOptions;
  readonly #terms: Omit<HandshakeTerms, 'initialWindowBytes'>;
  readonly #pool: Piscina<HandshakeBatch, HandshakeAnswer[]>;
  readonly #threadsMax = Math.min(CONTROL.handshakeThreadsMax, availableParallelism());
  readonly #waiting: Waiting[] = [];
  #batches = 0;
  #isStarting = false;
  #destroyed = false;
  /** First messages dropped because the queue was full. */
  dropped = 0;

  constructor(options: HandshakePoolOptions) {
    this.#options = options;
    const { maxStreams, capabilities } = options;
    const keyPair = {
      publicKey: new Uint8Array(options.keyPair.publicKey),
      secretKey: new Uint8Array(options.keyPair.secretKey),
    };
    this.#terms = { keyPair, maxStreams, capabilities };
    this.#pool = new Piscina<HandshakeBatch, HandshakeAnswer[]>({
      filename: programModule('hub/sessions/handshakeThread').href,
      // An idle thread is 10 MB. The first node to come waits for one, some 50 ms.
      minThreads: 0,
      maxThreads: this.#threadsMax,
      maxQueue: this.#threadsMax,
      idleTimeout: options.idleMs ?? CONTROL.handshakeThreadIdleMs,
    });
    this.#pool.on('error', (error: unknown) => this.#fault(error));
  }

  /** Threads that are there now. */
  get threads(): number {
    return this.#pool.threads.length;
  }

  /** Without a result for a message that deserves no answer, and at once when the queue is full. Never rejects. */
  answer(message1: Uint8Array, observedAddress: string): Promise<HandshakeAnswer> {
    if (this.#destroyed) return Promise.resolve(SILENCE);
    if (this.#waiting.length >= CONTROL.handshakeQueueMax) {
      this.dropped++;
      return Promise.resolve(SILENCE);
    }
    return new Promise((answered) => {
      // A copy, because cloning a view clones the whole buffer behind it.
      this.#waiting.push({ message1: new Uint8Array(message1), observedAddress, answered });
      this.#startSoon();
    });
  }

  /** With what comes in the same turn. */
  #startSoon(): void {
    if (this.#isStarting) return;
    this.#isStarting = true;
    setImmediate(() => {
      this.#isStarting = false;
      while (this.#waiting.length > 0 && this.#batches < this.#threadsMax) {
        void this.#run(this.#waiting.splice(0, CONTROL.handshakeBatchMax));
      }
    });
  }

  async #run(batch: readonly Waiting[]): Promise<void> {
    this.#batches++;
    const answers = await this.#answers(batch);
    this.#batches--;
    batch.forEach(({ answered }, at) => {
      answered(answers?.[at] ?? SILENCE);
    });
    if (this.#waiting.length > 0) this.#startSoon();
  }

  async #answers(batch: readonly Waiting[]): Promise<HandshakeAnswer[] | null> {
    if (this.#destroyed) return null;
    try {
      const messages = batch.map(({ message1, observedAddress }) => ({ message1, observedAddress }));
      const initialWindowBytes = this.#options.initialWindowBytes();
      return await this.#pool.run({ messages, terms: { ...this.#terms, initialWindowBytes } });
    } catch (error) {
      this.#fault(error);
      return null;
    }
  }

  /** Handshakes under way end without a result. */
  async destroy(): Promise<void> {
    this.#destroyed = true;
    for (const { answered } of this.#waiting.splice(0)) answered(SILENCE);
    await this.#pool.destroy();
    this.#terms.keyPair.secretKey.fill(0);
  }

  /** Tasks cut off by destroy() are no fault. */
  #fault(error: unknown): void {
    if (!this.#destroyed) this.#options.onFault?.(error);
  }
}
