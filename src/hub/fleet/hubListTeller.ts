// Tells nodes the signed list of the cluster's hubs: all that follow lists when it changes, and each that has an older one.

import { type HubListPart, splitHubList } from '../../cluster/hubListParts.ts';
import type { ToWorker } from '../../engine/messages.ts';
import type { HubSession, Sessions } from '../sessions/sessionTable.ts';
import type { NodeStatus } from './nodeStatus.ts';

export class HubListTeller {
  readonly #sessions: Pick<Sessions, 'all'>;
  readonly #toWorker: (worker: number, message: ToWorker) => void;
  #number = 0;
  #parts: readonly HubListPart[] = [];

  constructor(sessions: Pick<Sessions, 'all'>, toWorker: (worker: number, message: ToWorker) => void) {
    this.#sessions = sessions;
    this.#toWorker = toWorker;
  }

  /** `signed` is passed on as it is; nodes check it. */
  set(number: number, signed: Uint8Array): void {
    this.#number = number;
    this.#parts = splitHubList(number, signed);
    const byWorker = new Map<number, [index: number, number: number][]>();
    for (const session of this.#sessions.all()) {
      if (!this.#isDue(session.status)) continue;
      const told = byWorker.get(session.worker) ?? [];
      byWorker.set(session.worker, told);
      told.push([session.index, session.number]);
    }
    for (const [worker, sessions] of byWorker) this.#tell(worker, sessions);
  }

  /** A node says which list it has. */
  heard({ worker, index, number }: HubSession, status: NodeStatus): void {
    if (this.#isDue(status)) this.#tell(worker, [[index, number]]);
  }

  #isDue(status: NodeStatus | null): boolean {
    return (status?.hubList ?? this.#number) < this.#number;
  }

  #tell(worker: number, sessions: readonly (readonly [index: number, number: number])[]): void {
    this.#toWorker(worker, { type: 'hubList', sessions, parts: this.#parts });
  }
}
