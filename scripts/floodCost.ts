// What a flood of strangers costs a hub that is moving bytes: one download through a hub and a node of their own, with and without
// scripts/flood.ts beside it, in turns.  node scripts/floodCost.ts [WORKERS] [RATE] [SAY]
// "share": of the hub's CPU time during the flood, what the same bytes cost without it.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { spentBetween, usageOf } from '../bench/machine/usage.ts';
import { restunnel } from '../bench/peers/restunnel.ts';

const ROUNDS = 3;
const PHASE_MS = 5_000;
const SETTLE_MS = 1_000;
const PIECE = Buffer.alloc(262_144, 7);
const [workers = '0', rate = '1000', say = 'nothing'] = process.argv.slice(2);

const folder = mkdtempSync(join(tmpdir(), 'restunnel-flood-'));
let tunnel = '';
const running = await restunnel.start({
  folder,
  nodes: 1,
  workers: Number(workers),
  nodeOptions: ['--disable-warning=ExperimentalWarning'],
  async detour(address) {
    tunnel = `${address.host}:${address.port}`;
    return address;
  },
});

const origin = createServer((socket) => {
  const pump = () => {
    while (socket.write(PIECE));
  };
  socket.on('drain', pump).on('error', () => {});
  pump();
});
await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
const { port } = origin.address() as AddressInfo;
let received = 0;
const download = await open(running.proxy!.port);

/** A SOCKS5 stream to the origin, whose bytes are counted. */
function open(proxyPort: number): Promise<Socket> {
  const socket = connect({
    host: '127.0.0.1',
    port: proxyPort,
    onread: {
      buffer: Buffer.alloc(262_144),
      callback(bytes) {
        received += bytes;
        return true;
      },
    },
  });
  const request = [5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 255];
  return new Promise((resolve, reject) => {
    socket.on('error', reject).on('connect', () => {
      socket.write(Uint8Array.from(request));
      resolve(socket);
    });
  });
}

interface Phase {
  gigabytes: number;
  hubCpuMs: number;
}

async function measure(): Promise<Phase> {
  await delay(SETTLE_MS);
  const { hub } = running.pids();
  const before = usageOf(hub!);
  const bytesBefore = received;
  await delay(PHASE_MS);
  return { gigabytes: (received - bytesBefore) / 1e9, hubCpuMs: spentBetween(before, usageOf(hub!)).cpuMs };
}

async function measureFlooded(): Promise<Phase> {
  const script = fileURLToPath(new URL('flood.ts', import.meta.url));
  const from = '127.0.0.2,127.0.0.3,127.0.0.4,127.0.0.5,127.0.0.6';
  const args = [script, tunnel, '--rate', rate, '--seconds', '60', '--from', from, '--say', say];
  const flood = spawn(process.execPath, args, { stdio: ['pipe', 'inherit', 'inherit'] });
  const phase = await measure();
  flood.stdin.end();
  await new Promise((resolve) => flood.on('close', resolve));
  return phase;
}

const quiet: Phase = { gigabytes: 0, hubCpuMs: 0 };
const flooded: Phase = { gigabytes: 0, hubCpuMs: 0 };
for (let round = 0; round < ROUNDS; round++) {
  for (const [sum, phase] of [
    [quiet, await measure()],
    [flooded, await measureFlooded()],
  ] as const) {
    sum.gigabytes += phase.gigabytes;
    sum.hubCpuMs += phase.hubCpuMs;
  }
}
const perGigabyte = quiet.hubCpuMs / quiet.gigabytes;
const share = (flooded.gigabytes * perGigabyte) / flooded.hubCpuMs;
const seconds = (ROUNDS * PHASE_MS) / 1_000;
const line = (name: string, { gigabytes, hubCpuMs }: Phase) =>
  `${name}: ${(gigabytes / seconds).toFixed(2)} GB/s, hub ${(hubCpuMs / seconds / 10).toFixed(0)} % of a core, ` +
  `${(hubCpuMs / gigabytes / 1_000).toFixed(2)} CPU s per GB`;
console.log(`workers ${workers}, ${rate} strangers a second who say ${say}`);
console.log(line('quiet  ', quiet));
console.log(line('flooded', flooded));
console.log(`share of the hub's CPU time that the transfer kept: ${(100 * share).toFixed(0)} %`);
console.log(
  `per stranger: ${(((flooded.hubCpuMs - flooded.gigabytes * perGigabyte) * 1_000) / (Number(rate) * seconds)).toFixed(0)} µs`,
);
download.destroy();
origin.close();
await running.stop();
rmSync(folder, { recursive: true, force: true });
process.exit(0);
