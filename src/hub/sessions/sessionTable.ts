// Which node holds which sessions: indices into the shared slots, the workers that own them, lanes and their replacement. Pure: time is
// an argument.

import { SESSION } from '../../limits/session.ts';
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
  /** It came inside a WebSocket. */
  readonly webSocket: boolean;
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
  /** It makes room for a node that has no session; it is being cut. */
  givesWay: boolean;
  status: NodeStatus | null;
}

/** Why a node gets no session: there are as many as the hub takes, or the node has as many lanes as it may have. */
export type NoSession = 'full' | 'lanes';

export class Sessions {
  readonly #byIndex = new Map<number, HubSession>();
  readonly #byNode = new Map<string, Set<HubSession>>();
  readonly #sessionsOfWorker: number[];
  readonly max: number;
  /** Nodes with several lanes, of which one may give way. */
  readonly #withSpareLane = new Set<string>();
  /** Sessions that give way and are to be cut, and how many have not ended yet. */
  #givingWay: HubSession[] = [];
  #leaving = 0;
  /** Indices of sessions that have ended: threads may still speak of them. Then those that threads are being asked about; then free ones. */
  #ended: number[] = [];
  #resting: number[] = [];
  readonly #free: number[] = [];
  #nextIndex = 0;
  #nextNumber = 1;

  /** `max`: sessions at once. A device that renews a lane may pass it for a moment. */
  constructor(workers: number, max: number) {
    this.#sessionsOfWorker = new Array(workers).fill(0);
    this.max = max;
  }

  get size(): number {
    return this.#byIndex.size;
  }

  /** A session for a node that was just admitted, or why there is none. */
  add(
    node: StoredNode,
    {
      lane,
      capabilities,
      address,
      webSocket,
    }: Pick<HubSession, 'lane' | 'capabilities' | 'address' | 'webSocket'>,
    nowMs: number,
  ): HubSession | NoSession {
    if (this.#hasAllLanes(node.id, lane)) return 'lanes';
    if (!this.#hasRoom(node.id, lane)) return 'full';
    const index = this.#freeIndex();
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
      webSocket,
      sinceMs: nowMs,
      up: false,
      replaced: false,
      waitsFor: null,
      draining: false,
      revoked: false,
      givesWay: false,
      status: null,
    };
    this.#byIndex.set(index, session);
    const ofNode = this.#byNode.get(node.id);
    if (ofNode === undefined) this.#byNode.set(node.id, new Set([session]));
    else {
      ofNode.add(session);
      this.#countLanes(node.id);
    }
    this.#sessionsOfWorker[worker]!++;
    return session;
  }

  find(index: number, number: number): HubSession | null {
    const session = this.#byIndex.get(index);
    return session?.number === number ? session : null;
  }

  /** Its index is free once rest() has been answered. */
  remove(session: HubSession): void {
    if (!this.#byIndex.delete(session.index)) return;
    const ofNode = this.#byNode.get(session.nodeId)!;
    ofNode.delete(session);
    if (ofNode.size === 0) this.#byNode.delete(session.nodeId);
    if (session.givesWay) this.#leaving--;
    this.#countLanes(session.nodeId);
    this.#sessionsOfWorker[session.worker]!--;
    this.#ended.push(session.index);
  }

  /** Whether indices wait until every thread has forgotten their sessions. Ask the threads, then call rested(). */
  rest(): boolean {
    if (this.#resting.length > 0 || this.#ended.length === 0) return false;
    this.#resting = this.#ended;
    this.#ended = [];
    return true;
  }

  /** Every thread has forgotten the sessions that had ended when rest() was called. */
  rested(): void {
    for (const index of this.#resting) this.#free.push(index);
    this.#resting = [];
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

  /** Sessions that make room for others since the last call: cut them. */
  takeGivingWay(): HubSession[] {
    return this.#givingWay.length === 0 ? [] : this.#givingWay.splice(0);
  }

  /** When there is none left, a node that has no session takes the place of another's further lane. */
  #hasRoom(nodeId: string, lane: number): boolean {
    if (this.#byIndex.size - this.#leaving < this.max) return true;
    const ofNode = this.#byNode.get(nodeId);
    // It renews a lane whose old session ends as soon as the new one is proven.
    if (ofNode !== undefined) return [...ofNode].some((session) => session.lane === lane);
    const spare = this.#spareLane();
    if (spare === null) return false;
    spare.givesWay = true;
    this.#leaving++;
    this.#countLanes(spare.nodeId);
    this.#givingWay.push(spare);
    return true;
  }

  /** Of a node with several lanes, a session that has proven nothing, or else one of the last lane. */
  #spareLane(): HubSession | null {
    const nodeId = this.#withSpareLane.values().next().value;
    if (nodeId === undefined) return null;
    const [spare = null] = this.ofNode(nodeId)
      .filter(({ givesWay }) => !givesWay)
      .sort((a, b) => Number(a.up) - Number(b.up) || b.lane - a.lane);
    return spare;
  }

  #countLanes(nodeId: string): void {
    const lanes = new Set<number>();
    for (const { lane, givesWay } of this.#byNode.get(nodeId) ?? []) if (!givesWay) lanes.add(lane);
    if (lanes.size > 1) this.#withSpareLane.add(nodeId);
    else this.#withSpareLane.delete(nodeId);
  }

  #freeIndex(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    return this.#nextIndex < SESSION.indicesMax ? this.#nextIndex++ : -1;
  }

  #leastLoadedWorker(): number {
    let best = 0;
    for (let worker = 1; worker < this.#sessionsOfWorker.length; worker++) {
      if (this.#sessionsOfWorker[worker]! < this.#sessionsOfWorker[best]!) best = worker;
    }
    return best;
  }
}
