// An engine thread of a hub, wired on its reactor: front, worker, or both in one. What happens at the ends of its turns.

import type { AeadFactory } from '../noise/aead.ts';
import { ringDoorbell } from '../reactor/doorbell.ts';
import type { Reactor } from '../reactor/reactor.ts';
import { Sleeper } from '../ring/bell.ts';
import { HeldShare } from '../ring/heldShare.ts';
import { ReplyWriter } from './clientReplies.ts';
import type { WorkerSlots } from './clientStreams.ts';
import { LocalDoor } from './doors.ts';
import { FrontRole, type InboundRing } from './frontRole.ts';
import type { FromEngine, FrontPlan, Order, WorkerPlan } from './messages.ts';
import { StagedClose } from './stagedClose.ts';
import { WorkerRole } from './workerRole.ts';

export class HubEngine {
  readonly front: FrontRole | null = null;
  readonly worker: WorkerRole | null = null;
  readonly #reactor: Reactor;
  readonly #slots: WorkerSlots;
  readonly #tell: (message: FromEngine) => void;
  readonly #sleeper: Sleeper;
  /** Rings from other threads. */
  readonly #rings: readonly InboundRing[];
  /** A drain order waits for its answer. */
  #draining = false;
  /** Orders to settle that wait for the end of the turn. */
  #settling = 0;

  constructor(options: {
    plan: FrontPlan | WorkerPlan;
    reactor: Reactor;
    makeAead: AeadFactory;
    /** Of plan.thread, in plan.slots. */
    slots: WorkerSlots;
    /** Messages for control. */
    tell: (message: FromEngine) => void;
  }) {
    const { plan, reactor, makeAead, slots, tell } = options;
    this.#reactor = reactor;
    this.#slots = slots;
    this.#tell = tell;
    this.#sleeper = new Sleeper(slots.thread.marks, slots.thread.asleepIndex);
    // Before the tunnels flush: what comes over the rings is sent in the same turn.
    reactor.onTurnEnd({ onTurnEnd: () => this.#takeFromRings() });
    const replies = new ReplyWriter(reactor, new StagedClose(reactor));
    const { showTargets } = plan.proxy;
    const share = new HeldShare(plan.held);
    const parts = { reactor, makeAead, slots, share, replies, tell, showTargets };
    if (plan.role === 'worker') {
      this.worker = WorkerRole.inOwnThread(parts, plan);
      this.#rings = this.worker.rings;
    } else {
      this.front = new FrontRole({ plan, reactor, slots, replies, tell });
      this.#rings = this.front.rings;
      if (plan.workers.length === 0) {
        this.worker = WorkerRole.inFrontsThread(parts, this.front);
        this.front.doors.push(new LocalDoor(this.worker.worker));
      }
    }
    reactor.onTurnEnd({ onTurnEnd: () => this.#beforeSleep() });
  }

  obey(order: Order): void {
    this.front?.obey(order);
    this.worker?.obey(order);
    if (order.type === 'drain') this.#draining = true;
    if (order.type === 'settle') this.#settling++;
  }

  /** Whether there are clients or streams. */
  get isServing(): boolean {
    return (this.front?.front.count ?? 0) > 0 || (this.worker?.worker.streams.count ?? 0) > 0;
  }

  /** Before the reactor closes what is still open. */
  end(): void {
    this.worker?.worker.end();
  }

  #takeFromRings(): void {
    this.#sleeper.wake();
    for (let at = 0; at < this.#rings.length; at++) this.#rings[at]!.take();
  }

  /** Last in a turn: what was pushed before the mark was set comes without a ring of the bell. */
  #beforeSleep(): void {
    this.#count();
    this.#answerDrain();
    for (; this.#settling > 0; this.#settling--) this.#tell({ type: 'settled' });
    if (this.#rings.length === 0) return;
    this.#sleeper.sleep();
    for (const { reader } of this.#rings) {
      if (reader.isEmpty) continue;
      ringDoorbell(this.#reactor.doorbell);
      return;
    }
  }

  #count(): void {
    const { thread } = this.#slots;
    thread.set('connections', this.#reactor.connections);
    if (this.front !== null) {
      thread.set('clients', this.front.front.count);
      thread.set('strangers', this.front.strangers.count);
    }
    if (this.worker === null) return;
    const { relay, streams } = this.worker.worker;
    thread.set('lingering', relay.lingering.count);
    thread.set('streams', streams.count);
    thread.set('heldKib', relay.pool.heldBytes / 1_024);
  }

  /** A front without tunnels of its own has drained as soon as it takes no more clients. */
  #answerDrain(): void {
    if (!this.#draining || this.worker?.worker.drained === false) return;
    this.#draining = false;
    this.#tell({ type: 'drained' });
  }
}
