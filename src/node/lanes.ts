// A node's lanes to all its hubs: opened at the start, a second one added where a hub is far away. Passes each message of the engine
// thread to the lane it is for.

import type { Logger } from 'pino';
import { IpAddress } from '../base/ipAddress.ts';
import type { EngineThread } from '../engine/engineThread.ts';
import { NODE } from '../limits/node.ts';
import type { ViaKind } from '../model/fleet.ts';
import type { KeyPair } from '../noise/keyPair.ts';
import type { SessionSlots } from '../ring/slots.ts';
import { HubLane, type LaneMessage, type ViaFor } from './hubLane.ts';
import type { HubsFile } from './hubsFile.ts';
import { LaneTurns } from './laneTurns.ts';
import type { NodeOptions } from './nodeOptions.ts';
import type { Resolver } from './resolver.ts';

export interface LanesOptions {
  readonly hubs: HubsFile;
  readonly keyPair: KeyPair;
  readonly thread: EngineThread;
  readonly slots: SessionSlots;
  readonly resolver: Pick<Resolver, 'resolve'>;
  readonly via: ViaFor;
  readonly log: Logger;
  /** The STATUS for a hub, by its public key, and a session that goes through such a proxy. */
  status(hub: string, via: ViaKind | null): Promise<string>;
  onConnected(): void;
  /** A hub's addresses, or ours on the way to it, are known anew. */
  onAddresses(): void;
}

export class Lanes {
  readonly #options: LanesOptions;
  #lanes: HubLane[] = [];
  #lanesPerHub = 1;
  /** By hub. */
  readonly #turnsOf = new Map<string, LaneTurns>();
  /** Called, and forgotten, when a lane has connected. */
  #onceConnected: (() => void)[] = [];

  constructor(options: LanesOptions) {
    this.#options = options;
  }

  all(): readonly HubLane[] {
    return this.#lanes;
  }

  connected(): HubLane[] {
    return this.#lanes.filter((lane) => lane.isConnected);
  }

  start(lanesPerHub: NodeOptions['lanes']): void {
    this.#lanesPerHub = lanesPerHub === 'auto' ? 1 : lanesPerHub;
    for (const { publicKey } of this.#options.hubs.hubs) this.addHub(publicKey);
  }

  /** One more hub, which `hubs` has already; it is dialled after `waitMs`. */
  addHub(publicKey: string, waitMs = 0): void {
    const lanes = Array.from({ length: this.#lanesPerHub }, (_, lane) => this.#add(publicKey, lane));
    for (const lane of lanes) {
      if (waitMs > 0) lane.startIn(waitMs);
      else lane.start();
    }
  }

  /** Lets the streams of a hub end within `drainMs`. `onGone`: the hub has no lane any more. */
  leaveHub(publicKey: string, drainMs: number, reason: string, onGone: () => void): void {
    this.#turnsOf.delete(publicKey);
    for (const lane of this.#lanes.filter((each) => each.publicKey === publicKey)) {
      lane.leave(drainMs, reason, () => {
        this.#lanes = this.#lanes.filter((each) => each !== lane);
        if (!this.#lanes.some((each) => each.publicKey === publicKey)) onGone();
      });
    }
  }

  /** The hub is at another address. */
  redialHub(publicKey: string, reason: string): void {
    for (const lane of this.#lanes) if (lane.publicKey === publicKey) lane.redial(reason);
  }

  #add(publicKey: string, lane: number): HubLane {
    const { hubs, keyPair, thread, resolver, via, log } = this.#options;
    const turns = this.#turnsOf.get(publicKey) ?? new LaneTurns();
    this.#turnsOf.set(publicKey, turns);
    const added = new HubLane({
      index: this.#freeIndex(),
      lane,
      publicKey,
      hubs,
      keyPair,
      thread,
      resolver,
      via,
      turns,
      log,
      status: (via) => this.#options.status(publicKey, via),
      onConnected: () => this.#connected(),
      onAddresses: () => this.#options.onAddresses(),
    });
    this.#lanes.push(added);
    return added;
  }

  /** Of the shared slots: a lane that is gone has given back its own. */
  #freeIndex(): number {
    const taken = new Set(this.#lanes.map(({ index }) => index));
    let index = 0;
    while (taken.has(index)) index++;
    return index;
  }

  #connected(): void {
    this.#options.onConnected();
    for (const call of this.#onceConnected.splice(0)) call();
  }

  /** On a long path a lost packet stalls a session for a whole round trip: with a second lane only half of the streams wait. */
  addNeeded(): void {
    for (const first of [...this.#lanes]) {
      const { publicKey, index } = first;
      const isOnly = this.#lanes.every((other) => other === first || other.publicKey !== publicKey);
      const isFar = this.#options.slots.roundTripMs(index) >= NODE.autoLaneRoundTripMs;
      if (first.isConnected && isOnly && isFar) this.#add(publicKey, 1).start();
    }
  }

  hear(message: LaneMessage): void {
    const dial = 'dial' in message ? message.dial : message.number;
    this.ofDial(dial)?.hear(message);
  }

  /** The lane whose dial, or whose session that came of it, has this number. */
  ofDial(dial: number): HubLane | null {
    return this.#lanes.find((lane) => lane.hasDial(dial)) ?? null;
  }

  /** IP literals of every hub, as they were looked up last. */
  hubAddresses(): string[] {
    return [...new Set(this.#lanes.flatMap((lane) => lane.addresses))];
  }

  /** IP literals: our own ends of sessions and dials. */
  localAddresses(): string[] {
    return this.#lanes.map((lane) => lane.localAddress).filter((address) => address !== '');
  }

  /** Whether a session or dial leaves this machine. */
  get areOnNetwork(): boolean {
    return this.localAddresses().some((address) => IpAddress.parse(address)?.isLoopback === false);
  }

  /** All lanes dial again; resolves when one to this hub has connected. */
  redialAll(reason: string, hub: string): Promise<void> {
    const connected = new Promise<void>((resolve) => {
      const look = () => {
        if (this.#lanes.some((lane) => lane.publicKey === hub && lane.isConnected)) resolve();
        else this.#onceConnected.push(look);
      };
      this.#onceConnected.push(look);
    });
    for (const lane of this.#lanes) lane.redial(reason);
    return connected;
  }

  /** No lane of this hub is open, or dials, for so long. */
  backOff(hub: string, waitMs: number, reason: string): void {
    for (const lane of this.#lanes) if (lane.publicKey === hub) lane.backOff(waitMs, reason);
  }

  /** No more dials; sessions that are up are left to the engine thread. */
  stop(): void {
    for (const lane of this.#lanes) lane.stop();
  }
}
