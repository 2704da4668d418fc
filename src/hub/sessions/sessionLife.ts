// The life of a tunnel's session on the main thread: admitted, up, going away, down. Each step updates the front's routes, what is kept
// about the node, and the log.

import type { Logger } from 'pino';
import {
  type FromFront,
  type FromWorker,
  PEER_CLOSED,
  type ToFront,
  type ToWorker,
} from '../../engine/messages.ts';
import { CAPABILITY } from '../../noise/payload.ts';
import type { FleetKeeper } from '../fleet/fleetKeeper.ts';
import { parseNodeStatus } from '../fleet/nodeStatus.ts';
import { type Admission, wipeKeys } from './admission.ts';
import type { HubSession, Sessions } from './sessionTable.ts';

type Said<Type extends (FromFront | FromWorker)['type']> = Extract<FromFront | FromWorker, { type: Type }>;

export interface SessionLifeParts {
  readonly admission: Admission;
  readonly sessions: Sessions;
  readonly keeper: FleetKeeper;
  readonly log: Logger;
  toFront(message: ToFront): void;
  toWorker(worker: number, message: ToWorker): void;
}

export class SessionLife {
  readonly #parts: SessionLifeParts;
  #closed = false;

  constructor(parts: SessionLifeParts) {
    this.#parts = parts;
  }

  /** Answers a first message with a good mac1: a paired device gets a session, everyone else silence. */
  async answerHandshake({ conn, message1, remoteAddress }: Said<'handshake'>): Promise<void> {
    const { accepted, costMs } = await this.#parts.admission.admit(message1, remoteAddress);
    if (!this.#closed) this.#parts.toFront({ type: 'verdict', conn, accepted, costMs });
    if (accepted === null) return;
    wipeKeys(accepted);
    this.#makeRoom(accepted);
  }

  /** A node that proves none of its sessions keeps only the newest. */
  #makeRoom({ index, number }: { index: number; number: number }): void {
    const { sessions } = this.#parts;
    const session = sessions.find(index, number);
    const crowdedOut = session === null ? null : sessions.crowdedOut(session.nodeId);
    if (crowdedOut !== null)
      this.cut(crowdedOut, 'too many sessions of the node wait for their first record');
  }

  /** The first record came: the node has the keys, and streams may go to it. */
  up({ index, number }: Said<'tunnelUp'>): void {
    const { sessions, keeper, log } = this.#parts;
    const session = sessions.find(index, number);
    if (session === null) return;
    if (session.revoked) {
      this.cut(session, 'the node was revoked');
      return;
    }
    session.up = true;
    const { worker, nodeId, lane, address, capabilities } = session;
    const speaksUdp = (capabilities & CAPABILITY.udp) !== 0;
    keeper.connected(session);
    this.#parts.toFront({ type: 'route', index, number, worker, nodeId, speaksUdp });
    log.info({ node: nodeId, lane, from: address }, 'node connected');
    for (const old of sessions.replacedBy(session)) {
      this.cut(old, 'a newer session of the same node took its place');
    }
  }

  /** The front can route to it now: the node may hear that it is served. */
  routed({ index, number }: Said<'routed'>): void {
    const session = this.#parts.sessions.find(index, number);
    if (session !== null) this.#parts.toWorker(session.worker, { type: 'greet', index, number });
  }

  status({ index, number, json }: Said<'status'>): void {
    const session = this.#parts.sessions.find(index, number);
    if (session === null) return;
    const status = parseNodeStatus(json);
    if (status === null) this.#parts.log.debug({ node: session.nodeId }, 'a STATUS is not JSON');
    else this.#parts.keeper.heardStatus(session, status);
  }

  /** The node takes no new streams. */
  goAway({ index, number }: Said<'goAway'>): void {
    const session = this.#parts.sessions.find(index, number);
    if (session === null) return;
    session.draining = true;
    this.#parts.keeper.touch(session.nodeId);
    this.#parts.toFront({ type: 'unroute', index, number });
  }

  /** Its worker answers with tunnelDown. */
  cut({ worker, index, number }: HubSession, reason: string): void {
    this.#parts.toWorker(worker, { type: 'cut', index, number, reason });
  }

  down({ index, number, reason: cause }: Said<'tunnelDown'>): void {
    const { sessions, keeper, log } = this.#parts;
    const session = sessions.find(index, number);
    if (session === null) return;
    // A node says GOAWAY before it stops on purpose.
    const reason = session.draining && cause === PEER_CLOSED ? 'it was stopped' : cause;
    this.#parts.toFront({ type: 'unroute', index, number });
    sessions.remove(session, performance.now());
    if (!session.up) return;
    log.info({ node: session.nodeId, lane: session.lane, reason }, 'node disconnected');
    keeper.disconnected(session, reason, Date.now());
  }

  /** No verdict reaches the front any more: a device that comes now gets silence. */
  close(): void {
    this.#closed = true;
  }
}
