// `npm run bench:http`: a web server behind hub and node under autocannon's load, over SOCKS5 and over the HTTP proxy, beside other ways.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { findProgram } from '../machine/programs.ts';
import { PEERS } from '../peers/all.ts';
import type { PeerName, RunningPeer } from '../peers/peer.ts';
import { drawRows } from '../report/table.ts';
import { sizeOf } from '../scenarios/scenario.ts';
import { type Door, measureHttp, startWebServer } from './measure.ts';

const WAYS: readonly { readonly peer: PeerName; readonly door: Door }[] = [
  { peer: 'direct', door: 'direct' },
  { peer: 'restunnel', door: 'socks' },
  { peer: 'restunnel', door: 'http' },
  { peer: 'microsocks', door: 'socks' },
  { peer: 'ssh', door: 'socks' },
  { peer: 'shadowsocks', door: 'socks' },
];

const flags = new Command('bench:http')
  .description('A web server behind hub and node under the load of autocannon')
  .option('--connections <n>', 'at once', '64')
  .option('--requests <n>', 'in all', '20k')
  .option('--page <bytes>', 'length of the page', '4k')
  .option('--workers <n>', "our hub's worker threads", '0')
  .option('--peers <names>', 'of direct, restunnel, microsocks, ssh, shadowsocks')
  .parse()
  .opts<{ connections: string; requests: string; page: string; workers: string; peers?: string }>();

const pageBytes = sizeOf(flags.page);
const load = { connections: sizeOf(flags.connections), requests: sizeOf(flags.requests), pageBytes };
const wanted = flags.peers?.split(',');
const folder = mkdtempSync(join(tmpdir(), 'restunnel-bench-'));
const server = await startWebServer(pageBytes);
const running = new Map<PeerName, RunningPeer>();
try {
  process.stdout.write(`\nhttp: ${load.connections} connections, ${pageBytes} B\n${await measureAll()}`);
} finally {
  for (const peer of running.values()) await peer.stop();
  await server.child.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function measureAll(): Promise<string> {
  const rows = [['', 'CPU µs/req', 'req/s', 'p50 ms', 'p99 ms']];
  for (const { peer: name, door } of WAYS) {
    if (wanted !== undefined && !wanted.includes(name)) continue;
    if (PEERS[name].programs.some((program) => findProgram(program) === null)) continue;
    const peer = running.get(name) ?? (await start(name));
    // Once for compilers and caches.
    await measureHttp(server, peer, door, { ...load, requests: Math.ceil(load.requests / 4) });
    const result = await measureHttp(server, peer, door, load);
    rows.push([
      name === 'restunnel' ? `${name} (${door})` : name,
      result.cpuMicrosPerRequest.toFixed(1),
      result.requestsPerSecond.toFixed(0),
      result.p50Ms.toFixed(1),
      result.p99Ms.toFixed(1),
    ]);
  }
  return drawRows(rows);
}

async function start(name: PeerName): Promise<RunningPeer> {
  const own = join(folder, name);
  mkdirSync(own, { mode: 0o700 });
  const workers = Number(flags.workers);
  const peer = await PEERS[name].start({ folder: own, workers, nodes: 1, nodeOptions: [], detour: null });
  running.set(name, peer);
  return peer;
}
