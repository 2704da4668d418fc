// Which session carries the next stream: a sticky session stays with its node, any other stream goes where the draw sends it
// (native-notes/routing.md). Pure: figures, time and randomness come through functions.

import { ROUTING } from '../limits/routing.ts';
import type { FailureName } from '../model/failures.ts';
import type { CandidateSet } from './candidateSet.ts';
import { HostBans } from './hostBans.ts';
import { NodeDraw } from './nodeDraw.ts';
import type { NodeRouting } from './nodeRouting.ts';
import { NodeTable } from './nodeTable.ts';
import { NodeWeights } from './nodeWeights.ts';
import { hashOf } from './rendezvous.ts';
import { anyNode, type RoutingRequest, type StickyRequest, userOfSticky } from './request.ts';
import { RotationPauses } from './rotationPauses.ts';
import { Lane, type Route, type RoutedNode, type SessionFigures } from './routedNode.ts';
import { type StickySession, StickySessions, type StoredStickySession } from './stickySessions.ts';

const NOBODY: readonly string[] = [];

export interface RouterOptions {
  readonly figures: SessionFigures;
  /** Milliseconds of a clock that is never set back. */
  readonly nowMs: () => number;
  /** Evenly from [0, 1). */
  readonly random: () => number;
  /** A sticky session that asks for a new address has begun with this node. */
  readonly wantRotation?: (nodeId: string, user: string) => void;
  /** A sticky session of a cluster goes on with another node. */
  readonly stickyMoved?: (session: StoredStickySession) => void;
}

export class Router {
  readonly #figures: SessionFigures;
  readonly #nowMs: () => number;
  readonly #wantRotation: (nodeId: string, user: string) => void;
  readonly #stickyMoved: (session: StoredStickySession) => void;
  /** Of clients that ask for nothing. A request keeps the candidates of one router, so each router has its own. */
  readonly #any = anyNode();
  readonly #table = new NodeTable();
  readonly #weights: NodeWeights;
  readonly #draw: NodeDraw;
  readonly #bans = new HostBans();
  readonly stickySessions: StickySessions;
  readonly #rotationPauses = new RotationPauses();
  /** Sticky sessions from before a restart wait for their nodes until then. */
  #graceUntilMs = Number.NEGATIVE_INFINITY;
  /** The hub is one of a cluster's: a sticky session begins with the node with which it would begin at the others. */
  sharesSticky = false;

  constructor({ figures, nowMs, random, wantRotation = () => {}, stickyMoved = () => {} }: RouterOptions) {
    this.#figures = figures;
    this.#nowMs = nowMs;
    this.#wantRotation = wantRotation;
    this.#stickyMoved = stickyMoved;
    this.#weights = new NodeWeights(this.#table, figures);
    this.#draw = new NodeDraw(figures, nowMs, random);
    this.stickySessions = new StickySessions(nowMs());
  }

  // --- Nodes -----------------------------------------------------------------------------------------------------------------------

  /** What control says of a node; it counts from the next stream on. */
  describe(routing: NodeRouting): void {
    this.#table.describe(routing, this.#nowMs());
  }

  /** A node that will not come back. Its routes leave with their sessions. */
  forget(nodeId: string): void {
    this.#table.forget(nodeId);
  }

  /** The node has changed its address for a client of this user, or has tried. */
  rotatedFor(user: string, nodeId: string): void {
    this.#rotationPauses.begin(user, nodeId, this.#nowMs());
  }

  add(route: Route): void {
    const nowMs = this.#nowMs();
    const node = this.#table.addLane(new Lane(route, this.#figures), nowMs);
    if (node.lanes.length === 1) this.#weights.welcome(node, nowMs);
  }

  remove(index: number, number: number): void {
    const node = this.#table.withSession(index, number);
    if (node === undefined) return;
    this.#weights.sample(node, this.#nowMs());
    this.#table.removeLane(node, index, number);
  }

  /** What is known of the node whose session has, or had, this number; null when it is forgotten. */
  routingOf(number: number): NodeRouting | null {
    return this.#table.routingOf(number);
  }

  // --- Picking ---------------------------------------------------------------------------------------------------------------------

