// Takes the events of a tunnel's session to the part of the worker that handles them.

import type { SessionHandler } from '../tunnel/sessionHandler.ts';
import type { Associations } from './associations.ts';
import type { ClientRelay } from './clientRelay.ts';
import type { HubTunnel } from './hubTunnel.ts';
import type { FromWorker } from './messages.ts';
import type { StreamFailures } from './streamFailures.ts';
import type { StreamOpener } from './streamOpener.ts';
import type { Tunnels } from './tunnels.ts';

/** The same for every session of a worker. */
export interface HubSessionParts {
  readonly tunnels: Tunnels<HubTunnel>;
  readonly opener: StreamOpener;
  readonly relay: ClientRelay;
  readonly associations: Associations;
  readonly failures: StreamFailures;
  /** Messages for control. */
  readonly tell: (message: FromWorker) => void;
  /** No new streams to this session. */
  readonly unroute: (index: number, number: number) => void;
}

export class HubSession implements SessionHandler {
  readonly #parts: HubSessionParts;
  readonly #index: number;

  constructor(parts: HubSessionParts, index: number) {
    this.#parts = parts;
    this.#index = index;
  }

  get #tunnel(): HubTunnel {
    return this.#parts.tunnels.at(this.#index);
  }

  onConnectOk(slot: number): void {
    this.#parts.opener.connected(this.#tunnel, slot);
  }

  onConnectFail(slot: number, reason: number): void {
    this.#parts.opener.connectFailed(this.#tunnel, slot, reason);
  }

  onData(slot: number, offset: number, length: number): number {
    return this.#parts.relay.onData(this.#tunnel, slot, offset, length);
  }

  onDatagram(slot: number, offset: number, length: number): void {
    this.#parts.associations.onDatagram(this.#tunnel, slot, offset, length);
  }

  onRoom(slot: number): void {
    this.#parts.relay.onRoom(this.#tunnel, slot);
  }

  onEnd(slot: number): void {
    this.#parts.relay.onEnd(this.#tunnel, slot);
  }

  onAbort(slot: number): void {
    this.#parts.failures.onAbort(this.#tunnel, slot);
  }

  onStatus(json: string): void {
    const { index, number } = this.#tunnel;
    this.#parts.tell({ type: 'status', index, number, json });
  }

  onGoAway(): void {
    const { index, number } = this.#tunnel;
    this.#parts.unroute(index, number);
    this.#parts.tell({ type: 'goAway', index, number });
  }

  /** The session refuses these from a node before they get here. */
  onConnect(): void {}
  onUdpOpen(): void {}
  onControl(): void {}
}
