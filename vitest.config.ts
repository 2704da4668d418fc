import { defineConfig } from 'vitest/config';

// Every test that starts a hub or a node gets its own process tree, so files run in parallel workers safely.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