  /**
   * A session for a stream to `host`, or why there is none. Allocates nothing, except for a new sticky session.
   * @param excluded ids of nodes on which this very stream has failed; a sticky session moves away from them unless it is strict
   */
  pick(
    request: RoutingRequest = this.#any,
    host = '',
    excluded: readonly string[] = NOBODY,
  ): Route | FailureName {
    const set = this.#table.candidates.of(request);
    const { sticky } = request;
    if (sticky !== null) return this.#pickSticky(set, sticky, host, excluded);
    const node = this.#choose(set, host, excluded);
    return typeof node === 'string' ? node : node.take(this.#figures);
  }

  #pickSticky(
    set: CandidateSet,
    request: StickyRequest,
    host: string,
    excluded: readonly string[],
  ): Route | FailureName {
    const nowMs = this.#nowMs();
    const session = this.stickySessions.find(request.key, nowMs);
    if (session === null) return this.#beginSticky(set, request, host, excluded);
    const { ttlMs, strict, rotate } = request;
    if (session.banned) return this.#moveSticky(session, set, request, host, [...excluded, session.nodeId]);
    const node = this.#table.find(session.nodeId);
    if (node !== undefined && this.#keeps(node, set, strict) && !excluded.includes(node.id)) {
      this.stickySessions.use(session, ttlMs, strict, nowMs);
      return node.take(this.#figures);
    }
    const isConnected = node !== undefined && node.lanes.length > 0;
    if (rotate && isConnected && node.routing.closedFor === 'rotating') return 'nodeRotating';
    if (strict) return 'sessionLost';
    if (session.restored && nowMs < this.#graceUntilMs && !isConnected) return 'sessionLost';
    return this.#moveSticky(session, set, request, host, excluded);
  }

  /** Hubs that share sticky sessions give one to the same node, a hub alone to any. */
  #forSticky(
    set: CandidateSet,
    key: string,
    host: string,
    excluded: readonly string[],
  ): RoutedNode | FailureName {
    return this.sharesSticky ? this.#first(set, key, host, excluded) : this.#choose(set, host, excluded);
  }

  #beginSticky(
    set: CandidateSet,
    { key, ttlMs, strict, rotate }: StickyRequest,
    host: string,
    excluded: readonly string[],
  ): Route | FailureName {
    const node = this.#forSticky(set, key, host, excluded);
    if (typeof node === 'string') return node;
    const session = this.stickySessions.begin(key, node.id, ttlMs, strict, this.#nowMs());
    if (session === null) return 'hubBusy';
    if (!rotate) return node.take(this.#figures);
    const user = userOfSticky(key);
    this.#wantRotation(node.id, user);
    // Its first stream must not leave from the old address: the client has to try again. Where there will be no other, it need not.
    const keepsAddress =
      node.routing.canRotate === false || this.#rotationPauses.leftMs(user, node.id, this.#nowMs()) > 0;
    return keepsAddress ? node.take(this.#figures) : 'nodeRotating';
  }

  #moveSticky(
    session: StickySession,
    set: CandidateSet,
    { key, ttlMs, strict }: StickyRequest,
    host: string,
    excluded: readonly string[],
  ): Route | FailureName {
    const node = this.#forSticky(set, key, host, excluded);
    if (typeof node === 'string') return node;
    session.nodeId = node.id;
    session.banned = false;
    this.stickySessions.use(session, ttlMs, strict, this.#nowMs());
    if (this.sharesSticky) this.#stickyMoved(session.stored(this.#nowMs()));
    return node.take(this.#figures);
  }

  /** Whether a sticky session's own node takes its next stream. An open breaker moves only a session that may move. */
  #keeps(node: RoutedNode, set: CandidateSet, strict: boolean): boolean {
    if (node.lanes.length === 0 || node.routing.closedFor !== null || !set.fits(node)) return false;
    if (node.availability === 'tripped' && !strict && set.available.length > 0) return false;
    return node.load(this.#figures) < node.streamsMax;
  }

  #choose(set: CandidateSet, host: string, excluded: readonly string[]): RoutedNode | FailureName {
    const bans = this.#bans.of(host);
    return this.#draw.choose(set, bans, excluded) ?? this.#whyNone(set, bans, excluded);
  }

  #first(
    set: CandidateSet,
    key: string,
    host: string,
    excluded: readonly string[],
  ): RoutedNode | FailureName {
    const bans = this.#bans.of(host);
    return this.#draw.first(hashOf(key), set, bans, excluded) ?? this.#whyNone(set, bans, excluded);
  }

  #whyNone(
    set: CandidateSet,
    bans: ReadonlyMap<string, number> | null,
    excluded: readonly string[],
  ): FailureName {
    const why = this.#draw.whyNone(set, bans, excluded);
    return why ?? (this.#table.hasSessions ? 'noMatch' : 'noNode');
  }

  // --- Sticky sessions and reports -------------------------------------------------------------------------------------------------

  /**
   * The host bans the session's node: the node rests for that host, and the session goes on with another, even a strict one. Returns the
   * session as it was; null when there is none.
   */
  reportBan(key: string, host: string, restMs: number = ROUTING.restDefaultMs): StoredStickySession | null {
    const nowMs = this.#nowMs();
    const session = this.stickySessions.find(key, nowMs);
    if (session === null) return null;
    this.reportNode(session.nodeId, host, restMs);
    session.banned = true;
    return session.stored(nowMs);
  }

  /** The host bans a node: it rests for that host. Its sticky sessions stay. */
  reportNode(nodeId: string, host: string, restMs: number = ROUTING.restDefaultMs): void {
    this.#bans.add(nodeId, host, this.#nowMs() + restMs);
  }

  /** The next stream begins a new sticky session. Returns the old one; null when there was none. */
  endSticky(key: string): StoredStickySession | null {
    const nowMs = this.#nowMs();
    const session = this.stickySessions.find(key, nowMs);
    if (session === null) return null;
    this.stickySessions.remove(key);
    return session.stored(nowMs);
  }

  // --- Sticky sessions of a cluster ------------------------------------------------------------------------------------------------

  /** One that becomes strict is not known until the cluster has agreed. */
  knowsSticky({ key, strict }: StickyRequest): boolean {
    const session = this.stickySessions.find(key, this.#nowMs());
    return session !== null && (session.strict || !strict);
  }

  /** The id of the node with which the sticky session of a request is here, or would begin, or why there is none. */
  firstChoice(request: RoutingRequest, host: string): { readonly nodeId: string } | FailureName {
    const session = this.stickySessions.find(request.sticky?.key ?? '', this.#nowMs());
    if (session !== null) return session;
    const set = this.#table.candidates.of(request);
    const node = this.#first(set, request.sticky?.key ?? '', host, NOBODY);
    if (typeof node === 'string') return node;
    node.recent--;
    return { nodeId: node.id };
  }

  /** The cluster's word: the sticky session is with this node. A new one begins there, even while the node is away. */
  placeSticky({ key, ttlMs, strict }: StickyRequest, nodeId: string): void {
    const nowMs = this.#nowMs();
    const session = this.stickySessions.find(key, nowMs);
    if (session === null) this.stickySessions.begin(key, nodeId, ttlMs, strict, nowMs);
    else {
      this.moveSticky(key, nodeId);
      this.stickySessions.use(session, ttlMs, strict, nowMs);
    }
  }

  /** Another hub has moved the sticky session. Nothing happens when there is none here. */
  moveSticky(key: string, nodeId: string): void {
    const session = this.stickySessions.find(key, this.#nowMs());
    if (session === null || session.nodeId === nodeId) return;
    session.nodeId = nodeId;
    session.banned = false;
  }

  /** Sticky sessions from before a restart. */
  restoreSticky(stored: readonly StoredStickySession[]): void {
    const nowMs = this.#nowMs();
    this.#graceUntilMs = nowMs + ROUTING.stickySessionGraceMs;
    this.stickySessions.restore(stored, nowMs);
  }

  // --- Sampling --------------------------------------------------------------------------------------------------------------------

  /** Weighs some of the nodes, and forgets what is over. Returns after how many milliseconds to call it again. */
  sample(): number {
    const nowMs = this.#nowMs();
    this.stickySessions.expire(nowMs);
    if (this.#weights.sampleSome(nowMs)) this.#bans.expire(nowMs);
    return ROUTING.sampleEveryMs / Math.max(1, Math.ceil(this.#table.size / ROUTING.sampleNodesMax));
  }
}
