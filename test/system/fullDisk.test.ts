// Disks that fill up while hub and node run, each data directory on a small file system of its own: the hub keeps admitting the node, logs
// nothing twice, and writes what only memory knew once there is room.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, cpSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, describe, expect, test } from 'vitest';
import { answerOf, runningHub } from '../../src/boot/ownerClient.ts';
import { formatLink, parseLink } from '../../src/model/pairingLink.ts';
import { needs } from '../require.ts';
import {
  type ExitNode,
  endAll,
  eventually,
  type Hub,
  makeTempDir,
  type Pairing,
  runCommand,
  startHub,
  startNode,
} from './harness.ts';
import { Router } from './router.ts';
import { Stream } from './stream.ts';
import { Target } from './target.ts';

const holders: ChildProcess[] = [];
afterAll(async () => {
  await endAll();
  for (const holder of holders) holder.kill('SIGKILL');
});

const tools = needs('unshare', 'mount', 'nsenter');
const isRoot = process.getuid?.() === 0;
const why = isRoot ? tools.why : 'needs root to mount';

/** Where a program runs that has `dataDir` on a disk of its own. */
function smallDisk(dataDir: string): { dataDir: string; wrap: string[] } {
  const mount = `mount -t tmpfs -o size=512k,mode=700 restunnel "${dataDir}" && exec "$@"`;
  return { dataDir, wrap: ['unshare', '-m', 'sh', '-c', mount, 'sh'] };
}

/** The same, for programs one after the other. */
async function lastingDisk(dataDir: string): Promise<{ dataDir: string; wrap: string[] }> {
  const mount = `mount -t tmpfs -o size=32m,mode=700 restunnel "${dataDir}" && echo ready && exec sleep 600`;
  const holder = spawn('unshare', ['-m', 'sh', '-c', mount], { stdio: ['ignore', 'pipe', 'inherit'] });
  holders.push(holder);
  await once(holder.stdout!, 'data');
  return { dataDir, wrap: ['nsenter', '-m', '-t', String(holder.pid), '--'] };
}

/** That disk, as others see it. */
function diskOf(program: Hub | ExitNode): string {
  return `/proc/${program.pid}/root${program.dataDir}`;
}

function fill(disk: string): void {
  try {
    for (;;) appendFileSync(join(disk, 'filler'), Buffer.alloc(4_096));
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOSPC' });
  }
}

/** As it is on the disk. From a copy, because SQLite would follow /proc/…/root to our own files. */
function lastTimestamp(hub: Hub): string {
  const copy = makeTempDir();
  for (const file of ['hub.db', 'hub.db-wal']) cpSync(join(diskOf(hub), file), join(copy, file));
  const database = new DatabaseSync(join(copy, 'hub.db'));
  const { last_timestamp } = database.prepare('SELECT last_timestamp FROM nodes').get()!;
  database.close();
  return Buffer.from(last_timestamp as Uint8Array).toString('hex');
}

describe.skipIf(tools.skip || !isRoot)(`full disks ${why}`, () => {
  test('of hub and node: service continues', async () => {
    const target = await Target.start();
    const hub = await startHub(smallDisk(makeTempDir()));
    const router = await Router.start('127.0.0.1', hub.tunnel.port);
    const { stdout } = await runCommand(['pair', '--json'], diskOf(hub));
    const { link } = JSON.parse(stdout) as Pairing;
    const viaRouter = formatLink({ ...parseLink(link), port: router.port });
    const node = await startNode({ links: [viaRouter], ...smallDisk(makeTempDir()) });
    const connected = () => hub.log.filter(({ msg }) => msg === 'node connected').length;
    const again = async () => {
      const known = connected();
      router.cut();
      await eventually(() => connected() > known, 30_000);
      const stream = await Stream.open(hub.socks, target.port, 'send 300000');
      expect(await stream.over).toBe('end');
      expect(stream.received).toBe(300_000);
    };
    const said = (sentence: RegExp) =>
      [hub, node].map((program) => program.log.filter(({ msg }) => sentence.test(msg)).length);

    await again();
    const before = lastTimestamp(hub);
    for (const program of [hub, node]) fill(diskOf(program));
    for (let round = 0; round < 3; round++) await again();
    expect(said(/^(the store cannot be written|cannot write node\.json)/)).toEqual([1, 1]);
    expect(said(/can be written again/)).toEqual([0, 0]);
    expect(lastTimestamp(hub)).toBe(before);

    for (const program of [hub, node]) rmSync(join(diskOf(program), 'filler'));
    await again();
    expect(said(/can be written again/)).toEqual([1, 1]);
    expect(lastTimestamp(hub) > before).toBe(true);
    expect([...hub.faults(), ...node.faults()]).toEqual([]);
    await Promise.all([hub.stop(), node.stop()]);
    router.close();
    await target.close();
  }, 120_000);

  test('of a hub that is restarted: the month counts what passed meanwhile', async () => {
    const target = await Target.start();
    const disk = await lastingDisk(makeTempDir());
    const hub = await startHub(disk);
    const { stdout } = await runCommand(['pair', '--json'], diskOf(hub));
    const { link } = JSON.parse(stdout) as Pairing;
    const node = await startNode({ links: [link] });
    await eventually(() => existsSync(join(diskOf(hub), 'hub.reserve')));
    fill(diskOf(hub));
    const stream = await Stream.open(hub.socks, target.port, 'send 500000');
    expect(await stream.over).toBe('end');
    const moved = async (of: Hub) => {
      const [seen] = await answerOf(runningHub(diskOf(of)).nodes.$get({ query: {} }));
      return seen!.month.downBytes;
    };
    await eventually(async () => (await moved(hub)) >= 500_000);
    expect(await hub.stop()).toMatchObject({ code: 0 });
    const again = await startHub(disk);
    expect(await moved(again)).toBeGreaterThanOrEqual(500_000);
    await Promise.all([again.stop(), node.kill()]);
    await target.close();
  }, 120_000);
});
