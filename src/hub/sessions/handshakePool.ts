// Handshakes on threads that move no bytes, behind a bounded queue: strangers can keep these threads busy, but nothing else.

import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { STRANGER } from '../../limits/bounds.ts';
import { CONTROL } from '../../limits/ownerBounds.ts';
import type { HandshakeJob, HandshakeResult } from '../../noise/handshakeJob.ts';
import type { KeyPair } from '../../noise/keyPair.ts';

export interface HandshakePoolOptions {
  readonly keyPair: KeyPair;
  /** What message 2 announces. */
  readonly initialWindowBytes: number;
  readonly maxStreams: number;
  readonly capabilities: number;
  /** Told of a fault in a pool thread; never of a stranger's bad message. */
  readonly onFault?: (error: unknown) => void;
}

export class HandshakePool {
  readonly #options: HandshakePoolOptions;
  readonly #keyPair: KeyPair;
  readonly #pool: Piscina<HandshakeJob, HandshakeResult | null>;
  #destroyed = false;
  /** First messages dropped because the queue was full. */
  dropped = 0;

  /** One thread starts at once, so that the first node to come doesn't wait for it. */
  constructor(options: HandshakePoolOptions) {
    this.#options = options;
    this.#keyPair = {
      publicKey: new Uint8Array(options.keyPair.publicKey),
      secretKey: new Uint8Array(options.keyPair.secretKey),
    };
    this.#pool = new Piscina<HandshakeJob, HandshakeResult | null>({
      filename: jobFile(import.meta.url),
      minThreads: 1,
      maxThreads: Math.min(CONTROL.handshakeThreadsMax, availableParallelism()),
      maxQueue: STRANGER.handshakeQueueMax,
      idleTimeout: CONTROL.handshakeThreadIdleMs,
    });
    this.#pool.on('error', (error: unknown) => this.#fault(error));
  }

  /** Null for a message that deserves no answer, and at once when the queue is full. Never rejects. */
  async answer(message1: Uint8Array, observedAddress: string): Promise<HandshakeResult | null> {
    if (this.#destroyed) return null;
    if (this.#pool.queueSize >= STRANGER.handshakeQueueMax) {
      this.dropped++;
      return null;
    }
    const { initialWindowBytes, maxStreams, capabilities } = this.#options;
    try {
      return await this.#pool.run({
        // A copy, because cloning a view clones the whole buffer behind it.
        message1: new Uint8Array(message1),
        keyPair: this.#keyPair,
        observedAddress,
        initialWindowBytes,
        maxStreams,
        capabilities,
      });
    } catch (error) {
      this.#fault(error);
      return null;
    }
  }

  /** Handshakes under way end as null. */
  async destroy(): Promise<void> {
    this.#destroyed = true;
    await this.#pool.destroy();
    this.#keyPair.secretKey.fill(0);
  }

  /** Tasks cut off by destroy() are no fault. */
  #fault(error: unknown): void {
    if (!this.#destroyed) this.#options.onFault?.(error);
  }
}

/** The job beside us: .ts in the checkout, .js in the published package. */
export function jobFile(here: string): string {
  return new URL(`../../noise/handshakeJob${extname(fileURLToPath(here))}`, here).href;
}
