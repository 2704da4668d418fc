// A node as the router sees it: its lanes, what it can be asked for by, whether it is open, and how well it does. Pure. Made by
// router.ts, kept in sets by candidates.ts.

import { ENGINE } from '../limits/bounds.ts';
import { Breaker } from './breaker.ts';
import type { Standing } from './candidates.ts';
import { Delivery } from './delivery.ts';
import type { NodeRouting } from './nodeRouting.ts';
import { foldName } from './request.ts';

export interface Route {
  readonly index: number;
  readonly number: number;
  readonly worker: number;
  readonly nodeId: string;
  /** The node's version knows UDP. */
  readonly speaksUdp: boolean;
}

/** What is counted of a session since it began, on whatever thread; each may wrap around in 32 bits, but for the bytes. */
export interface SessionFigures {
  /** Streams open, or on their way. */
  load(index: number): number;
  succeeded(index: number): number;
  /** Connects that failed by the node's fault. */
  failed(index: number): number;
  /** -1: not measured. */
  roundTripMs(index: number): number;
  bytes(index: number): number;
}

/** A session of a node, and its figures when they were last looked at. */
export interface Lane {
  readonly route: Route;
  succeeded: number;
  failed: number;
  bytes: number;
}

export class RoutedNode {
  readonly id: string;
  readonly lanes: Lane[] = [];
  routing: NodeRouting;
  terms: ReadonlySet<string>;
  standing: Standing = 'open';
  /** Over all lanes. */
  streamsMax = 0;
  readonly breaker = new Breaker();
  readonly delivery = new Delivery();
  /** Share of the new streams it should get, relative to others; the best node has 1. */
  weight = 1;
  /** How often it was chosen of late, fading; a session that stays does not choose. */
  recent = 0;
  sampledMs: number;
  /** It will not come back: nothing is kept of it once its lanes are gone. */
  forgotten = false;

  constructor(routing: NodeRouting, nowMs: number) {
    this.id = routing.nodeId;
    this.routing = routing;
    this.terms = termsOf(routing, false);
    this.sampledMs = nowMs;
  }

  /** Whether it would stand in the same sets, in the same way. */
  looksLike(routing: NodeRouting): boolean {
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

  /** After a change of lanes or limits. */
  lanesChanged(): void {
    this.terms = termsOf(this.routing, this.#speaksUdp);
    this.streamsMax = Math.min(
      this.routing.streamsMax ?? Number.POSITIVE_INFINITY,
      this.lanes.length * ENGINE.streamsPerTunnelMax,
    );
  }

  /** Whichever lane is taken. */
  get #speaksUdp(): boolean {
    return this.lanes.length > 0 && this.lanes.every(({ route }) => route.speaksUdp);
  }

  /** As things are now; `standing` is how it stands in the sets. */
  standsNow(): Standing {
    return this.routing.closedFor ?? (this.breaker.state === 'open' ? 'resting' : 'open');
  }
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
