// Open streams of users whose number is limited. The front counts those opened; the workers count those closed, in shared slots.

import type { UserSlots } from '../ring/slots.ts';

export class UserStreams {
  readonly #slots: UserSlots;
  readonly #max: number;
  readonly #slotOf = new Map<string, number>();
  readonly #opened: Int32Array;
  readonly #free: number[] = [];

  /** @param max slots 1 to max are for users; 0 is for everybody without a limit */
  constructor(slots: UserSlots, max: number) {
    this.#slots = slots;
    this.#max = max;
    this.#opened = new Int32Array(max + 1);
  }

  /** The slot that counts the user's next stream; -1: the user has as many as allowed, or every slot is taken. */
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

  /** Users with open streams, and how many. */
  open(): Map<string, number> {
    const open = new Map<string, number>();
    for (const [name, slot] of this.#slotOf) if (this.#load(slot) > 0) open.set(name, this.#load(slot));
    return open;
  }

  #load(slot: number): number {
    return (this.#opened[slot]! - this.#slots.closedOf(slot)) | 0;
  }

  /** Its last user had no stream left; the counts go on from there. */
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
