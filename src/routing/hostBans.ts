// Which hosts have banned which nodes, as clients reported it: such a node rests for that host. Bounded, and forgotten in time. Pure: time is
// an argument.

import { ROUTING } from '../limits/routing.ts';

export class HostBans {
  /** Host → node id → end of the rest. Both in the order of the last report. */
  readonly #hosts = new Map<string, Map<string, number>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Another report starts the rest again. When there is no room, the host reported the longest ago makes some. */
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
    const oldest = this.#hosts.entries().next();
    if (oldest.done) return;
    const [host, nodes] = oldest.value;
    const first = nodes.keys().next();
    if (!first.done && nodes.delete(first.value)) this.#size--;
    if (nodes.size === 0) this.#hosts.delete(host);
  }

  /** By node id, until when nodes rest for this host; some rests may be over. null: none. Costs nearly nothing without bans. */
  of(host: string): ReadonlyMap<string, number> | null {
    if (this.#size === 0) return null;
    return this.#hosts.get(host.toLowerCase()) ?? null;
  }

  /** Forgets rests that are over; to be called now and then. */
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
