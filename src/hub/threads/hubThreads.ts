// Starts a hub's engine threads: the workers, then the front with a ring to and from each of them. Called by hub.ts.

import { EngineThread, moduleBeside } from '../../engine/engineThread.ts';
import type { FromEngine, Io, ProxyOptions, WorkerLink } from '../../engine/messages.ts';
import { ENGINE } from '../../limits/bounds.ts';
import { ringBuffer } from '../../ring/ring.ts';
import type { SharedSlots } from '../../ring/slots.ts';
import { descriptorLimit } from './descriptorLimit.ts';

export interface HubThreadsPlan {
  readonly io: Io;
  readonly slots: SharedSlots;
  readonly proxy: ProxyOptions;
  /** 0: the front is the only worker, too. */
  readonly workers: number;
  readonly mac1Key: Uint8Array;
  hear(message: FromEngine): void;
  /** Each as soon as it runs, the front last: they are to be stopped also when a later one cannot start. */
  started(thread: EngineThread, role: 'worker' | 'front'): void;
}

export async function startHubThreads(plan: HubThreadsPlan): Promise<void> {
  const { io, slots, proxy, mac1Key } = plan;
  const module = moduleBeside('../../engine/hubThread', import.meta.url);
  const common = { io, slots, proxy };
  const hear = (message: FromEngine) => plan.hear(message);
  const workers: EngineThread[] = [];
  const links: WorkerLink[] = [];
  for (let worker = 0; worker < plan.workers; worker++) {
    const toWorker = ringBuffer(ENGINE.handOverRingBytes);
    const fromWorker = ringBuffer(ENGINE.handOverRingBytes);
    const rings = { fromFront: toWorker, toFront: fromWorker };
    const thread = await EngineThread.start(
      module,
      { ...common, ...rings, role: 'worker', thread: 1 + worker },
      hear,
    );
    plan.started(thread, 'worker');
    workers.push(thread);
    links.push({ thread: 1 + worker, doorbell: thread.doorbell, toWorker, fromWorker });
  }
  const limits = { descriptorLimit: descriptorLimit(), workers: links };
  const front = await EngineThread.start(
    module,
    { ...common, ...limits, role: 'front', thread: 0, mac1Key },
    hear,
  );
  plan.started(front, 'front');
  for (const worker of workers) worker.post({ type: 'frontIs', thread: 0, doorbell: front.doorbell });
}
