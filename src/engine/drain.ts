// The end of a worker or exit in peace: no new streams, and until the last byte has arrived nothing is closed, because closing sooner
// loses what the systems between still hold. Used by hubWorker.ts and node/exit.ts; control waits for `left` to be 0.

import type { Lingering } from './lingering.ts';
import type { Tunnel } from './tunnel.ts';
import type { Tunnels } from './tunnels.ts';

export class Drain {
  readonly #tunnels: Tunnels;
  readonly #lingering: Lingering;
  /** Tunnels without streams that were sent a PING behind their last byte, and those that have answered it. */
  readonly #lastPings = new Set<Tunnel>();
  readonly #drained = new Set<Tunnel>();
  active = false;

  constructor(tunnels: Tunnels, lingering: Lingering) {
    this.#tunnels = tunnels;
    this.#lingering = lingering;
  }

  /** Streams open or being opened, local sockets that still take their last bytes, tunnels whose last bytes are still under way. */
  get left(): number {
    const undrained = this.active ? this.#tunnels.count - this.#drained.size : 0;
    return this.#lingering.count + this.#tunnels.streams + undrained;
  }

  /** Tells every peer that no new streams are taken, or opened. */
  start(): void {
    this.active = true;
    for (const tunnel of this.#tunnels.all()) {
      tunnel.session.sendGoAway();
      this.#tunnels.touch(tunnel);
    }
  }

  /** A tunnel is drained when the peer has answered a PING that followed its last stream. */
  flushed(tunnel: Tunnel): void {
    if (!this.active) return;
    const { session } = tunnel;
    if (session.streams.count > 0) {
      this.#lastPings.delete(tunnel);
      this.#drained.delete(tunnel);
    } else if (!this.#lastPings.has(tunnel)) {
      this.#lastPings.add(tunnel);
      session.ping(this.#tunnels.reactor.nowMs);
      this.#tunnels.touch(tunnel);
    } else if (!session.pingUnanswered) this.#drained.add(tunnel);
  }

  down(tunnel: Tunnel): void {
    this.#lastPings.delete(tunnel);
    this.#drained.delete(tunnel);
  }
}
