// How good a node is, as a weight: the share of its connects that succeed, its round trip, and the best rate it has carried. Pure: time is
// an argument.

import { NODE_QUALITY } from '../limits/routing.ts';

export class NodeQuality {
  /** Share of connects that succeeded; those that failed by the target's fault are left out. */
  #success = 1;
  #roundTripMs = -1;
  /** Fades slowly; 0: not known. */
  peakBytesPerSecond = 0;

  /**
   * What happened in the `elapsedMs` since the last call.
   * @param roundTripMs -1: not measured
   */
  note(succeeded: number, failed: number, roundTripMs: number, bytes: number, elapsedMs: number): void {
    const connects = succeeded + failed;
    if (connects > 0) {
      const weight = 1 - (1 - NODE_QUALITY.newest) ** connects;
      this.#success += weight * (succeeded / connects - this.#success);
    }
    if (roundTripMs >= 0) {
      this.#roundTripMs =
        this.#roundTripMs < 0
          ? roundTripMs
          : this.#roundTripMs + NODE_QUALITY.newest * (roundTripMs - this.#roundTripMs);
    }
    if (elapsedMs <= 0) return;
    const rate = (bytes * 1_000) / elapsedMs;
    this.peakBytesPerSecond *= 2 ** (-elapsedMs / NODE_QUALITY.peakHalfLifeMs);
    if (rate >= NODE_QUALITY.rateMin) this.peakBytesPerSecond = Math.max(this.peakBytesPerSecond, rate);
    else if (this.peakBytesPerSecond < NODE_QUALITY.rateMin) this.peakBytesPerSecond = 0;
  }

  /**
   * From NODE_QUALITY.weightMin to 1.5. A node that has carried little counts as average: it could not show what nobody asked of it. So the rate
   * changes a share by half at most, and no node starves for having been idle.
   * @param usualBytesPerSecond mean peak of all nodes; 0: not known
   */
  weight(usualBytesPerSecond: number): number {
    const nearness =
      this.#roundTripMs < 0 ? 1 : NODE_QUALITY.halfAtMs / (NODE_QUALITY.halfAtMs + this.#roundTripMs);
    const peak = this.peakBytesPerSecond === 0 ? usualBytesPerSecond : this.peakBytesPerSecond;
    const strength = usualBytesPerSecond === 0 ? 0.5 : peak / (peak + usualBytesPerSecond);
    return Math.max(NODE_QUALITY.weightMin, this.#success * nearness * (0.5 + strength));
  }
}
