// A hub's engine threads as one: the workers, then the front with a ring to and from each of them. Without workers the front does their
// part.

import { programModule } from '../../base/programFiles.ts';
import { descriptorLimit } from '../../engine/descriptorLimit.ts';
import { EngineThread } from '../../engine/engineThread.ts';
import type { FromEngine, Io, ProxyOptions, ToFront, ToWorker, WorkerLink } from '../../engine/messages.ts';
import { ENGINE } from '../../limits/engine.ts';
import type { HeldPlan } from '../../ring/heldShare.ts';
import { ringBuffer } from '../../ring/ring.ts';
import type { SharedSlots } from '../../ring/slots.ts';

export interface HubThreadsPlan {
  readonly io: Io;
  readonly slots: SharedSlots;
  readonly held: HeldPlan;
  readonly proxy: ProxyOptions;
  /** 0: the front is also the only worker. */
  readonly workers: number;
  readonly mac1Key: Uint8Array;
  readonly trustedProxies: readonly string[];
  hear(message: FromEngine): void;
}

export class HubThreads {
  /** Resolves when one of them has ended by itself. */
  readonly failed: Promise<Error>;
  readonly #plan: HubThreadsPlan;
  #front: EngineThread | null = null;
  readonly #workers: EngineThread[] = [];
  #fail: (error: Error) => void = () => {};

  constructor(plan: HubThreadsPlan) {
    this.#plan = plan;
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
  }

  /** When it rejects, stop() ends those that run already. */
  async start(): Promise<void> {
    const { io, slots, held, proxy, mac1Key, trustedProxies } = this.#plan;
    const common = { io, slots, held, proxy };
    const links: WorkerLink[] = [];
    for (let worker = 0; worker < this.#plan.workers; worker++) {
      const toWorker = ringBuffer(ENGINE.handOverRingBytes);
      const fromWorker = ringBuffer(ENGINE.handOverRingBytes);
      const rings = { fromFront: toWorker, toFront: fromWorker };
      const thread = await this.#start({ ...common, ...rings, role: 'worker', thread: 1 + worker });
      this.#workers.push(thread);
      links.push({ thread: 1 + worker, doorbell: thread.doorbell, toWorker, fromWorker });
    }
    const limits = { descriptorLimit: descriptorLimit(), workers: links };
    const strangers = { mac1Key, trustedProxies };
    const front = await this.#start({ ...common, ...limits, ...strangers, role: 'front', thread: 0 });
    this.#front = front;
    for (const worker of this.#workers) worker.post({ type: 'frontIs', thread: 0, doorbell: front.doorbell });
  }

  async #start(plan: Parameters<typeof EngineThread.start>[1]): Promise<EngineThread> {
    const module = programModule('engine/hubThread');
    const thread = await EngineThread.start(module, plan, (message) => this.#plan.hear(message));
    void thread.ended.then((error) => {
      if (error !== null) this.#fail(error);
    });
    return thread;
  }

  /** Nobody hears it before the start. */
  toFront(message: ToFront): void {
    this.#front?.post(message);
  }

  /** `worker` as in HubSession. */
  toWorker(worker: number, message: ToWorker): void {
    const thread = this.#plan.workers === 0 ? this.#front : this.#workers[worker];
    thread?.post(message);
  }

  /** Resolves once every thread has answered: never, while one of them hangs. */
  async alive(): Promise<void> {
    await Promise.all(this.#all().map((thread) => thread.alive()));
  }

  /**
   * Resolves when each thread has done what it was told before, and what the others had told it: the front hands over to workers, and they
   * to the front.
   */
  async settled(): Promise<void> {
    await this.#front?.settled();
    if (this.#workers.length === 0) return;
    await Promise.all(this.#workers.map((worker) => worker.settled()));
    await this.#front?.settled();
  }

  /** No new streams; resolves when nothing is under way any more. The front first: what it has handed over is the workers' to finish. */
  async drain(): Promise<void> {
    await this.#front?.drain();
    await Promise.all(this.#workers.map((worker) => worker.drain()));
  }

  /** Resolves when the front has ended. */
  async frontEnded(): Promise<void> {
    await this.#front?.ended;
  }

  /** The front first: it hands descriptors to the others. */
  async stop(): Promise<void> {
    await this.#front?.stop();
    await Promise.all(this.#workers.map((worker) => worker.stop()));
  }

  #all(): EngineThread[] {
    return this.#front === null ? this.#workers : [this.#front, ...this.#workers];
  }
}
