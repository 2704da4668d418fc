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
import { SESSION } from '../../limits/session.ts';
import { CAPABILITY } from '../../noise/payload.ts';
import type { FleetKeeper } from '../fleet/fleetKeeper.ts';
import { parseNodeStatus } from '../fleet/nodeStatus.ts';
import { type Admission, wipeKeys } from './admission.ts';
import type { HubSession, Sessions } from './sessionTable.ts';

const REPLACED = 'a newer session of the same node took its place';
const GAVE_WAY = 'there are as many sessions as the hub takes, and a device without one needs its place';

type Said<Type extends (FromFront | FromWorker)['type']> = Extract<FromFront | FromWorker, { type: Type }>;

export interface SessionLifeParts {
  readonly admission: Admission;
  readonly sessions: Sessions;
  readonly keeper: FleetKeeper;
  readonly log: Logger;
  toFront(message: ToFront): void;
  toWorker(worker: number, message: ToWorker): void;
  /** Resolves when every engine thread has done all that it was told, and that others had told it, before. */
  settled(): Promise<void>;
}

export class SessionLife {
  readonly #parts: SessionLifeParts;
  #closed = false;

  constructor(parts: SessionLifeParts) {
    this.#parts = parts;
  }

  /** Answers a first message with a good mac1: a paired device gets a session, everyone else silence. */
  async answerHandshake({ conn, message1, remoteAddress, webSocket }: Said<'handshake'>): Promise<void> {
    const { accepted, costMs } = await this.#parts.admission.admit(message1, remoteAddress, webSocket);
    if (!this.#closed) this.#parts.toFront({ type: 'verdict', conn, accepted, costMs });
    if (accepted === null) return;
    wipeKeys(accepted);
    this.#makeRoom(accepted);
  }

  /** A node that proves none of its sessions keeps only the newest; and further lanes give way to devices that have none. */
  #makeRoom({ index, number }: { index: number; number: number }): void {
    const { sessions } = this.#parts;
    for (const spare of sessions.takeGivingWay()) this.cut(spare, GAVE_WAY);
    const session = sessions.find(index, number);
    const crowdedOut = session === null ? null : sessions.crowdedOut(session.nodeId);
    if (crowdedOut !== null)
      this.cut(crowdedOut, 'too many sessions of the node wait for their first record');
  }

  /** The first record came: the node has the keys. */
  up({ index, number }: Said<'tunnelUp'>): void {
    const { sessions, keeper } = this.#parts;
    const session = sessions.find(index, number);
    if (session === null) return;
    // Its worker may not have had it yet when it was cut.
    if (session.revoked || session.givesWay) {
      this.cut(session, session.revoked ? 'the node was revoked' : GAVE_WAY);
      return;
    }
    const older = sessions.replacedBy(session);
    for (const unproven of older) if (!unproven.up) this.cut(unproven, REPLACED);
    const served = older.find(({ up }) => up) ?? null;
    if (served === null || !keeper.duplicates.isShared(session.nodeId, performance.now())) {
      this.#serve(session);
      return;
    }
    // The last times, the older one was another device. Perhaps this time it has moved.
    session.waitsFor = served;
    this.#probe(served);
  }

  /** Streams may go to it, and no more to those whose place it takes. */
  #serve(session: HubSession): void {
    if (session.revoked) return;
    const { sessions, keeper, log } = this.#parts;
    const { index, number, worker, nodeId, lane, address, capabilities, webSocket } = session;
    const older = sessions.replacedBy(session).filter(({ up }) => up);
    for (const old of older) {
      old.replaced = true;
      log.info({ node: nodeId, lane, reason: REPLACED }, 'node disconnected');
      keeper.noteEnd(old, REPLACED);
    }
    session.waitsFor = null;
    session.up = true;
    const speaksUdp = (capabilities & CAPABILITY.udp) !== 0;
    keeper.connected(session);
    this.#parts.toFront({ type: 'route', index, number, worker, nodeId, speaksUdp });
    log.info({ node: nodeId, lane, from: address, ...(webSocket ? { webSocket } : {}) }, 'node connected');
    for (const old of older) {
      this.#parts.toFront({ type: 'unroute', index: old.index, number: old.number });
      this.#probe(old);
    }
  }

  /** Its worker answers with `probed`, unless the session ends before. */
  #probe({ worker, index, number, replaced }: HubSession): void {
    this.#parts.toWorker(worker, { type: 'probe', index, number, replaced });
  }

  probed({ index, number, isAlive }: Said<'probed'>): void {
    const { sessions } = this.#parts;
    const session = sessions.find(index, number);
    if (session === null) return;
    if (session.replaced) {
      if (isAlive) this.#tookOver(session);
      this.cut(session, REPLACED);
      return;
    }
    const newer = sessions.waitingFor(session);
    if (newer === null) return;
    if (isAlive) this.#sendAway(newer);
    else this.#serve(newer);
  }

  /** The session was alive when a newer one took its place: two devices have one key, or it will happen once. */
  #tookOver(old: HubSession): void {
    const { sessions, keeper, log } = this.#parts;
    const { nodeId, lane, address } = old;
    if (!keeper.duplicates.tookOver(nodeId, lane, performance.now())) return;
    const newer = sessions.upOfNode(nodeId).find((other) => other.lane === lane);
    const places = [...new Set([address, newer?.address ?? address])].join(' and ');
    log.warn(
      { node: nodeId, from: places },
      'two devices have the same key; whichever comes second is sent away from now on',
    );
    keeper.noteOf(nodeId, {
      kind: 'warning',
      text:
        `two devices use the key of ${keeper.nameOf(nodeId)} and take each other's place (from ${places}): the one that comes second is sent away ` +
        'from now on; on the copy, delete node_key.bin and node.json and pair it with a link of its own, or revoke the node',
    });
    keeper.touch(nodeId);
  }

  /** It gets no streams: another device with its key is there. */
  #sendAway(session: HubSession): void {
    const { keeper, log } = this.#parts;
    const { nodeId, lane, address, worker, index, number } = session;
    session.waitsFor = null;
    keeper.duplicates.cameAgain(nodeId, performance.now());
    log.info({ node: nodeId, lane, from: address }, 'a second device with the same key was sent away');
    this.#parts.toWorker(worker, { type: 'sendAway', index, number, waitMs: SESSION.sharedKeyWaitMs });
    // An older node does not know the order.
    setTimeout(
      () => this.cut(session, 'another device with the same key is connected'),
      SESSION.sharedKeyCutMs,
    ).unref();
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
    const newer = sessions.waitingFor(session);
    sessions.remove(session);
    this.#rest();
    if (session.up) {
      const { nodeId, lane, replaced } = session;
      if (!replaced) log.info({ node: nodeId, lane, reason }, 'node disconnected');
      keeper.disconnected(session, reason, Date.now());
    }
    if (newer !== null) this.#serve(newer);
  }

  /** A thread may still count for a session that has ended: its index is not given to another before. */
  #rest(): void {
    const { sessions } = this.#parts;
    if (!sessions.rest()) return;
    void this.#parts.settled().then(() => {
      sessions.rested();
      this.#rest();
    });
  }

  /** No verdict reaches the front any more: a device that comes now gets silence. */
  close(): void {
    this.#closed = true;
  }
}
