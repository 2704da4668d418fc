// What a group of streams has carried and how long it took: counts, failures and a histogram.

import { build, type Histogram } from 'hdr-histogram-js';
import type { Latencies, Tally } from './orders.ts';

const FAILURES_KEPT = 5;
const HIGHEST_MICROS = 300_000_000;

export class Ledger {
  bytesDown = 0;
  bytesUp = 0;
  completed = 0;
  failed = 0;
  readonly #failures: string[] = [];
  readonly #histogram: Histogram = build({
    bitBucketSize: 32,
    lowestDiscernibleValue: 1,
    highestTrackableValue: HIGHEST_MICROS,
    numberOfSignificantValueDigits: 3,
  });
  #startMs = 0;
  #endMs = 0;

  start(): void {
    this.#startMs = performance.now();
    this.#endMs = 0;
  }

  end(): void {
    this.#endMs = performance.now();
  }

  fail(why: string): void {
    this.failed++;
    if (this.#failures.length < FAILURES_KEPT) this.#failures.push(why);
  }

  /** Both of performance.now(). */
  latency(fromMs: number, toMs: number): void {
    this.#histogram.recordValue(Math.min(Math.round((toMs - fromMs) * 1_000), HIGHEST_MICROS));
  }

  forgetLatencies(): void {
    this.#histogram.reset();
  }

  tally(): Tally {
    return {
      bytesDown: this.bytesDown,
      bytesUp: this.bytesUp,
      completed: this.completed,
      failed: this.failed,
      failures: this.#failures,
      elapsedMs: (this.#endMs || performance.now()) - this.#startMs,
      latencies: this.#latencies(),
    };
  }

  #latencies(): Latencies | null {
    const histogram = this.#histogram;
    if (histogram.totalCount === 0) return null;
    return {
      count: histogram.totalCount,
      p50: histogram.getValueAtPercentile(50),
      p90: histogram.getValueAtPercentile(90),
      p99: histogram.getValueAtPercentile(99),
      p999: histogram.getValueAtPercentile(99.9),
      max: histogram.maxValue,
    };
  }
}
