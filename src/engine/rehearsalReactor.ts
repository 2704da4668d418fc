// What an engine in a rehearsal stands on: a reactor whose sockets are pairs within this thread, and the part of its plan that is the same
// for a hub and a node.

import { ENGINE } from '../limits/engine.ts';
import { closeDoorbell } from '../reactor/doorbell.ts';
import { EpollReactor } from '../reactor/epoll/epollReactor.ts';
import { PairedSockets } from '../reactor/epoll/pairedSockets.ts';
import { loadLibc } from '../reactor/libc.ts';
import { heldPlan } from '../ring/heldShare.ts';
import { makeSlots } from '../ring/slots.ts';

const HELD_BYTES = 2 ** 24;

export class RehearsalReactor {
  readonly sockets: PairedSockets;
  readonly reactor: EpollReactor;
  readonly plan = {
    io: 'epoll',
    thread: 0,
    slots: makeSlots(1),
    held: heldPlan(HELD_BYTES, 1),
    descriptorLimit: Number.POSITIVE_INFINITY,
  } as const;

  /** Throws NoDescriptorError, and has closed everything then. */
  constructor(onFault: (error: unknown) => void, sockets: PairedSockets = new PairedSockets(loadLibc())) {
    this.sockets = sockets;
    this.reactor = new EpollReactor(ENGINE.keepAliveIdleS, sockets.libc);
    this.reactor.onFault(onFault);
  }

  /** Behind the engine's own end. */
  end(): void {
    this.reactor.stop();
    closeDoorbell(this.reactor.doorbell);
    this.sockets.end();
  }
}
