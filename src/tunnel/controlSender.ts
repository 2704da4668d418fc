// The orders that a hub has for its node: kept until CONTROL may be sent again, a later order of one kind in place of an earlier one.

import { Bucket } from '../base/tokenBucket.ts';
import { RATE } from '../limits/bounds.ts';
import { type ControlOrders, encodeControl } from './controlOrders.ts';
import type { OwedFrames } from './owed.ts';

export class ControlSender {
  readonly #owed: OwedFrames;
  readonly #bucket: Bucket;
  #orders: ControlOrders | null = null;

  constructor(owed: OwedFrames, nowMs: number) {
    this.#owed = owed;
    this.#bucket = new Bucket(RATE.controlSentBurst, nowMs);
  }

  add(orders: ControlOrders): void {
    this.#orders = { ...this.#orders, ...orders };
  }

  get holdsOrders(): boolean {
    return this.#orders !== null;
  }

  /** At the end of every turn: hands over what is due. */
  flush(nowMs: number): void {
    if (this.#orders === null || this.#owed.holdsControl) return;
    if (!this.#bucket.take(RATE.controlSentPerSecond, RATE.controlSentBurst, nowMs)) return;
    this.#owed.control(encodeControl(this.#orders));
    this.#orders = null;
  }
}
