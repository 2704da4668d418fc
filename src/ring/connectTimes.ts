// How long connects took, as counts in buckets that grow by √2: cheap to count on a hot path, small in shared memory, and histograms
// of several sessions add up. Pure.

/** Upper bounds in milliseconds, each included in its bucket. The last bucket also takes everything longer. */
export const CONNECT_TIME_BOUNDS_MS: readonly number[] = Array.from({ length: 32 }, (_, at) => 2 ** (at / 2));

const LAST = CONNECT_TIME_BOUNDS_MS.length - 1;

/** The bucket of a connect that took `tookMs`. */
export function connectTimeBucket(tookMs: number): number {
  if (!(tookMs > 1)) return 0;
  const guess = Math.min(LAST, Math.ceil(2 * Math.log2(tookMs)));
  // At a bound, rounding may put the logarithm one bucket off.
  if (tookMs <= CONNECT_TIME_BOUNDS_MS[guess - 1]!) return guess - 1;
  return guess < LAST && tookMs > CONNECT_TIME_BOUNDS_MS[guess]! ? guess + 1 : guess;
}

export interface Percentiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

/** In milliseconds, interpolated on the log scale within their bucket; null when nothing was counted. */
export function percentiles(counts: ArrayLike<number>): Percentiles | null {
  let total = 0;
  for (let bucket = 0; bucket <= LAST; bucket++) total += counts[bucket]!;
  if (total === 0) return null;
  return {
    p50: quantile(counts, total, 0.5),
    p90: quantile(counts, total, 0.9),
    p99: quantile(counts, total, 0.99),
  };
}

function quantile(counts: ArrayLike<number>, total: number, share: number): number {
  const wanted = share * total;
  let below = 0;
  let bucket = 0;
  while (bucket < LAST && below + counts[bucket]! < wanted) below += counts[bucket++]!;
  const upper = CONNECT_TIME_BOUNDS_MS[bucket]!;
  const within = Math.min(1, (wanted - below) / counts[bucket]!);
  return (upper / Math.SQRT2) * Math.SQRT2 ** within;
}
