// Gathers what a node tells its hubs about itself, and sends each its STATUS.

import type { Network, ViaKind } from '../model/fleet.ts';
import type { SessionSlots } from '../ring/slots.ts';
import { type Battery, NO_BATTERY, readBattery } from './battery.ts';
import type { Lanes } from './lanes.ts';
import { readNetwork } from './networkFiles.ts';
import type { RotationAnswer } from './rotator.ts';
import { statusJson, statusKey } from './statusReport.ts';

export interface StatusSenderOptions {
  readonly lanes: Lanes;
  readonly slots: SessionSlots;
  /** In the owner's words; null: what the system says. */
  readonly network: Network | null;
  /** The owner gave a command for it. */
  readonly canRotate: boolean;
  /** As the world sees it; null: not known. */
  publicAddress(): string | null;
  /** The number of the list that this device has of the hub's cluster; null: it follows none there. */
  hubList(hub: string): number | null;
}

interface Device {
  readonly battery: Battery;
  readonly network: Network | null;
}

export class StatusSender {
  readonly #options: StatusSenderOptions;
  readonly #startedMs = performance.now();
  #device: Device;
  /** By hub: statusKey() of what it heard last. */
  readonly #toldKeys = new Map<string, string>();
  /** By hub: the last answer, in every STATUS, so that it arrives whichever session is the first to last. */
  readonly #rotationOf = new Map<string, RotationAnswer>();

  constructor(options: StatusSenderOptions) {
    this.#options = options;
    this.#device = { battery: NO_BATTERY, network: options.network };
  }

  /** For a hub, by its public key, and a session with it that goes through such a proxy. */
  async json(hub: string, via: ViaKind | null): Promise<string> {
    const { lanes, slots, canRotate, publicAddress, hubList } = this.#options;
    let sentBytes = 0;
    let receivedBytes = 0;
    for (const { index } of lanes.all()) {
      sentBytes += slots.sentBytes(index);
      receivedBytes += slots.receivedBytes(index);
    }
    const { battery, network } = await this.#look();
    this.#toldKeys.set(hub, statusKey(network, battery));
    return statusJson({
      startedMs: this.#startedMs,
      nowMs: performance.now(),
      sentBytes,
      receivedBytes,
      battery,
      network,
      publicAddress: publicAddress(),
      canRotate,
      via,
      rotation: this.#rotationOf.get(hub) ?? null,
      hubList: hubList(hub),
    });
  }

  /** As it is now, or as it was last while the system cannot tell: hubs route by it. */
  async #look(): Promise<Device> {
    try {
      const battery = await readBattery();
      this.#device = { battery, network: this.#options.network ?? (await readNetwork()) };
    } catch {
      // The system lacks descriptors: the watch over addresses says so.
    }
    return this.#device;
  }

  /** To all hubs, or to one. */
  async send(hub: string | null = null): Promise<void> {
    for (const lane of this.#options.lanes.all()) {
      if (hub === null || lane.publicKey === hub) lane.sendStatus(await this.json(lane.publicKey, lane.via));
    }
  }

  /** Whether the network or the battery differs from what one of the hubs heard last. */
  async hasChanged(): Promise<boolean> {
    const { battery, network } = await this.#look();
    const key = statusKey(network, battery);
    for (const { publicKey } of this.#options.lanes.all()) {
      if ((this.#toldKeys.get(publicKey) ?? key) !== key) return true;
    }
    return false;
  }

  hasAnswered(hub: string, request: number): boolean {
    return this.#rotationOf.get(hub)?.request === request;
  }

  async sendRotation(hub: string, answer: RotationAnswer): Promise<void> {
    this.#rotationOf.set(hub, answer);
    await this.send(hub);
  }
}
