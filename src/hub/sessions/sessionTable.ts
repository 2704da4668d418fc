// Which node holds which sessions: indices into the shared slots, the workers that own them, lanes and their replacement. Pure: time is
// an argument.

import { SESSION } from '../../limits/bounds.ts';
import type { NodeStatus } from '../fleet/nodeStatus.ts';
import type { StoredNode } from '../store/storedNode.ts';

export interface HubSession {
  readonly index: number;
  readonly number: number;
  readonly worker: number;
  readonly nodeId: string;
  readonly lane: number;
  /** CAPABILITY bits in force. */
  readonly capabilities: number;
  readonly address: string;
  /** On the clock of performance.now(), which nobody sets back. */
  readonly sinceMs: number;
  /** The first record came: streams may go to it. */
  up: boolean;
  /** A newer session has its place; its owner has heard that it ended. */
  replaced: boolean;
  /** Proven, but not up before it is known that this older session of another device with the same key is silent; null: no such. */
  waitsFor: HubSession | null;
  /** It takes no new streams. */
  draining: boolean;
  /** Its node was revoked; it is being cut. */
  revoked: boolean;
  status: NodeStatus | null;
}

/** Why a node gets no session: every index is in use, or the node has as many lanes as it may have. */
export type NoSession = 'full' | 'lanes';

export class Sessions {
  readonly #byIndex = new Map<number, HubSession>();
  readonly #byNode = new Map<string, Set<HubSession>>();
  readonly #sessionsOfWorker: number[];
  /** Indices given back, oldest first, with the time from which they may be used again: threads may still speak of the old session. */
  readonly #resting: { index: number; freeAtMs: number }[] = [];
  #nextIndex = 0;
  #nextNumber = 1;

  constructor(workers: number) {
    this.#sessionsOfWorker = new Array(workers).fill(0);
  }

  get size(): number {
    return this.#byIndex.size;
  }

  /** A session for a node that was just admitted, or why there is none. */
  add(
    node: StoredNode,
    { lane, capabilities, address }: Pick<HubSession, 'lane' | 'capabilities' | 'address'>,
    nowMs: number,
  ): HubSession | NoSession {
    if (this.#hasAllLanes(node.id, lane)) return 'lanes';
    const index = this.#freeIndex(nowMs);
    if (index < 0) return 'full';
    const worker = this.#leastLoadedWorker();
    const session: HubSession = {
      index,
      number: this.#nextNumber++,
      worker,
      nodeId: node.id,
      lane,
      capabilities,
      address,
      sinceMs: nowMs,
      up: false,
      replaced: false,
      waitsFor: null,
      draining: false,
      revoked: false,
      status: null,
    };
    this.#byIndex.set(index, session);
    const ofNode = this.#byNode.get(node.id);
    if (ofNode === undefined) this.#byNode.set(node.id, new Set([session]));
    else ofNode.add(session);
    this.#sessionsOfWorker[worker]!++;
    return session;
  }

  find(index: number, number: number): HubSession | null {
    const session = this.#byIndex.get(index);
    return session?.number === number ? session : null;
  }

  remove(session: HubSession, nowMs: number): void {
    if (!this.#byIndex.delete(session.index)) return;
    const ofNode = this.#byNode.get(session.nodeId)!;
    ofNode.delete(session);
    if (ofNode.size === 0) this.#byNode.delete(session.nodeId);
    this.#sessionsOfWorker[session.worker]!--;
    this.#resting.push({ index: session.index, freeAtMs: nowMs + SESSION.indexRestMs });
  }

  all(): Iterable<HubSession> {
    return this.#byIndex.values();
  }

  ofNode(nodeId: string): HubSession[] {
    return [...(this.#byNode.get(nodeId) ?? [])];
  }

  /** Those that streams may go, or went, over. */
  upOfNode(nodeId: string): HubSession[] {
    return this.ofNode(nodeId).filter(({ up, replaced }) => up && !replaced);
  }

  at(index: number): HubSession | null {
    return this.#byIndex.get(index) ?? null;
  }

  /** Nodes with a session that is up. */
  *nodes(): Iterable<string> {
    for (const [nodeId, sessions] of this.#byNode) {
      for (const { up } of sessions) {
        if (!up) continue;
        yield nodeId;
        break;
      }
    }
  }

  /** Earlier sessions that a newly proven one takes the place of: of the same node and lane. */
  replacedBy(session: HubSession): HubSession[] {
    return this.ofNode(session.nodeId).filter(
      (other) => other.lane === session.lane && other.number < session.number && !other.replaced,
    );
  }

  /** The session that waits for the place of this one; null when none does. */
  waitingFor(session: HubSession): HubSession | null {
    return this.ofNode(session.nodeId).find(({ waitsFor }) => waitsFor === session) ?? null;
  }

  /** The oldest session of a node that waits for its first record, once there are too many; null when there are not. */
  crowdedOut(nodeId: string): HubSession | null {
    const unproven = this.ofNode(nodeId).filter(({ up }) => !up);
    return unproven.length > SESSION.unprovenPerNodeMax ? unproven[0]! : null;
  }

  #hasAllLanes(nodeId: string, lane: number): boolean {
    const lanes = new Set<number>();
    for (const session of this.#byNode.get(nodeId) ?? []) lanes.add(session.lane);
    return !lanes.has(lane) && lanes.size >= SESSION.lanesPerNodeMax;
  }

  #freeIndex(nowMs: number): number {
    const oldest = this.#resting[0];
    if (oldest !== undefined && oldest.freeAtMs <= nowMs) {
      this.#resting.shift();
      return oldest.index;
    }
    return this.#nextIndex < SESSION.sessionsMax ? this.#nextIndex++ : -1;
  }

  #leastLoadedWorker(): number {
    let best = 0;
    for (let worker = 1; worker < this.#sessionsOfWorker.length; worker++) {
      if (this.#sessionsOfWorker[worker]! < this.#sessionsOfWorker[best]!) best = worker;
    }
    return best;
  }
}
