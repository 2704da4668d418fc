// The ways between front and worker: a call within a thread; a ring and a bell between two. Forward go clients with their requests, and
// tunnels; back come HTTP clients whose exchange is over, and requests that another node may serve.

import type { FailureName } from '../model/failures.ts';
import type { OpenRequest } from '../model/openRequest.ts';
import type { SessionKeys, SessionTerms } from '../model/sessionKeys.ts';
import type { ConnHandler, ConnId, Reactor } from '../reactor/reactor.ts';
import type { Bell } from '../ring/bell.ts';
import {
  decodeAdopt,
  decodeOpen,
  decodeReturn,
  HAND_OVER,
  type HandOverEncoder,
  handOverFd,
  handOverType,
  retryFailure,
  TOO_LONG,
} from '../ring/handOver.ts';
import type { RingReader, RingWriter } from '../ring/ring.ts';
import type { Placement, WorkerDoor } from './dispatcher.ts';
import type { Front } from './front.ts';
import type { HubWorker } from './hubWorker.ts';

export interface TunnelDoor extends WorkerDoor {
  /** False: there is no room, and the connection stays the caller's. */
  adopt(conn: ConnId, index: number, number: number, terms: SessionTerms, keys: SessionKeys): boolean;
}

/** To the worker on the same thread. */
export class LocalDoor implements TunnelDoor {
  readonly #worker: HubWorker;

  constructor(worker: HubWorker) {
    this.#worker = worker;
  }

  open(conn: ConnId, index: number, number: number, request: OpenRequest): Placement {
    return this.#worker.open(conn, index, number, request);
  }

  adopt(conn: ConnId, index: number, number: number, terms: SessionTerms, keys: SessionKeys): boolean {
    this.#worker.adopt(index, number, conn, terms, keys);
    return true;
  }
}

/** To another thread: the descriptor goes over a ring. */
export class RingDoor implements TunnelDoor {
  readonly #reactor: Reactor;
  readonly #ring: RingWriter;
  readonly #bell: Bell;
  readonly #encoder: HandOverEncoder;

  constructor(reactor: Reactor, ring: RingWriter, bell: Bell, encoder: HandOverEncoder) {
    this.#reactor = reactor;
    this.#ring = ring;
    this.#bell = bell;
    this.#encoder = encoder;
  }

  open(conn: ConnId, index: number, number: number, request: OpenRequest): Placement {
    return this.#send(conn, this.#encoder.open(index, number, request)) ? null : 'noRoom';
  }

  adopt(conn: ConnId, index: number, number: number, terms: SessionTerms, keys: SessionKeys): boolean {
    const length = this.#encoder.adopt(index, number, terms, keys);
    const sent = this.#send(conn, length);
    this.#encoder.wipe(length);
    return sent;
  }

  retry(conn: ConnId, index: number, number: number, request: OpenRequest, failure: FailureName): boolean {
    return this.#send(conn, this.#encoder.retry(index, number, request, failure));
  }

  giveBack(conn: ConnId, early: Uint8Array): boolean {
    return this.#send(conn, this.#encoder.giveBack(early));
  }

  #send(conn: ConnId, length: number): boolean {
    if (length === TOO_LONG || !this.#ring.hasRoom(length)) return false;
    this.#encoder.setFd(this.#reactor.detach(conn));
    this.#ring.push(this.#encoder.bytes, length);
    this.#bell.ringIfAsleep();
    return true;
  }
}

/** Until the connection gets its real handler, in the same call. */
export const NOBODY: ConnHandler = {
  onConnected() {},
  onConnectFailed() {},
  onReadable() {},
  onWritable() {},
  onBroken() {},
};

/** The worker's end of the ring from the front. */
export function takeFromFront(ring: RingReader, reactor: Reactor, worker: HubWorker): void {
  while (ring.next()) {
    const { bytes, offset, length } = ring;
    const conn = reactor.adopt(handOverFd(bytes, offset), NOBODY, 0);
    if (handOverType(bytes, offset) === HAND_OVER.OPEN) {
      const { index, number, request } = decodeOpen(bytes, offset, length);
      ring.done();
      const failure = worker.open(conn, index, number, request);
      if (failure !== null) worker.turnAway(conn, index, number, request, failure);
    } else {
      const { index, number, terms, keys } = decodeAdopt(bytes, offset);
      ring.done();
      worker.adopt(index, number, conn, terms, keys);
      keys.sendKey.fill(0);
      keys.receiveKey.fill(0);
    }
  }
}

/** The front's end of the ring from a worker. */
export function takeFromWorker(
  ring: RingReader,
  reactor: Reactor,
  front: Pick<Front, 'takeBack' | 'retry'>,
): void {
  while (ring.next()) {
    const { bytes, offset, length } = ring;
    const conn = reactor.adopt(handOverFd(bytes, offset), NOBODY, 0);
    if (handOverType(bytes, offset) === HAND_OVER.RETRY) {
      const { index, number, request } = decodeOpen(bytes, offset, length);
      const failure = retryFailure(bytes, offset);
      ring.done();
      front.retry(conn, index, number, request, failure);
      continue;
    }
    const early = decodeReturn(bytes, offset, length);
    ring.done();
    front.takeBack(conn, early);
  }
}
