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
   * Takes `amount` tokens if there are so many above the reserve. Rate, burst and reserve are the caller's, so that they may change.
   * Time never runs back.
   */
  take(perSecond: number, burst: number, nowMs: number, reserve = 0, amount = 1): boolean {
    const passedMs = Math.max(0, nowMs - this.#atMs);
    this.#atMs += passedMs;
    this.#tokens = Math.min(burst, this.#tokens + (passedMs * perSecond) / 1_000);
    if (this.#tokens < reserve + amount) return false;
    this.#tokens -= amount;
    return true;
  }

  /** For what has happened already: there may be less than nothing left. */
  spend(amount: number): void {
    this.#tokens -= amount;
  }

  /** For what turned out to cost nothing. */
  giveBack(burst: number, amount = 1): void {
    this.#tokens = Math.min(burst, this.#tokens + amount);
  }
}
