import { defineConfig } from 'vitest/config';

// Run by scripts/test-android, apart from the suite: these need what it has built.
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
