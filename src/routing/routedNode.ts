// A node as the router sees it: its lanes, the terms it answers to, whether it takes new streams, and how well it does. Pure.

import { ENGINE } from '../limits/engine.ts';
import { foldName } from '../model/nameSyntax.ts';
import { Breaker } from './breaker.ts';
import { NodeQuality } from './nodeQuality.ts';
import type { ClosedFor, NodeRouting } from './nodeRouting.ts';
import { hashOf } from './rendezvous.ts';

/** What does not answer comes after everything that does. */
export const SILENT_LOAD = 1e9;

/** A session that streams can be given to. */
export interface Route {
  /** Of the session, in the shared counters. */
  readonly index: number;
  /** Of the session; never used twice. */
  readonly number: number;
  readonly worker: number;
  readonly nodeId: string;
  /** The node's version knows UDP. */
  readonly speaksUdp: boolean;
}

/** What is counted of a session since it began, on whatever thread. All but the bytes count modulo 2^32. */
export interface SessionFigures {
  /** Streams open, or on their way. */
  load(index: number): number;
  /** It was asked for something and does not answer. */
  isSilent(index: number): boolean;
  succeeded(index: number): number;
  /** Connects that failed by the node's fault. */
  failed(index: number): number;
  /** -1: not measured. */
  roundTripMs(index: number): number;
  bytes(index: number): number;
}

/** A session of a node, and its figures when they were last looked at. */
export class Lane {
  readonly route: Route;
  succeeded: number;
  failed: number;
  bytes: number;

  constructor(route: Route, figures: SessionFigures) {
    this.route = route;
    this.succeeded = figures.succeeded(route.index);
    this.failed = figures.failed(route.index);
    this.bytes = figures.bytes(route.index);
  }
}

/** Whether a connected node gets new streams. `tripped`: its breaker is open, and it gets some only where no other node fits. */
export type Availability = 'available' | 'tripped' | ClosedFor;

export class RoutedNode {
  readonly id: string;
  /** Of the id, for rendezvous hashing. */
  readonly hash: number;
  readonly lanes: Lane[] = [];
  routing: NodeRouting;
  /** What it can be asked for by, as in RoutingRequest. */
  terms: ReadonlySet<string>;
  /** As the candidate sets have it; availableNow() may have changed since. */
  availability: Availability = 'available';
  /** Over all lanes. */
  streamsMax = 0;
  readonly breaker = new Breaker();
  readonly quality = new NodeQuality();
  /** The share of new streams it should get, relative to other nodes; the best node has 1. */
  weight = 1;
  /** Streams it was chosen for, fading; a sticky session that stays is no choice. */
  recent = 0;
  sampledMs: number;
  /** It will not come back: it is dropped once its lanes are gone. */
  forgotten = false;

  constructor(routing: NodeRouting, nowMs: number) {
    this.id = routing.nodeId;
    this.hash = hashOf(this.id);
    this.routing = routing;
    this.terms = termsOf(routing, false);
    this.sampledMs = nowMs;
  }

  /** Whether such a description leaves it in the same candidate sets, in the same lists. */
  isPlacedAs(routing: NodeRouting): boolean {
    if (routing.closedFor !== this.routing.closedFor) return false;
    const terms = termsOf(routing, this.#speaksUdp);
    if (terms.size !== this.terms.size) return false;
    for (const term of terms) if (!this.terms.has(term)) return false;
    return true;
  }

  describe(routing: NodeRouting): void {
    this.routing = routing;
    this.lanesChanged();
  }

  /** To be called after a change of `lanes`. */
  lanesChanged(): void {
    this.terms = termsOf(this.routing, this.#speaksUdp);
    this.streamsMax = Math.min(
      this.routing.streamsMax ?? Number.POSITIVE_INFINITY,
      this.lanes.length * ENGINE.streamsPerTunnelMax,
    );
  }

  /** On whichever lane. */
  get #speaksUdp(): boolean {
    return this.lanes.length > 0 && this.lanes.every(({ route }) => route.speaksUdp);
  }

  availableNow(): Availability {
    return this.routing.closedFor ?? (this.breaker.state === 'open' ? 'tripped' : 'available');
  }

  /** Streams open on all lanes. */
  load(figures: SessionFigures): number {
    const { lanes } = this;
    let load = 0;
    for (let at = 0; at < lanes.length; at++) load += figures.load(lanes[at]!.route.index);
    return load;
  }

  /** None of its lanes answers. */
  isSilent(figures: SessionFigures): boolean {
    const { lanes } = this;
    for (let at = 0; at < lanes.length; at++) if (!figures.isSilent(lanes[at]!.route.index)) return false;
    return true;
  }

  /** The lane with the fewest streams takes the next one, one that answers before others. The node must have a lane. */
  take(figures: SessionFigures): Route {
    if (this.breaker.state === 'halfOpen') this.breaker.probes--;
    const { lanes } = this;
    let best = lanes[0]!;
    if (lanes.length === 1) return best.route;
    let bestLoad = laneLoad(best, figures);
    for (let at = 1; at < lanes.length; at++) {
      const lane = lanes[at]!;
      const load = laneLoad(lane, figures);
      if (load >= bestLoad) continue;
      best = lane;
      bestLoad = load;
    }
    return best.route;
  }
}

function laneLoad({ route: { index } }: Lane, figures: SessionFigures): number {
  return figures.load(index) + (figures.isSilent(index) ? SILENT_LOAD : 0);
}

function termsOf(
  { nodeId, name, tags, country, platform, net }: NodeRouting,
  speaksUdp: boolean,
): Set<string> {
  const terms = new Set([`node:${foldName(nodeId)}`, `node:${foldName(name)}`]);
  for (const tag of tags) terms.add(`tag:${foldName(tag)}`);
  if (country !== null) terms.add(`country:${foldName(country)}`);
  if (platform !== null) terms.add(`platform:${foldName(platform)}`);
  if (net !== null) terms.add(`net:${net}`);
  if (speaksUdp) terms.add('speaks:udp');
  return terms;
}
