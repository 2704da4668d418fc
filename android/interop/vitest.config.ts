import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const core = fileURLToPath(new URL('../core/target/core.jar', import.meta.url));

// The suite's own system tests, and a few more, with the Java core in the exit node's place. Run by scripts/test-android-core.
export default defineConfig({
  test: {
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: [
      'android/interop/*.test.ts',
      ...['udp', 'hostile', 'greedyHub', 'several', 'kill', 'clients', 'network', 'drain'].map(
        (name) => `test/system/${name}.test.ts`,
      ),
    ],
    // Of these files, what is about another node or its program.
    testNamePattern:
      /^(?!.*(a hostile node|on a slow path|a node that sleeps|of the client|the same link|SIGTERM.*epoll)).*$/,
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // As much heap as a phone is asked for.
    env: { RESTUNNEL_TEST_NODE: `java -Xmx60m -XX:+UseSerialGC -jar ${core}` },
  },
});
