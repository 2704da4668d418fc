// Which session carries the next stream: of the nodes that are open, the one with the fewest streams, and of its lanes the one with the
// fewest. Pure: loads come through a function. Used by the front.

import type { FailureName } from '../failures.ts';
import { CLOSED_FAILURE, type NodeRouting, unknownNode } from './nodeRouting.ts';

export interface Route {
  readonly index: number;
  readonly number: number;
  readonly worker: number;
  readonly nodeId: string;
}

interface RoutedNode {
  routing: NodeRouting;
  readonly lanes: Route[];
}

export class Router {
  readonly #loadOf: (index: number) => number;
  readonly #nodes = new Map<string, RoutedNode>();
  /** Nodes with lanes in the order they came, for a scan without an iterator. */
  #connected: RoutedNode[] = [];
  /** Where the last scan ended: equal nodes take turns. */
  #turn = 0;

  /** `loadOf`: streams open on a session. */
  constructor(loadOf: (index: number) => number) {
    this.#loadOf = loadOf;
  }

  /** What control says of a node; counts for the next stream. */
  describe(routing: NodeRouting): void {
    this.#nodeOf(routing.nodeId).routing = routing;
  }

  /** A node that will not come back. Its routes leave with their sessions. */
  forget(nodeId: string): void {
    const node = this.#nodes.get(nodeId);
    if (node?.lanes.length === 0) this.#nodes.delete(nodeId);
  }

  add(route: Route): void {
    const node = this.#nodeOf(route.nodeId);
    if (node.lanes.push(route) === 1) this.#connected.push(node);
  }

  #nodeOf(nodeId: string): RoutedNode {
    let node = this.#nodes.get(nodeId);
    if (node === undefined) {
      node = { routing: unknownNode(nodeId), lanes: [] };
      this.#nodes.set(nodeId, node);
    }
    return node;
  }

  remove(index: number, number: number): void {
    for (const node of this.#connected) {
      const at = node.lanes.findIndex((route) => route.index === index && route.number === number);
      if (at < 0) continue;
      node.lanes.splice(at, 1);
      if (node.lanes.length === 0) this.#connected = this.#connected.filter((other) => other !== node);
      return;
    }
  }

  /** A session for a stream, or why there is none. */
  pick(): Route | FailureName {
    const nodes = this.#connected;
    let best: RoutedNode | null = null;
    let bestLoad = Number.POSITIVE_INFINITY;
    let why: FailureName = 'noNode';
    for (let step = 0; step < nodes.length && bestLoad > 0; step++) {
      const node = nodes[(this.#turn + step) % nodes.length]!;
      const { closedFor, streamsMax } = node.routing;
      const load = this.#load(node.lanes);
      if (closedFor !== null) why = CLOSED_FAILURE[closedFor];
      else if (streamsMax !== null && load >= streamsMax) why = 'nodeStreamsLimit';
      else if (load < bestLoad) {
        best = node;
        bestLoad = load;
      }
    }
    if (best === null) return why;
    this.#turn = (this.#turn + 1) % nodes.length;
    return this.#leastLoaded(best.lanes);
  }

  #load(lanes: Route[]): number {
    let load = 0;
    for (let lane = 0; lane < lanes.length; lane++) load += this.#loadOf(lanes[lane]!.index);
    return load;
  }

  #leastLoaded(lanes: Route[]): Route {
    let best = lanes[0]!;
    for (let lane = 1; lane < lanes.length; lane++) {
      if (this.#loadOf(lanes[lane]!.index) < this.#loadOf(best.index)) best = lanes[lane]!;
    }
    return best;
  }
}
