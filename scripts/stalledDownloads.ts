// What a hub holds for clients that do not read: its memory before, with every download stalled, and after their clients have closed; and
// how long a request takes on an open stream of the same tunnel meanwhile. The devices answer streams themselves. Runs in a network
// namespace of its own, where sockets have small buffers: node scripts/stalledDownloads.ts [--streams 3000] [--nodes 1] [--workers 0]
// [--memory 1GB] [--rest-ms 60000]

import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openStream, SocksRefusal, whoServes } from '../bench/fleet/ask.ts';
import { HOLD_PATH } from '../bench/fleet/lightNode.ts';
import { usageOf } from '../bench/machine/usage.ts';
import { endAll, startHub } from '../test/system/harness.ts';
import { startFleet } from '../test/system/lightFleet.ts';

const { values } = parseArgs({
  options: {
    streams: { type: 'string', default: '3000' },
    nodes: { type: 'string', default: '1' },
    workers: { type: 'string', default: '0' },
    memory: { type: 'string' },
    'rest-ms': { type: 'string', default: '60000' },
    inside: { type: 'boolean', default: false },
  },
});

const AT_ONCE = 64;
const REQUESTS = 500;
const PULSE_BYTES = 65_000;
/** When neither a node sends nor the hub grows for so long, every window is used up. */
const QUIET_MS = 3_000;

if (!values.inside) {
  const args = ['-rn', process.execPath, process.argv[1]!, ...process.argv.slice(2), '--inside'];
  process.exit(spawnSync('unshare', args, { stdio: 'inherit' }).status ?? 1);
}

execFileSync('ip', ['link', 'set', 'lo', 'up']);
for (const name of ['wmem', 'rmem']) writeFileSync(`/proc/sys/net/ipv4/tcp_${name}`, '4096 16384 32768');

const megabytes = (bytes: number): number => Math.round(bytes / 1e6);
const memory = values.memory === undefined ? [] : ['--memory', values.memory];
const hub = await startHub({ workers: Number(values.workers), args: memory });
const rssMb = (): number => megabytes(usageOf([hub.pid]).rssBytes);

/** Median and 99th percentile of a request on this stream, in ms. */
async function pace(stream: Socket): Promise<{ p50: number; p99: number }> {
  const times: number[] = [];
  for (let request = 0; request < REQUESTS; request++) {
    const start = performance.now();
    await whoServes(stream);
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  const at = (share: number): number => Number(times[Math.floor(share * times.length)]!.toFixed(2));
  return { p50: at(0.5), p99: at(0.99) };
}

try {
  const nodes = await startFleet(hub, Number(values.nodes));
  const stream = await openStream(hub);
  await pace(stream);
  const paceMs: Record<string, object> = { alone: await pace(stream) };
  const rss: Record<string, number> = { before: rssMb() };

  const stalled: Socket[] = [];
  let refused = 0;
  const open = async (): Promise<void> => {
    while (stalled.length + refused < Number(values.streams)) {
      try {
        const client = await openStream(hub);
        stalled.push(client);
        client.write(`GET ${HOLD_PATH} HTTP/1.1\r\n\r\n`);
      } catch (error) {
        if (!(error instanceof SocksRefusal)) throw error;
        refused++;
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, open));
  let peak = 0;
  for (let movedMs = performance.now(); performance.now() - movedMs < QUIET_MS; await delay(5)) {
    for (const node of nodes) if (node.pulse(PULSE_BYTES) > 0) movedMs = performance.now();
    const now = rssMb();
    if (now > peak) movedMs = performance.now();
    peak = Math.max(peak, now);
  }
  rss.peak = peak;
  paceMs.stalled = await pace(stream);
  for (const client of stalled) client.destroy();
  await delay(5_000);
  rss.closed = rssMb();
  await delay(Number(values['rest-ms']));
  rss.rested = rssMb();
  const reset = hub.log.reduce((sum, line) => sum + Number(line.reset ?? 0), 0);
  console.log(JSON.stringify({ rssMb: rss, paceMs, refused, reset }));
  for (const line of hub.log.filter(({ level }) => level >= 40).slice(0, 3))
    console.log(JSON.stringify(line));
} finally {
  await endAll();
}
