import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const core = fileURLToPath(new URL('../core/target/core.jar', import.meta.url));

const LEFT_OUT = [
  '1 worker',
  '2 workers',
  "'net'",
  'a hostile node',
  'again and again',
  'with the fewest',
  // A second JVM has to start while the first one drains.
  'to the node: running downloads finish',
  'the hub asked for',
  'platform and network',
  // The app hears of routes from Android's ConnectivityManager.
  'another route',
  'SIGHUP',
  'QR code',
];

// The suite's own system tests, and a few more, with the Java core in the exit node's place. Run by scripts/test-android-core.
export default defineConfig({
  test: {
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: [
      'android/interop/*.test.ts',
      ...['udp', 'hostile', 'greedyHub', 'several', 'kill', 'network', 'nodes', 'pairing'].map(
        (name) => `test/system/${name}.test.ts`,
      ),
    ],
    // Of these files: one kind of hub is enough, and some cases are about the hub alone, about options that the core has not, or compare a
    // JVM that has just started with what has run for a while.
    testNamePattern: new RegExp(`^(?!.*(${LEFT_OUT.join('|')}))`),
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // As much heap as a phone is asked for.
    env: { RESTUNNEL_TEST_NODE: `java -Xmx60m -XX:+UseSerialGC -jar ${core}` },
  },
});
