import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** scripts/fuzz.ts multiplies the runs of every property. */
const fuzzed = fileURLToPath(new URL('./test/fuzzedFastCheck.ts', import.meta.url));
const isFuzzing = process.env.RESTUNNEL_FUZZ_FACTOR !== undefined;

// Every test that starts a hub or a node gets its own process tree, so files run in parallel workers safely.
export default defineConfig({
  resolve: { alias: isFuzzing ? [{ find: /^fast-check$/, replacement: fuzzed }] : [] },
  test: {
    include: ['test/**/*.test.ts'],
    // Tests of types: tsc judges them, in the same run.
    typecheck: { enabled: true, include: ['test/**/*.test-d.ts'], tsconfig: './tsconfig.json' },
    pool: 'forks',
    // Many tests wait for deadlines of the network, so one more than the cores that the suite is meant for.
    maxWorkers: 3,
    // Long, since what is slow on a busy machine is no fault; what waits for an event has a deadline of its own.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // What is polled for may take long as well; vitest's own second is short.
    expect: { poll: { timeout: 40_000 } },
    // The programs that tests start are compiled once, not in every process and thread: less than half the CPU of a start.
    env: {
      NODE_COMPILE_CACHE: fileURLToPath(new URL('./node_modules/.cache/compiled', import.meta.url)),
      RESTUNNEL_FROM_SOURCE: '1',
      // It opens descriptors for a while, which tests count, and takes CPU from the others.
      RESTUNNEL_REHEARSAL: 'off',
    },
  },
});
