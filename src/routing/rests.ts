// Which node rests for which host, because a client reported that the host blocks it. Bounded, and forgotten in time. Pure: time is an
// argument. Asked by the router for every new choice.

import { ROUTING } from '../limits/bounds.ts';

export class Rests {
  /** Host → node id → until. Both in the order of the last report. */
  readonly #hosts = new Map<string, Map<string, number>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** A report again begins the rest anew. When there is no room, the host whose last report is the oldest is forgotten. */
  add(nodeId: string, host: string, untilMs: number): void {
    const name = host.toLowerCase();
    let nodes = this.#hosts.get(name);
    if (nodes === undefined) nodes = new Map();
    else this.#hosts.delete(name);
    this.#hosts.set(name, nodes);
    if (!nodes.has(nodeId)) {
      if (this.#size >= ROUTING.restsMax) this.#forgetOldest();
      this.#size++;
    }
    nodes.set(nodeId, untilMs);
  }

  #forgetOldest(): void {
    const [host, nodes] = this.#hosts.entries().next().value!;
    const first = nodes.keys().next();
    if (first.done) return;
    nodes.delete(first.value);
    this.#size--;
    if (nodes.size === 0) this.#hosts.delete(host);
  }

  /** The nodes that may rest for a host, to be asked with resting(); null, at nearly no cost, when there are none. */
  of(host: string): ReadonlyMap<string, number> | null {
    if (this.#size === 0) return null;
    return this.#hosts.get(host.toLowerCase()) ?? null;
  }

  /** Lets go of what is over; called now and then. */
  expire(nowMs: number): void {
    for (const [host, nodes] of this.#hosts) {
      for (const [nodeId, untilMs] of nodes) {
        if (untilMs > nowMs) continue;
        nodes.delete(nodeId);
        this.#size--;
      }
      if (nodes.size === 0) this.#hosts.delete(host);
    }
  }
}
