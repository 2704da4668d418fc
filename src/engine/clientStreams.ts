// The streams of a hub's clients: each is counted, from the moment its client has a slot until the client leaves it.

import type { OpenRequest } from '../model/openRequest.ts';
import type { ConnId, Reactor } from '../reactor/reactor.ts';
import type { SessionSlots, ThreadSlots, UserSlots } from '../ring/slots.ts';
import type { HubTunnel } from './hubTunnel.ts';
import type { Relay } from './relay.ts';

/** What a worker counts in. */
export interface WorkerSlots {
  readonly sessions: SessionSlots;
  readonly thread: ThreadSlots;
  readonly users: UserSlots;
}

export class ClientStreams {
  readonly #reactor: Reactor;
  readonly #relay: Relay;
  readonly #slots: WorkerSlots;
  /** Clients that have a stream. */
  count = 0;

  constructor(reactor: Reactor, relay: Relay, slots: WorkerSlots) {
    this.#reactor = reactor;
    this.#relay = relay;
    this.#slots = slots;
  }

  begin(tunnel: HubTunnel, slot: number, conn: ConnId, request: OpenRequest): void {
    tunnel.begin(slot, conn, request, this.#reactor.nowMs);
    this.count++;
  }

  /** The client has left the slot: its connection is somebody else's, or closed. */
  left(tunnel: HubTunnel, slot: number): void {
    const user = tunnel.users.get(slot);
    const association = tunnel.associations.get(slot);
    tunnel.forget(slot);
    this.count--;
    this.#slots.sessions.closed(tunnel.index);
    if (user !== undefined) this.#slots.users.closed(user);
    if (association !== undefined) this.#reactor.udp.close(association.udp);
  }

  // --- Ends ----------------------------------------------------------------------------------------------------------------------

  clientEnded(tunnel: HubTunnel, slot: number): void {
    if (this.#relay.localEnded(tunnel, slot)) this.left(tunnel, slot);
  }

  peerEnded(tunnel: HubTunnel, slot: number): void {
    if (this.#relay.peerEnded(tunnel, slot)) this.left(tunnel, slot);
  }

  /** Closes the client's connection, behind what still waits for it. */
  finish(tunnel: HubTunnel, slot: number): void {
    this.#relay.finish(tunnel, slot);
    this.left(tunnel, slot);
  }

  /** The client is gone, or of no use any more: the stream is given up, the client gets an RST. */
  breakOff(tunnel: HubTunnel, slot: number): void {
    if (this.#relay.localBroke(tunnel, slot)) this.left(tunnel, slot);
  }

  /** The stream is gone already: the client gets an RST. */
  reset(tunnel: HubTunnel, slot: number): void {
    if (this.#relay.reset(tunnel, slot)) this.left(tunnel, slot);
  }
}
