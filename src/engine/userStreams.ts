// How many streams the users have open whose number is limited: opened is counted by the front, closed by each worker, in shared slots.
// Used by the front.

import type { UserSlots } from '../ring/slots.ts';

export class UserStreams {
  readonly #slots: UserSlots;
  readonly #max: number;
  readonly #slotOf = new Map<string, number>();
  readonly #opened: Int32Array;
  readonly #free: number[] = [];

  /** Slots 1 to `max` are users; 0 is everybody who has no limit. */
  constructor(slots: UserSlots, max: number) {
    this.#slots = slots;
    this.#max = max;
    this.#opened = new Int32Array(max + 1);
  }

  /** The slot in which the user's next stream counts; -1 when there may be none. */
  enter(name: string, streamsMax: number): number {
    const slot = this.#slotOf.get(name) ?? this.#newSlot(name);
    return slot > 0 && this.#load(slot) < streamsMax ? slot : -1;
  }

  opened(slot: number): void {
    if (slot > 0) this.#opened[slot]!++;
  }

  /** Takes back opened(): no worker got the stream. */
  notOpened(slot: number): void {
    if (slot > 0) this.#opened[slot]!--;
  }

  #load(slot: number): number {
    return (this.#opened[slot]! - this.#slots.closedOf(slot)) | 0;
  }

  /** Counts go on from where the last user of the slot, who had no stream left, has left them. */
  #newSlot(name: string): number {
    if (this.#slotOf.size >= this.#max) this.#forgetIdle();
    const slot = this.#free.pop() ?? (this.#slotOf.size < this.#max ? this.#slotOf.size + 1 : -1);
    if (slot > 0) this.#slotOf.set(name, slot);
    return slot;
  }

  #forgetIdle(): void {
    for (const [name, slot] of this.#slotOf) {
      if (this.#load(slot) > 0) continue;
      this.#slotOf.delete(name);
      this.#free.push(slot);
    }
  }
}
