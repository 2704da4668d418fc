// Nodes, streams, a clock and seeded randomness for tests of the router.

import { type NodeRouting, unknownNode } from '../../src/routing/nodeRouting.ts';
import type { RoutingRequest } from '../../src/routing/request.ts';
import type { Route } from '../../src/routing/routedNode.ts';
import { Router } from '../../src/routing/router.ts';
import type { StoredStickySession } from '../../src/routing/stickySessions.ts';
import { BadUsername, parseUsername } from '../../src/routing/username.ts';
import { seededRandom } from '../seededRandom.ts';

interface Figures {
  isSilent: boolean;
  load: number;
  succeeded: number;
  failed: number;
  roundTripMs: number;
  bytes: number;
}

export class PretendFleet {
  nowMs = 1_000_000;
  readonly random: () => number;
  router: Router;
  readonly figures: Figures[] = [];
  /** Sessions of nodes, by index; null once closed. */
  readonly routes: (Route | null)[] = [];
  readonly rotations: string[] = [];

  constructor(seed = 1) {
    this.random = seededRandom(seed);
    this.router = this.newRouter();
  }

  newRouter(stickyMoved: (session: StoredStickySession) => void = () => {}): Router {
    return new Router({
      figures: {
        load: (index) => this.figures[index]!.load,
        isSilent: (index) => this.figures[index]!.isSilent,
        succeeded: (index) => this.figures[index]!.succeeded,
        failed: (index) => this.figures[index]!.failed,
        roundTripMs: (index) => this.figures[index]!.roundTripMs,
        bytes: (index) => this.figures[index]!.bytes,
      },
      nowMs: () => this.nowMs,
      random: this.random,
      wantRotation: (nodeId) => this.rotations.push(nodeId),
      stickyMoved,
    });
  }

  /** A node that is described and connected; the index of its session. */
  join(nodeId: string, about: Partial<NodeRouting> = {}, figures: Partial<Figures> = {}): number {
    this.router.describe({ ...unknownNode(nodeId), ...about });
    return this.lane(nodeId, figures);
  }

  lane(nodeId: string, figures: Partial<Figures> = {}, speaksUdp = true): number {
    const index = this.routes.length;
    this.figures.push({
      load: 0,
      isSilent: false,
      succeeded: 0,
      failed: 0,
      roundTripMs: -1,
      bytes: 0,
      ...figures,
    });
    const route = { index, number: index + 1, worker: 0, nodeId, speaksUdp };
    this.routes.push(route);
    this.router.add(route);
    return index;
  }

  leave(index: number): void {
    const route = this.routes[index]!;
    this.router.remove(route!.index, route!.number);
    this.routes[index] = null;
  }

  /** The session of a new stream, which is counted; throws when there is none. */
  open(username = '', host = '', excluded: readonly string[] = []): Route {
    const picked = this.router.pick(read(username), host, excluded);
    if (typeof picked === 'string') throw new Error(picked);
    this.figures[picked.index]!.load++;
    return picked;
  }

  close(route: Route): void {
    this.figures[route.index]!.load--;
  }

  /** Time goes by, and the sampler with it. */
  pass(ms: number): void {
    const endMs = this.nowMs + ms;
    while (this.nowMs < endMs) {
      const waitMs = this.router.sample();
      this.nowMs = Math.min(endMs, this.nowMs + waitMs);
    }
  }
}

export function read(username: string): RoutingRequest {
  const request = parseUsername(username);
  if (request instanceof BadUsername) throw new Error(request.detail);
  return request;
}
