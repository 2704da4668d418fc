// What a node delivers, as a weight between 0 and 1: how many of its connects succeed, how long its way is, how much it has carried at
// its best. Pure: time is an argument. One per node, in the router, told every second or so.

import { DELIVERY } from '../limits/bounds.ts';

export class Delivery {
  /** Of connects that failed by no fault of the target, the share that succeeded. */
  #success = 1;
  #roundTripMs = -1;
  /** The most bytes a second, forgotten slowly; 0: not known. */
  peakBytesPerSecond = 0;

  /** `roundTripMs` is -1 when not measured. `elapsedMs`: since the last call. */
  note(succeeded: number, failed: number, roundTripMs: number, bytes: number, elapsedMs: number): void {
    const connects = succeeded + failed;
    if (connects > 0) {
      const weight = 1 - (1 - DELIVERY.newest) ** connects;
      this.#success += weight * (succeeded / connects - this.#success);
    }
    if (roundTripMs >= 0) {
      this.#roundTripMs =
        this.#roundTripMs < 0
          ? roundTripMs
          : this.#roundTripMs + DELIVERY.newest * (roundTripMs - this.#roundTripMs);
    }
    if (elapsedMs <= 0) return;
    const rate = (bytes * 1_000) / elapsedMs;
    this.peakBytesPerSecond *= 2 ** (-elapsedMs / DELIVERY.peakHalfLifeMs);
    if (rate >= DELIVERY.rateMin) this.peakBytesPerSecond = Math.max(this.peakBytesPerSecond, rate);
    else if (this.peakBytesPerSecond < DELIVERY.rateMin) this.peakBytesPerSecond = 0;
  }

  /**
   * `usualBytesPerSecond`: the mean peak of all nodes. A node that has carried little counts as a usual one: what nobody asked for it
   * could not show. So the rate alone at most halves or doubles a share, and no node starves for having been idle.
   */
  weight(usualBytesPerSecond: number): number {
    const nearness = this.#roundTripMs < 0 ? 1 : DELIVERY.halfAtMs / (DELIVERY.halfAtMs + this.#roundTripMs);
    const peak = this.peakBytesPerSecond === 0 ? usualBytesPerSecond : this.peakBytesPerSecond;
    const strength = usualBytesPerSecond === 0 ? 0.5 : peak / (peak + usualBytesPerSecond);
    return Math.max(DELIVERY.weightMin, this.#success * nearness * (0.5 + strength));
  }
}
