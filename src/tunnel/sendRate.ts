// The rate of what one side of a session sends: one bucket for everything, and half of it for datagrams, so that neither streams nor
// datagrams starve the other. Pure: time is an argument.

import { PROTOCOL } from '../limits/wire.ts';
import { Pace } from './pace.ts';

/** Without a rate every call says yes and costs one comparison. */
export class SendRate {
  #all: Pace | null = null;
  /** What datagrams may take while streams wait. */
  #datagrams: Pace | null = null;

  /** From now on; null lifts the limit. */
  set(bytesPerSecond: number | null, nowMs: number): void {
    if (bytesPerSecond === null) {
      this.#all = null;
      this.#datagrams = null;
    } else if (this.#all === null || this.#datagrams === null) {
      this.#all = new Pace(bytesPerSecond, nowMs);
      this.#datagrams = new Pace(bytesPerSecond / 2, nowMs);
    } else {
      this.#all.setRate(bytesPerSecond, nowMs);
      this.#datagrams.setRate(bytesPerSecond / 2, nowMs);
    }
  }

  /** Whether a quantum may be sent now, when `promisedBytes` are as good as sent. */
  hasRoom(nowMs: number, promisedBytes = 0): boolean {
    return this.#all === null || this.#all.hasRoom(nowMs, promisedBytes);
  }

  /** The most that may be sent at once: without a rate, whatever fits a record. */
  get quantumBytes(): number {
    return this.#all === null ? PROTOCOL.recordMaxBytes : this.#all.quantumBytes;
  }

  spend(bytes: number): void {
    if (this.#all !== null) this.#all.spend(bytes);
  }

  /** Milliseconds until there is room; -1 without a rate. */
  dueInMs(nowMs: number): number {
    return this.#all === null ? -1 : this.#all.dueInMs(nowMs);
  }

  /** Datagrams may have whatever streams leave over, and half of the rate while streams wait. */
  allowsDatagram(streamsWait: boolean, nowMs: number): boolean {
    if (this.#all === null || this.#datagrams === null) return true;
    if (!streamsWait && this.#all.hasRoom(nowMs)) return true;
    return this.#datagrams.hasRoom(nowMs);
  }

  spendDatagram(bytes: number, nowMs: number): void {
    this.spend(bytes);
    // Only while it is not in debt: what streams left over costs datagrams nothing.
    if (this.#datagrams?.hasRoom(nowMs) === true) this.#datagrams.spend(bytes);
  }
}
