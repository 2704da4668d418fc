// How fast the path of a tunnel takes bytes: the most that left its socket a millisecond, of late, while it had more than it could send at
// once. Pure: time is an argument.

import { SLOW_PATH } from '../limits/path.ts';

export class PathRate {
  /** 0 before the first measurement. */
  bytesPerMs = 0;
  /** Whether the last call of busy() ended a measurement, and the next one began. */
  isWhole = false;
  /** Where the measurement under way began. */
  #sinceMs = 0;
  #sinceBytes = 0;
  #isStarved = false;
  /** The largest of this period and of the one before. Time counts only while it is measured, so a pause makes nothing forget. */
  #largest = 0;
  #largestBefore = 0;
  #periodMs = 0;

  /** A measurement begins: `leftBytes` in all have left the socket, and more waits for it. */
  begin(leftBytes: number, nowMs: number): void {
    this.#sinceMs = nowMs;
    this.#sinceBytes = leftBytes;
    this.#isStarved = false;
    this.isWhole = false;
  }

  /** `leftBytes` by now. `isStarved`: the socket had nothing to send, so that the path takes at least as much. */
  busy(leftBytes: number, isStarved: boolean, nowMs: number): void {
    this.#isStarved ||= isStarved;
    const elapsedMs = nowMs - this.#sinceMs;
    // While nothing leaves, it goes on: a path that stands still has no rate.
    this.isWhole = elapsedMs >= SLOW_PATH.sampleMinMs && leftBytes > this.#sinceBytes;
    if (!this.isWhole) return;
    this.#count((leftBytes - this.#sinceBytes) / elapsedMs, elapsedMs);
    this.#sinceMs = nowMs;
    this.#sinceBytes = leftBytes;
    this.#isStarved = false;
  }

  #count(bytesPerMs: number, elapsedMs: number): void {
    // Of an unknown path, a starved measurement says nothing: it may be as slow as we were.
    if (this.#isStarved && (this.bytesPerMs === 0 || bytesPerMs <= this.bytesPerMs)) return;
    this.#largest = Math.max(this.#largest, bytesPerMs);
    // A path that stood still for a while is one measurement like others.
    this.#periodMs += Math.min(elapsedMs, SLOW_PATH.sampleMaxMs);
    this.bytesPerMs = Math.max(this.#largest, this.#largestBefore);
    if (this.#periodMs >= SLOW_PATH.periodMs) {
      this.#largestBefore = this.#largest;
      this.#largest = 0;
      this.#periodMs = 0;
    }
  }
}
