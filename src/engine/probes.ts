// Asks nodes for a sign of life, by a PING: whether a session whose place a newer one takes belongs to a device that is still there.

import { SESSION } from '../limits/session.ts';
import type { Reactor, TimerHandler } from '../reactor/reactor.ts';
import type { Tunnel } from './tunnel.ts';
import type { Tunnels } from './tunnels.ts';

interface Probe<T extends Tunnel> {
  readonly tunnel: T;
  readonly endMs: number;
}

export class Probes<T extends Tunnel> implements TimerHandler {
  readonly #reactor: Reactor;
  readonly #tunnels: Tunnels<T>;
  readonly #tell: (tunnel: T, isAlive: boolean) => void;
  #probes: Probe<T>[] = [];

  /** `tell` hears of each tunnel that was asked once, unless it closes before. */
  constructor(reactor: Reactor, tunnels: Tunnels<T>, tell: (tunnel: T, isAlive: boolean) => void) {
    this.#reactor = reactor;
    this.#tunnels = tunnels;
    this.#tell = tell;
  }

  /** Only an answer to this PING counts: one to an earlier PING may have been under way. */
  ask(tunnel: T): void {
    const { nowMs } = this.#reactor;
    tunnel.session.ping(nowMs);
    this.#tunnels.touch(tunnel);
    if (this.#probes.length === 0) this.#lookLater();
    this.#probes.push({ tunnel, endMs: nowMs + SESSION.takeoverProbeMs });
  }

  onTimer(): void {
    const probes = this.#probes;
    this.#probes = probes.filter(({ tunnel, endMs }) => {
      if (tunnel.isClosed) return false;
      const isAlive = !tunnel.session.pingUnanswered;
      if (!isAlive && this.#reactor.nowMs < endMs) return true;
      this.#tell(tunnel, isAlive);
      return false;
    });
    if (this.#probes.length > 0) this.#lookLater();
  }

  #lookLater(): void {
    this.#reactor.setTimer(SESSION.takeoverLookMs, this, 0);
  }
}
