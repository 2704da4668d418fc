// Stands in for fast-check while scripts/fuzz.ts runs (vitest.config.ts): every property gets so many times its runs, each time with
// another seed, which fast-check prints when one fails.

import * as real from '../node_modules/fast-check/lib/fast-check.js';

const FACTOR = Number(process.env.RESTUNNEL_FUZZ_FACTOR);
/** fast-check's own, where a test names none. */
const DEFAULT_RUNS = 100;

const more: typeof real.assert = (property, parameters = {}) => {
  const { numRuns = DEFAULT_RUNS } = parameters;
  // biome-ignore lint/suspicious/noExplicitAny: the overloads for synchronous and asynchronous properties are one here
  return real.assert(property as any, { ...(parameters as any), numRuns: numRuns * FACTOR }) as any;
};

export default { ...real, assert: more };
