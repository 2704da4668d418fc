// A token bucket: a burst that may happen at once, refilled at a rate per second. Pure: time is an argument.

export class Bucket {
  #tokens: number;
  #atMs: number;

  /** Full at `nowMs`. */
  constructor(burst: number, nowMs: number) {
    this.#tokens = burst;
    this.#atMs = nowMs;
  }

  /**
   * Takes one token if there is one above the reserve. Rate, burst and reserve are the caller's, so that they may change. Time never
   * runs back.
   */
  take(perSecond: number, burst: number, nowMs: number, reserve = 0): boolean {
    const passedMs = Math.max(0, nowMs - this.#atMs);
    this.#atMs += passedMs;
    this.#tokens = Math.min(burst, this.#tokens + (passedMs * perSecond) / 1_000);
    if (this.#tokens < reserve + 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** For what turned out to cost nothing. */
  giveBack(burst: number): void {
    this.#tokens = Math.min(burst, this.#tokens + 1);
  }
}
