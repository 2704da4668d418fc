// A worker of a hub, wired: in the front's thread, or in one of its own behind rings. And the orders of control that are about tunnels
// and streams.

import type { FailureName } from '../model/failures.ts';
import type { OpenRequest } from '../model/openRequest.ts';
import type { AeadFactory } from '../noise/aead.ts';
import type { ConnId, Reactor } from '../reactor/reactor.ts';
import { Bell } from '../ring/bell.ts';
import { HandOverEncoder } from '../ring/handOver.ts';
import type { HeldShare } from '../ring/heldShare.ts';
import { RingReader, RingWriter } from '../ring/ring.ts';
import { ThreadSlots } from '../ring/slots.ts';
import type { ReplyWriter } from './clientReplies.ts';
import type { WorkerSlots } from './clientStreams.ts';
import { RingDoor, takeFromFront } from './doors.ts';
import type { FrontRole, InboundRing } from './frontRole.ts';
import { HubWorker } from './hubWorker.ts';
import type { FromWorker, Order, WorkerPlan } from './messages.ts';

/** The way from a worker back to the front. */
interface WayBack {
  giveBack(conn: ConnId, early: Uint8Array): void;
  /** False when there is no room for it. */
  retry(conn: ConnId, index: number, number: number, request: OpenRequest, failure: FailureName): boolean;
  /** No new streams to this session; where the front is another thread, control sees to it. */
  unroute(index: number, number: number): void;
}

export interface WorkerRoleParts {
  readonly reactor: Reactor;
  readonly makeAead: AeadFactory;
  readonly slots: WorkerSlots;
  readonly share: HeldShare;
  readonly replies: ReplyWriter;
  /** Messages for control. */
  readonly tell: (message: FromWorker) => void;
  readonly showTargets: boolean;
}

export class WorkerRole {
  readonly worker: HubWorker;
  readonly rings: readonly InboundRing[];
  readonly #tell: (message: FromWorker) => void;
  readonly #onFrontIs: (order: Extract<Order, { type: 'frontIs' }>) => void;

  private constructor(
    worker: HubWorker,
    rings: readonly InboundRing[],
    tell: (message: FromWorker) => void,
    onFrontIs: (order: Extract<Order, { type: 'frontIs' }>) => void,
  ) {
    this.worker = worker;
    this.rings = rings;
    this.#tell = tell;
    this.#onFrontIs = onFrontIs;
  }

  static inFrontsThread(parts: WorkerRoleParts, { front, router }: FrontRole): WorkerRole {
    const worker = makeWorker(parts, {
      giveBack: (conn, early) => front.takeBack(conn, early),
      retry(...retried) {
        front.retry(...retried);
        return true;
      },
      unroute: (index, number) => router.remove(index, number),
    });
    return new WorkerRole(worker, [], parts.tell, () => {});
  }

  static inOwnThread(parts: WorkerRoleParts, plan: WorkerPlan): WorkerRole {
    const { reactor, replies, slots } = parts;
    const front = new FrontBehindRing(reactor, replies, plan, slots.thread);
    const worker = makeWorker(parts, front);
    const reader = new RingReader(plan.fromFront);
    const ring = { reader, take: () => takeFromFront(reader, reactor, worker) };
    return new WorkerRole(worker, [ring], parts.tell, (order) => front.link(order));
  }

  /** Does nothing for an order that is not a worker's. */
  obey(order: Order): void {
    const { worker } = this;
    switch (order.type) {
      case 'frontIs':
        this.#onFrontIs(order);
        return;
      case 'greet':
        worker.greet(order.index, order.number);
        return;
      case 'cut':
        worker.cut(order.index, order.number, order.reason);
        return;
      case 'probe':
        worker.probe(order.index, order.number, order.replaced);
        return;
      case 'sendAway':
        worker.sendAway(order.index, order.number, order.waitMs);
        return;
      case 'nameNode':
        worker.nameNode(order.index, order.number, order.node);
        return;
      case 'pace':
        worker.pace(order.index, order.number, order.bytesPerSecond);
        return;
      case 'askRotation':
        worker.askRotation(order.index, order.number, order.request);
        return;
      case 'hubList':
        worker.tellHubs(order.sessions, order.parts);
        return;
      case 'resetStreams':
        worker.resetStreams(order.index, order.number, order.failure);
        return;
      case 'listStreams': {
        const streams = worker.listStreams(order.index, order.max);
        this.#tell({ type: 'streams', query: order.query, streams });
        return;
      }
      case 'drain':
        worker.drain();
        return;
    }
  }
}

function makeWorker(parts: WorkerRoleParts, back: WayBack): HubWorker {
  return new HubWorker({
    reactor: parts.reactor,
    slots: parts.slots,
    share: parts.share,
    replies: parts.replies,
    showTargets: parts.showTargets,
    makeAead: parts.makeAead,
    tell: parts.tell,
    giveBack: (conn, early) => back.giveBack(conn, early),
    retry: (...retried) => back.retry(...retried),
    unroute: (index, number) => back.unroute(index, number),
  });
}

/** The front is another thread: clients go back to it over a ring. It starts after its workers, so the door opens only then. */
class FrontBehindRing implements WayBack {
  readonly #reactor: Reactor;
  readonly #replies: ReplyWriter;
  readonly #plan: WorkerPlan;
  readonly #thread: ThreadSlots;
  #door: RingDoor | null = null;

  constructor(reactor: Reactor, replies: ReplyWriter, plan: WorkerPlan, thread: ThreadSlots) {
    this.#reactor = reactor;
    this.#replies = replies;
    this.#plan = plan;
    this.#thread = thread;
  }

  link({ thread, doorbell }: Extract<Order, { type: 'frontIs' }>): void {
    const { slots, toFront } = this.#plan;
    const bell = new Bell(this.#thread.marks, new ThreadSlots(slots, thread).asleepIndex, doorbell);
    this.#door = new RingDoor(this.#reactor, new RingWriter(toFront), bell, new HandOverEncoder());
  }

  giveBack(conn: ConnId, early: Uint8Array): void {
    if (this.#door === null || !this.#door.giveBack(conn, early)) this.#replies.close(conn);
  }

  retry(...retried: Parameters<WayBack['retry']>): boolean {
    return this.#door?.retry(...retried) ?? false;
  }

  unroute(): void {}
}
