// The orders that a hub has for its node: kept until CONTROL may be sent again, a later order of one kind in place of an earlier one.

import { Bucket } from '../base/tokenBucket.ts';
import type { HubListPart } from '../cluster/hubListParts.ts';
import { RATE } from '../limits/session.ts';
import { type ControlOrders, encodeControl } from './controlOrders.ts';
import type { OwedFrames } from './owed.ts';

export class ControlSender {
  readonly #owed: OwedFrames;
  readonly #bucket: Bucket;
  #orders: ControlOrders | null = null;
  /** Of the list of hubs: one goes into each CONTROL. */
  #parts: readonly HubListPart[] = [];

  constructor(owed: OwedFrames, nowMs: number) {
    this.#owed = owed;
    this.#bucket = new Bucket(RATE.controlSentBurst, nowMs);
  }

  add(orders: ControlOrders): void {
    this.#orders = { ...this.#orders, ...orders };
  }

  /** A later list takes the place of what is left of an earlier one. */
  addHubList(parts: readonly HubListPart[]): void {
    this.#parts = parts;
  }

  get holdsOrders(): boolean {
    return this.#orders !== null || this.#parts.length > 0;
  }

  /** At the end of every turn: hands over what is due. */
  flush(nowMs: number): void {
    if (this.#owed.holdsControl) return;
    while (this.holdsOrders && this.#bucket.take(RATE.controlSentPerSecond, RATE.controlSentBurst, nowMs)) {
      const [hubs, ...later] = this.#parts;
      this.#parts = later;
      this.#owed.control(encodeControl({ ...this.#orders, ...(hubs === undefined ? {} : { hubs }) }));
      this.#orders = null;
    }
  }
}
