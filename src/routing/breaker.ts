// A node's circuit breaker. It opens after failures in a row, or when many of the last connects failed; after a rest it lets a few streams
// through (half-open); it closes when one of them succeeds, and rests longer when one fails. Pure: time is an argument.

import { BREAKER } from '../limits/routing.ts';

export type BreakerState = 'closed' | 'open' | 'halfOpen';

export class Breaker {
  state: BreakerState = 'closed';
  /** Half-open: how many more streams may try. */
  probes = 0;
  #inRow = 0;
  #succeeded = 0;
  #failed = 0;
  /** Rests in a row, without a good spell in between. */
  #rests = 0;
  #untilMs = 0;
  #changedMs = 0;
  #notedMs = 0;

  /** Connects since the last call. True when the state has changed. */
  note(succeeded: number, failed: number, nowMs: number): boolean {
    const before = this.state;
    const decay = 2 ** (-(nowMs - this.#notedMs) / BREAKER.halfLifeMs);
    this.#notedMs = nowMs;
    this.#succeeded = this.#succeeded * decay + succeeded;
    this.#failed = this.#failed * decay + failed;
    this.#inRow = succeeded > 0 ? 0 : this.#inRow + failed;
    if (before === 'closed') this.#whileClosed(nowMs);
    else if (before === 'open') {
      if (nowMs >= this.#untilMs) this.#tryAgain(nowMs);
    } else if (failed > 0) this.#open(nowMs);
    else if (succeeded > 0) this.#close(nowMs);
    else if (nowMs - this.#changedMs >= BREAKER.probeMs) this.#tryAgain(nowMs);
    return this.state !== before;
  }

  #whileClosed(nowMs: number): void {
    if (nowMs - this.#changedMs >= BREAKER.restMaxMs) this.#rests = 0;
    const all = this.#succeeded + this.#failed;
    const many = all >= BREAKER.ratioMin && this.#failed >= all * BREAKER.ratio;
    if (many || this.#inRow >= BREAKER.inRow) this.#open(nowMs);
  }

  #open(nowMs: number): void {
    this.state = 'open';
    this.#untilMs = nowMs + Math.min(BREAKER.restMaxMs, BREAKER.restMinMs * 2 ** this.#rests++);
    this.#changedMs = nowMs;
  }

  #tryAgain(nowMs: number): void {
    this.state = 'halfOpen';
    this.probes = BREAKER.probes;
    this.#changedMs = nowMs;
  }

  #close(nowMs: number): void {
    this.state = 'closed';
    this.#succeeded = this.#failed = this.#inRow = 0;
    this.#changedMs = nowMs;
  }
}
