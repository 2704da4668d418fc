// A hub and two nodes under a crawl while nodes are killed, restarted and paused; then, once it is quiet, everything returns to where it
// was. 20 seconds here; scripts/soak.ts runs it for as long as you like and also looks at memory.

import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import {
  counters,
  type ExitNode,
  eventually,
  listNodes,
  makeLink,
  makeTempDir,
  type Program,
  startHub,
  startNode,
} from './harness.ts';
import { SoakLoad, SoakTargets } from './soakLoad.ts';

const SECONDS = Number(process.env.RESTUNNEL_SOAK_SECONDS ?? 20);
/** Memory takes a while to find its level: the short run does not judge it. */
const JUDGES_MEMORY = SECONDS >= 120;
const WARM_UP_MS = Math.min(30_000, (SECONDS * 1_000) / 4);
const FAULT_EVERY_MS = Math.max(2_500, Math.min(10_000, (SECONDS * 1_000) / 8));
const STOPPED_MS = 1_500;
const CRAWLERS = 16;
const LONG_ONES = 4;
/** What quiet may keep beyond the quiet before: pools that are kept, and the allocator's slack. */
const RSS_TOLERANCE_BYTES = 48 * 2 ** 20;
/** Of the control thread, garbage collected; the engine threads' heaps are part of the RSS. */
const HEAP_TOLERANCE_BYTES = 4 * 2 ** 20;

const HEAP_FILE = join(makeTempDir(), 'heap');
const env = {
  NODE_OPTIONS: `--require ${fileURLToPath(new URL('./heapReport.cjs', import.meta.url))}`,
  RESTUNNEL_HEAP_REPORT: HEAP_FILE,
};

interface Level {
  readonly fds: Readonly<Record<string, number>>;
  readonly threads: number;
  readonly rssBytes: number;
  readonly heapBytes: number;
}

async function level(program: Program<unknown>): Promise<Level> {
  const { pid } = program;
  const file = `${HEAP_FILE}.${pid}`;
  rmSync(file, { force: true });
  process.kill(pid, 'SIGUSR2');
  const heapBytes = await eventually(() => Number(readFileSync(file, 'utf8')) || false);
  const { fds, threads, rssBytes } = counters(pid);
  return { fds, threads, rssBytes, heapBytes: Number(heapBytes) };
}

test(`${SECONDS} seconds of crawling and faults, then quiet`, {
  timeout: (SECONDS + 180) * 1_000,
}, async () => {
  const hub = await startHub({ workers: 1, env });
  const targets = await SoakTargets.start();
  const start = async (dataDir?: string): Promise<ExitNode> =>
    startNode({
      env,
      ...(dataDir === undefined ? { links: [(await makeLink(hub)).link] } : { dataDir }),
    });
  let killed = await start();
  const kept = await start();
  const connected = async (count: number) =>
    eventually(async () => (await listNodes(hub)).filter((one) => one.connected).length === count, 60_000);
  const streams = async () => (await listNodes(hub)).reduce((sum, node) => sum + node.streams, 0);
  const quiet = () =>
    eventually(async () => {
      expect([await streams(), targets.open.size]).toEqual([0, 0]);
    }, 60_000);

  const warmUp = new SoakLoad(hub, targets);
  warmUp.start(CRAWLERS, LONG_ONES);
  await delay(WARM_UP_MS);
  await warmUp.stop();
  await connected(2);
  await quiet();
  expect(warmUp.tally).toMatchObject({ failed: 0, hung: 0, damaged: 0 });
  const before = [await level(hub), await level(kept)] as const;

  const load = new SoakLoad(hub, targets);
  load.start(CRAWLERS, LONG_ONES);
  const endMs = performance.now() + SECONDS * 1_000 - WARM_UP_MS;
  let faults = 0;
  while (performance.now() < endMs) {
    await delay(FAULT_EVERY_MS);
    if (faults++ % 2 === 0) {
      await killed.kill();
      killed = await start(killed.dataDir);
    } else {
      kept.signal('SIGSTOP');
      await delay(STOPPED_MS);
      kept.signal('SIGCONT');
    }
  }
  await load.stop();
  await connected(2);
  await quiet();

  // No more descriptors and threads than there were. A thread for handshakes may have been among them, and have ended since.
  const after = await eventually(async () => {
    const now = [await level(hub), await level(kept)] as const;
    for (const [at, { fds, threads }] of now.entries()) {
      expect(threads).toBeLessThanOrEqual(before[at]!.threads);
      for (const [kind, count] of Object.entries(fds))
        expect(count, kind).toBeLessThanOrEqual(before[at]!.fds[kind] ?? 0);
    }
    return now;
  }, 60_000);
  const grown = after.map((one, at) => ({
    rssMiB: Math.round((one.rssBytes - before[at]!.rssBytes) / 2 ** 20),
    heapKiB: Math.round((one.heapBytes - before[at]!.heapBytes) / 2 ** 10),
  }));
  if (process.env.RESTUNNEL_SOAK_SECONDS !== undefined) {
    console.log(JSON.stringify({ seconds: SECONDS, faults, warmUp: warmUp.tally, load: load.tally }));
    console.log(JSON.stringify({ hub: { before: before[0], after: after[0], grown: grown[0] } }));
    console.log(JSON.stringify({ node: { before: before[1], after: after[1], grown: grown[1] } }));
  }
  expect(load.tally).toMatchObject({ hung: 0, damaged: 0 });
  // The faults did something, and most of the crawl went on.
  expect(load.tally.failed).toBeGreaterThan(0);
  expect(load.tally.whole).toBeGreaterThan(load.tally.failed);
  expect([hub, kept, killed].flatMap((program) => program.faults())).toEqual([]);
  if (JUDGES_MEMORY) {
    for (const [at, one] of after.entries()) {
      expect(one.rssBytes).toBeLessThan(before[at]!.rssBytes + RSS_TOLERANCE_BYTES);
      expect(one.heapBytes).toBeLessThan(before[at]!.heapBytes + HEAP_TOLERANCE_BYTES);
    }
  }
  targets.close();
});
