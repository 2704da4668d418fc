import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { coreCommand } from './core.ts';

/** The suite's files that have a node's part in them. What the others are about is the hub, the command line or a desktop. */
const SYSTEM_TESTS = [
  'bulk',
  'clients',
  'drain',
  'duplicates',
  'greedyHub',
  'hostile',
  'kill',
  'names',
  'network',
  'nodes',
  'pace',
  'pairing',
  'several',
  'udp',
];

/** Cases of these files that do not run, by parts of their names. */
const LEFT_OUT = [
  // One kind of hub is enough: a node does not notice how its hub serves sockets. Some cases of pace.test.ts are in one kind only.
  "1 worker'? (?!the rate)",
  "2 workers'? (?!one stream has the whole)",
  "'net'",
  // About the hub alone.
  'a hostile node',
  'QR code',
  'programs',
  'that gets SIGTERM the moment it is ready',
  // A JVM takes the heap that it may have and keeps it, so resident memory says nothing of streams. cost.ts measures the heap.
  'again and again',
  // A command for desktops.
  '`restunnel stop`',
  // The core is told its network, and looks for none; and a phone has no hangups.
  'platform and network',
  'SIGHUP',
  // No app may change a phone's address. What the core answers: ExitNodeTest.
  'the hub asked for',
  // Android's ConnectivityManager tells the app of routes: NetworkWatchTest.
  'another route',
  // Names come from the system's own resolver.
  'have the addresses that getaddrinfo finds',
];

// The suite's own system tests, and a few more, with the Java core in the exit node's place. Run by scripts/test-android-core.
export default defineConfig({
  test: {
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['android/interop/*.test.ts', ...SYSTEM_TESTS.map((name) => `test/system/${name}.test.ts`)],
    testNamePattern: new RegExp(`^(?!.*(${LEFT_OUT.join('|')}))`),
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    env: { RESTUNNEL_TEST_NODE: coreCommand(), RESTUNNEL_REHEARSAL: 'off' },
  },
});
