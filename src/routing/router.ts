// Which session carries the next stream: sticky sessions stay with their node; other streams go to the less loaded of two nodes drawn by
// weight (native-notes/routing.md). Pure: figures, time and randomness come through functions. Used by the front.

import { ROUTING } from '../limits/bounds.ts';
import type { FailureName } from '../model/failures.ts';
import { type CandidateSet, Candidates } from './candidates.ts';
import { type NodeRouting, unknownNode } from './nodeRouting.ts';
import { anyNode, type RoutingRequest, type SessionRequest } from './request.ts';
import { Rests } from './rests.ts';
import { type Lane, type Route, RoutedNode, type SessionFigures } from './routedNode.ts';
import { SessionNodes } from './sessionNodes.ts';
import { type StickySession, StickySessions, type StoredSession } from './stickySessions.ts';

export type { Route } from './routedNode.ts';

const NOBODY: readonly string[] = [];

export interface RouterOptions {
  readonly figures: SessionFigures;
  /** Milliseconds of a clock that is never set back. */
  readonly nowMs: () => number;
  /** Evenly from [0, 1). */
  readonly random: () => number;
  /** A session that asked for it has begun with this node: it wants a new address. */
  readonly wantRotation?: (nodeId: string) => void;
}

export class Router {
  readonly #figures: SessionFigures;
  readonly #nowMs: () => number;
  readonly #random: () => number;
  readonly #wantRotation: (nodeId: string) => void;
  /** Of clients that ask for nothing. It keeps this router's candidates, as every request does. */
  readonly #any = anyNode();
  readonly #nodes = new Map<string, RoutedNode>();
  readonly #nodeOfIndex = new Map<number, RoutedNode>();
  readonly #candidates = new Candidates();
  readonly sessions: StickySessions;
  readonly #rests = new Rests();
  readonly #sessionNodes = new SessionNodes();
  /** Sessions from before a restart wait for their nodes until then. */
  #graceUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: RouterOptions) {
    this.#figures = options.figures;
    this.#nowMs = options.nowMs;
    this.#random = options.random;
    this.#wantRotation = options.wantRotation ?? (() => {});
    this.sessions = new StickySessions(options.nowMs());
  }

  // --- Nodes -----------------------------------------------------------------------------------------------------------------------

  /** What control says of a node; counts for the next stream. */
  describe(routing: NodeRouting): void {
    const node = this.#nodeOf(routing.nodeId);
    if (node.looksLike(routing)) node.describe(routing);
    else this.#change(node, () => node.describe(routing));
  }

  /** A node that will not come back. Its routes leave with their sessions. */
  forget(nodeId: string): void {
    const node = this.#nodes.get(nodeId);
    if (node === undefined) return;
    node.forgotten = true;
    this.#letGo(node);
  }

  add(route: Route): void {
    const node = this.#nodeOf(route.nodeId);
    const figures = this.#figures;
    const { index } = route;
    this.#change(node, () => {
      node.lanes.push({
        route,
        succeeded: figures.succeeded(index),
        failed: figures.failed(index),
        bytes: figures.bytes(index),
      });
      node.lanesChanged();
    });
    this.#nodeOfIndex.set(index, node);
    this.#sessionNodes.add(route.number, node.id);
    if (node.lanes.length > 1) return;
    // As busy of late as the others: a node that comes does not get every stream until it has caught up.
    node.recent = this.#usualRecent * node.weight;
    node.sampledMs = this.#nowMs();
  }

  remove(index: number, number: number): void {
    const node = this.#nodeOfIndex.get(index);
    const at = node?.lanes.findIndex(({ route }) => route.index === index && route.number === number) ?? -1;
    if (node === undefined || at < 0) return;
    this.#nodeOfIndex.delete(index);
    this.#sessionNodes.remove(number);
    this.#sample(node, this.#nowMs());
    this.#change(node, () => {
      node.lanes.splice(at, 1);
      node.lanesChanged();
    });
    this.#letGo(node);
  }

  #letGo(node: RoutedNode): void {
    if (node.forgotten && node.lanes.length === 0) this.#nodes.delete(node.id);
  }

  /** What is known of the node whose session has, or had, this number; null when it is forgotten. */
  routingOf(number: number): NodeRouting | null {
    const nodeId = this.#sessionNodes.nodeOf(number);
    return nodeId === null ? null : (this.#nodes.get(nodeId)?.routing ?? null);
  }

  #nodeOf(nodeId: string): RoutedNode {
    let node = this.#nodes.get(nodeId);
    if (node === undefined) {
      node = new RoutedNode(unknownNode(nodeId), this.#nowMs());
      this.#nodes.set(nodeId, node);
    }
    return node;
  }

  /** A change that may concern the sets a node stands in. */
  #change(node: RoutedNode, change: () => void): void {
    if (node.lanes.length > 0) this.#candidates.remove(node);
    change();
    node.standing = node.standsNow();
    if (node.lanes.length > 0) this.#candidates.add(node);
  }

  // --- Picking ---------------------------------------------------------------------------------------------------------------------

  /**
   * A session of a node for a stream to `host`, or why there is none. `excluded`: ids of nodes that have failed for this very stream; a
   * session that is not strict moves away from them. Allocates nothing, but for a new session.
   */
  pick(
    request: RoutingRequest = this.#any,
    host = '',
    excluded: readonly string[] = NOBODY,
  ): Route | FailureName {
    const set = this.#candidates.of(request);
    const { session } = request;
    if (session !== null) return this.#pickSticky(set, session, host, excluded);
    const node = this.#choose(set, host, excluded);
    return typeof node === 'string' ? node : this.#take(node);
  }

  #pickSticky(
    set: CandidateSet,
    request: SessionRequest,
    host: string,
    excluded: readonly string[],
  ): Route | FailureName {
    const nowMs = this.#nowMs();
    const { key, ttlMs, strict, rotate } = request;
    const session = this.sessions.find(key, nowMs);
    if (session?.banned) return this.#moveBanned(session, set, request, host, excluded);
    if (session !== null) {
      const node = this.#nodes.get(session.nodeId);
      if (node !== undefined && this.#keeps(node, set, strict) && !excluded.includes(node.id)) {
        this.sessions.use(session, ttlMs, strict, nowMs);
        return this.#take(node);
      }
      if (rotate && node?.routing.closedFor === 'rotating' && node.lanes.length > 0) return 'nodeRotating';
      if (strict) return 'sessionLost';
      if (session.restored && nowMs < this.#graceUntilMs && (node?.lanes.length ?? 0) === 0)
        return 'sessionLost';
    }
    const node = this.#choose(set, host, excluded);
    if (typeof node === 'string') return node;
    if (session !== null) {
      session.nodeId = node.id;
      this.sessions.use(session, ttlMs, strict, nowMs);
    } else if (this.sessions.begin(key, node.id, ttlMs, strict, nowMs) === null) return 'hubBusy';
    else if (rotate) {
      // Its first stream must not leave from the old address: the client is to try again.
      this.#wantRotation(node.id);
      return 'nodeRotating';
    }
    return this.#take(node);
  }

  /** A session whose node was reported is anywhere else from now on, though it be strict. */
  #moveBanned(
    session: StickySession,
    set: CandidateSet,
    { ttlMs, strict }: SessionRequest,
    host: string,
    excluded: readonly string[],
  ): Route | FailureName {
    const node = this.#choose(set, host, [...excluded, session.nodeId]);
    if (typeof node === 'string') return node;
    session.nodeId = node.id;
    session.banned = false;
    this.sessions.use(session, ttlMs, strict, this.#nowMs());
    return this.#take(node);
  }

  /** Whether a session's own node takes its next stream. A breaker that is open moves only who may be moved. */
  #keeps(node: RoutedNode, set: CandidateSet, strict: boolean): boolean {
    if (node.lanes.length === 0 || node.routing.closedFor !== null || !set.fits(node)) return false;
    if (node.standing === 'resting' && !strict && set.open.length > 0) return false;
    return this.#loadOf(node) < node.streamsMax;
  }

  #choose(set: CandidateSet, host: string, excluded: readonly string[]): RoutedNode | FailureName {
    const rests = this.#rests.of(host);
    const node = this.#among(set.open, rests, excluded) ?? this.#among(set.resting, rests, excluded);
    if (node === null) return this.#whyNone(set, rests, excluded);
    node.recent++;
    return node;
  }

  #among(
    nodes: readonly RoutedNode[],
    rests: ReadonlyMap<string, number> | null,
    excluded: readonly string[],
  ): RoutedNode | null {
    if (nodes.length === 0) return null;
    const first = this.#draw(nodes);
    if (nodes.length <= ROUTING.comparedMax) return this.#leastLoaded(nodes, first, rests, excluded);
    let best: RoutedNode | null = null;
    let bestScore = 0;
    let node = first;
    for (let draws = 0; draws < ROUTING.drawsMax; draws++) {
      if (this.#takes(node, rests, excluded)) {
        const score = this.#score(node);
        if (best !== null) return score < bestScore ? node : best;
        best = node;
        bestScore = score;
      }
      node = this.#draw(nodes);
    }
    return best ?? this.#anyThatTakes(nodes, rests, excluded);
  }

  /** A node by its weight: one drawn evenly is taken with a chance as large as its weight, which is 1 at the best of nodes. */
  #draw(nodes: readonly RoutedNode[]): RoutedNode {
    const random = this.#random;
    let node = nodes[(random() * nodes.length) | 0]!;
    for (let draws = 1; draws < ROUTING.drawsMax && random() >= node.weight; draws++) {
      node = nodes[(random() * nodes.length) | 0]!;
    }
    return node;
  }

  /** Of a few, the best; of equal ones, the one that was drawn, or the next behind it. */
  #leastLoaded(
    nodes: readonly RoutedNode[],
    drawn: RoutedNode,
    rests: ReadonlyMap<string, number> | null,
    excluded: readonly string[],
  ): RoutedNode | null {
    let best: RoutedNode | null = null;
    let bestScore = Number.POSITIVE_INFINITY;
    const start = nodes.indexOf(drawn);
    for (let step = 0; step < nodes.length; step++) {
      const node = nodes[(start + step) % nodes.length]!;
      const score = this.#score(node);
      if (score >= bestScore || !this.#takes(node, rests, excluded)) continue;
      best = node;
      bestScore = score;
    }
    return best;
  }

  /** The draws met only nodes that are full or left out: all are looked at, from anywhere on. */
  #anyThatTakes(
    nodes: readonly RoutedNode[],
    rests: ReadonlyMap<string, number> | null,
    excluded: readonly string[],
  ): RoutedNode | null {
    const start = (this.#random() * nodes.length) | 0;
    for (let step = 0; step < nodes.length; step++) {
      const node = nodes[(start + step) % nodes.length]!;
      if (this.#takes(node, rests, excluded)) return node;
    }
    return null;
  }

  #takes(node: RoutedNode, rests: ReadonlyMap<string, number> | null, excluded: readonly string[]): boolean {
    if (this.#loadOf(node) >= node.streamsMax) return false;
    if (node.breaker.state === 'halfOpen' && node.breaker.probes <= 0) return false;
    if (rests !== null && (rests.get(node.id) ?? 0) > this.#nowMs()) return false;
    return excluded.length === 0 || !excluded.includes(node.id);
  }

  /** Streams open and picked of late, for its weight: who has the least is next. */
  #score(node: RoutedNode): number {
    return (this.#loadOf(node) + node.recent) / node.weight;
  }

  #loadOf(node: RoutedNode): number {
    const { lanes } = node;
    let load = 0;
    for (let lane = 0; lane < lanes.length; lane++) load += this.#figures.load(lanes[lane]!.route.index);
    return load;
  }

  #take(node: RoutedNode): Route {
    if (node.breaker.state === 'halfOpen') node.breaker.probes--;
    const { lanes } = node;
    let best: Lane = lanes[0]!;
    if (lanes.length === 1) return best.route;
    let bestLoad = this.#figures.load(best.route.index);
    for (let lane = 1; lane < lanes.length; lane++) {
      const load = this.#figures.load(lanes[lane]!.route.index);
      if (load >= bestLoad) continue;
      best = lanes[lane]!;
      bestLoad = load;
    }
    return best.route;
  }

  #whyNone(
    set: CandidateSet,
    rests: ReadonlyMap<string, number> | null,
    excluded: readonly string[],
  ): FailureName {
    for (const nodes of [set.open, set.resting]) {
      for (const node of nodes) {
        if (excluded.includes(node.id) || rests?.has(node.id)) continue;
        if (this.#loadOf(node) < node.streamsMax) continue;
        return node.streamsMax === node.routing.streamsMax ? 'nodeStreamsLimit' : 'nodeBusy';
      }
    }
    if (set.closedWhy !== null) return set.closedWhy;
    return this.#nodeOfIndex.size === 0 ? 'noNode' : 'noMatch';
  }

  // --- Sessions and reports --------------------------------------------------------------------------------------------------------

  /**
   * The host blocks the session's node: it rests for that host, and the session, strict or not, goes on with another. The session as it
   * was; null when there is none.
   */
  reportBan(key: string, host: string, restMs: number = ROUTING.restDefaultMs): StoredSession | null {
    const nowMs = this.#nowMs();
    const session = this.sessions.find(key, nowMs);
    if (session === null) return null;
    this.reportNode(session.nodeId, host, restMs);
    session.banned = true;
    return session.stored(nowMs);
  }

  /** The host blocks a node: it rests for that host. Sessions that are with it stay. */
  reportNode(nodeId: string, host: string, restMs: number = ROUTING.restDefaultMs): void {
    this.#rests.add(nodeId, host, this.#nowMs() + restMs);
  }

  /** Its next stream begins a new one. The session as it was; null when there was none. */
  endSession(key: string): StoredSession | null {
    const nowMs = this.#nowMs();
    const session = this.sessions.find(key, nowMs);
    if (session === null) return null;
    this.sessions.remove(key);
    return session.stored(nowMs);
  }

  /** Sessions from before a restart. */
  restoreSessions(stored: readonly StoredSession[]): void {
    const nowMs = this.#nowMs();
    this.#graceUntilMs = nowMs + ROUTING.sessionGraceMs;
    this.sessions.restore(stored, nowMs);
  }

  // --- Samples ---------------------------------------------------------------------------------------------------------------------

  #pass: MapIterator<RoutedNode> | null = null;
  #sums = { recent: 0, weight: 0, best: 0, peak: 0, peaks: 0 };
  /** Of the last whole pass: picks of late for a weight of 1, the largest raw weight, and the mean peak of the rates. */
  #usualRecent = 0;
  #bestWeight = 1;
  #usualPeak = 0;

  /**
   * Looks at some of the nodes: what they did since the last time makes their weights and trips their breakers. Returns after how many
   * milliseconds to call again.
   */
  sample(): number {
    const nowMs = this.#nowMs();
    this.sessions.expire(nowMs);
    this.#pass ??= this.#nodes.values();
    for (let looked = 0; looked < ROUTING.sampleNodesMax; looked++) {
      const { value: node, done } = this.#pass.next();
      if (done) {
        this.#endPass(nowMs);
        break;
      }
      if (node.lanes.length === 0 && node.recent === 0 && node.breaker.state === 'closed') continue;
      this.#sample(node, nowMs);
      this.#weigh(node);
    }
    return ROUTING.sampleEveryMs / Math.max(1, Math.ceil(this.#nodes.size / ROUTING.sampleNodesMax));
  }

  #endPass(nowMs: number): void {
    const { recent, weight, best, peak, peaks } = this.#sums;
    this.#usualRecent = weight === 0 ? 0 : recent / weight;
    this.#bestWeight = best === 0 ? 1 : best;
    this.#usualPeak = peaks === 0 ? 0 : peak / peaks;
    this.#sums = { recent: 0, weight: 0, best: 0, peak: 0, peaks: 0 };
    this.#pass = null;
    this.#rests.expire(nowMs);
  }

  #sample(node: RoutedNode, nowMs: number): void {
    const figures = this.#figures;
    let succeeded = 0;
    let failed = 0;
    let bytes = 0;
    let roundTripMs = -1;
    for (const lane of node.lanes) {
      const { index } = lane.route;
      const now = {
        succeeded: figures.succeeded(index),
        failed: figures.failed(index),
        bytes: figures.bytes(index),
      };
      succeeded += (now.succeeded - lane.succeeded) | 0;
      failed += (now.failed - lane.failed) | 0;
      bytes += now.bytes - lane.bytes;
      Object.assign(lane, now);
      const laneMs = figures.roundTripMs(index);
      if (laneMs >= 0 && (roundTripMs < 0 || laneMs < roundTripMs)) roundTripMs = laneMs;
    }
    const elapsedMs = nowMs - node.sampledMs;
    node.sampledMs = nowMs;
    node.recent *= 2 ** (-elapsedMs / ROUTING.recentHalfLifeMs);
    if (node.recent < 1e-3) node.recent = 0;
    node.delivery.note(succeeded, failed, roundTripMs, bytes, elapsedMs);
    if (node.breaker.note(succeeded, failed, nowMs) && node.standsNow() !== node.standing)
      this.#change(node, () => {});
  }

  #weigh(node: RoutedNode): void {
    const raw = node.delivery.weight(this.#usualPeak);
    node.weight = Math.min(1, raw / this.#bestWeight);
    if (node.lanes.length === 0) return;
    const sums = this.#sums;
    sums.recent += node.recent;
    sums.weight += node.weight;
    sums.best = Math.max(sums.best, raw);
    const peak = node.delivery.peakBytesPerSecond;
    if (peak === 0) return;
    sums.peak += peak;
    sums.peaks++;
  }
}
