// Which session carries the next stream: the connected node with the fewest streams, and of its lanes the one with the fewest. Pure:
// loads come through a function. Used by the front.

export interface Route {
  readonly index: number;
  readonly number: number;
  readonly worker: number;
  readonly nodeId: string;
}

export class Router {
  readonly #loadOf: (index: number) => number;
  readonly #lanesOf = new Map<string, Route[]>();
  /** The same lanes in the order their nodes came, for a scan without an iterator. */
  #nodes: Route[][] = [];
  /** Where the last scan ended: equal nodes take turns. */
  #turn = 0;

  /** `loadOf`: streams open on a session. */
  constructor(loadOf: (index: number) => number) {
    this.#loadOf = loadOf;
  }

  add(route: Route): void {
    const lanes = this.#lanesOf.get(route.nodeId);
    if (lanes !== undefined) {
      lanes.push(route);
      return;
    }
    const first = [route];
    this.#lanesOf.set(route.nodeId, first);
    this.#nodes.push(first);
  }

  remove(index: number, number: number): void {
    for (const [nodeId, lanes] of this.#lanesOf) {
      const at = lanes.findIndex((route) => route.index === index && route.number === number);
      if (at < 0) continue;
      lanes.splice(at, 1);
      if (lanes.length > 0) return;
      this.#lanesOf.delete(nodeId);
      this.#nodes = this.#nodes.filter((node) => node !== lanes);
      return;
    }
  }

  /** null when no node is connected. */
  pick(): Route | null {
    const nodes = this.#nodes;
    if (nodes.length === 0) return null;
    let best: Route[] | null = null;
    let bestLoad = Number.POSITIVE_INFINITY;
    for (let step = 0; step < nodes.length; step++) {
      const at = (this.#turn + step) % nodes.length;
      const lanes = nodes[at]!;
      let load = 0;
      for (let lane = 0; lane < lanes.length; lane++) load += this.#loadOf(lanes[lane]!.index);
      if (load < bestLoad) {
        best = lanes;
        bestLoad = load;
        if (load === 0) break;
      }
    }
    this.#turn = (this.#turn + 1) % nodes.length;
    return this.#leastLoaded(best!);
  }

  #leastLoaded(lanes: Route[]): Route {
    let best = lanes[0]!;
    for (let lane = 1; lane < lanes.length; lane++) {
      if (this.#loadOf(lanes[lane]!.index) < this.#loadOf(best.index)) best = lanes[lane]!;
    }
    return best;
  }
}
