// How a worker or an exit ends without losing a byte: no new streams, and nothing is closed before the last byte has arrived, because
// an earlier close loses what the kernels on the way still hold.

import type { Lingering } from './lingering.ts';
import type { Tunnel } from './tunnel.ts';
import type { Tunnels } from './tunnels.ts';

export class Drain {
  readonly #tunnels: Tunnels<Tunnel>;
  readonly #lingering: Lingering;
  /** Tunnels without streams that were sent a PING behind their last byte, and those that have answered it. */
  readonly #lastPings = new Set<Tunnel>();
  readonly #drained = new Set<Tunnel>();
  active = false;

  constructor(tunnels: Tunnels<Tunnel>, lingering: Lingering) {
    this.#tunnels = tunnels;
    this.#lingering = lingering;
  }

  /** Streams open or being opened, local sockets that still take their last bytes, tunnels whose last bytes are still under way. */
  get left(): number {
    const undrained = this.active ? this.#tunnels.count - this.#drained.size : 0;
    return this.#lingering.count + this.#tunnels.streams + undrained;
  }

  /** Whether a drain that has started is over. Asked every turn: streams are summed up only once every tunnel seems to be drained. */
  get isOver(): boolean {
    if (!this.active || this.#drained.size < this.#tunnels.count) return false;
    return this.left === 0;
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
