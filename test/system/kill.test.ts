// Any of the five can die in the middle of a transfer: hub, node, client, target, or the other half of the connection. The rest keep
// running, nothing of the dead one stays behind, and service returns by itself.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { watch } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { formatLink, parseLink } from '../../src/model/pairingLink.ts';
import { COMMAND } from '../cli/runBin.ts';
import {
  counters,
  type ExitNode,
  endAll,
  eventually,
  type Hub,
  makeLink,
  makeTempDir,
  pairNode,
  READY_MS,
  runCommand,
  socketsOf,
  startHub,
  startNode,
  untilSocketsAreBack,
} from './harness.ts';
import { patternAt } from './pattern.ts';
import { SlowPath } from './slowPath.ts';
import { httpThrough, openStreams, Refused, Stream } from './stream.ts';
import { Target } from './target.ts';

let target: Target;
beforeEach(async () => {
  target = await Target.start();
});
afterEach(async () => {
  await endAll();
  await target.close();
});

const MOVED_BYTES = 500_000;
const BYTES = 3_000_000;

// --- What every test needs -----------------------------------------------------------------------------------------------------------

/** Streams that have all moved bytes and never end by themselves: downloads that are read, downloads that are not, uploads. */
class Traffic {
  readonly streams: Stream[] = [];
  /** How the streams ended, in their order of ending. */
  readonly ends: string[] = [];

  static async start(hub: Hub, port: number, each: number): Promise<Traffic> {
    const traffic = new Traffic();
    const downloads = await openStreams(hub.socks, port, 'flood', 2 * each);
    const uploads = await openStreams(hub.socks, port, 'sink', each);
    traffic.streams.push(...downloads, ...uploads);
    for (const { over } of traffic.streams) void over.then((how) => traffic.ends.push(how));
    for (const upload of uploads) upload.upload(Number.POSITIVE_INFINITY);
    const moved = ({ socket }: Stream) => socket.bytesWritten - socket.writableLength;
    await eventually(() => uploads.every((upload) => moved(upload) > MOVED_BYTES));
    await eventually(() => downloads.every(({ received }) => received > MOVED_BYTES));
    for (const { socket } of downloads.slice(each)) socket.pause();
    return traffic;
  }

  /** Every stream has ended, the unread ones once they are read. */
  async allOver(): Promise<void> {
    for (const { socket } of this.streams) socket.resume();
    await eventually(() => this.ends.length === this.streams.length);
    expect(this.streams.some(({ damaged }) => damaged)).toBe(false);
    for (const { socket } of this.streams) socket.destroy();
  }

  async stop(): Promise<void> {
    for (const { socket } of this.streams) socket.destroy();
  }
}

async function fetchWhole(hub: Hub, port = target.port): Promise<void> {
  const stream = await Stream.open(hub.socks, port, `send ${BYTES}`);
  expect(await stream.over).toBe('end');
  expect(stream).toMatchObject({ received: BYTES, damaged: false });
}

/** Whatever the hub says of its nodes: no streams, and as many of them connected. */
async function idle(hub: Hub, connected: number): Promise<void> {
  await eventually(async () => {
    const { stdout } = await runCommand(['nodes', '--json'], hub.dataDir);
    const nodes = JSON.parse(stdout) as { connected: boolean; streams: number }[];
    expect(nodes.filter((node) => node.connected).length).toBe(connected);
    expect(nodes.map(({ streams }) => streams)).toEqual(nodes.map(() => 0));
  });
}

function faultless(...programs: (Hub | ExitNode)[]): void {
  expect(programs.flatMap((program) => program.faults())).toEqual([]);
}

/** A program of this folder in a process of its own, after its first line. */
async function startProcess(
  file: string,
  args: readonly (string | number)[],
): Promise<{ child: ChildProcess; line: string }> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = spawn(process.execPath, [path, ...args.map(String)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [data] = (await once(child.stdout!, 'data')) as [Buffer];
  return { child, line: data.toString().trim() };
}

async function kill(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

/** The arguments for a hub to take the place of a dead one. */
function samePlace(hub: Hub): { dataDir: string; args: string[] } {
  const { tunnel, socks, http, dashboard } = hub.ready;
  return {
    dataDir: hub.dataDir,
    args: ['--tunnel', tunnel, '--socks', socks, '--http', http, '--dashboard', dashboard],
  };
}

// --- SIGKILL -------------------------------------------------------------------------------------------------------------------------

describe.each([0, 2])('kill -9 in the middle of transfers, %i workers', (workers) => {
  test('of the hub: the node closes every target connection and serves the next hub in the same place', async () => {
    const hub = await startHub({ workers });
    const node = await pairNode(hub);
    await fetchWhole(hub);
    await idle(hub, 1);
    const before = socketsOf(node);
    const traffic = await Traffic.start(hub, target.port, 4);
    await hub.kill();
    await traffic.allOver();
    await eventually(() => target.open.size === 0);
    await node.waitForLog(
      ({ msg, retryInMs }) => typeof retryInMs === 'number' && msg.includes('ECONNREFUSED'),
    );

    const again = await startHub({ workers, ...samePlace(hub) });
    expect(again.ready.publicKey).toBe(hub.ready.publicKey);
    await again.waitForLog(({ msg }) => msg === 'node connected', READY_MS);
    await fetchWhole(again);
    await untilSocketsAreBack(node, before);
    await idle(again, 1);
    faultless(again, node);
  });

  test('of the node: its clients are cut, requests are refused, and it serves again when it is back', async () => {
    const hub = await startHub({ workers });
    let node = await pairNode(hub);
    await fetchWhole(hub);
    await idle(hub, 1);
    const before = socketsOf(hub);
    for (let round = 0; round < 2; round++) {
      const traffic = await Traffic.start(hub, target.port, 4);
      const opening = Stream.open(hub.socks, target.port, 'flood').catch((error: Error) => error);
      await node.kill();
      await traffic.allOver();
      expect(new Set(traffic.ends)).toEqual(new Set(['ECONNRESET']));
      const opened = await opening;
      if (opened instanceof Stream) opened.socket.destroy();
      else expect(opened).toBeInstanceOf(Refused);
      await eventually(() => target.open.size === 0);
      await idle(hub, 0);
      await expect(Stream.open(hub.socks, target.port, 'hold')).rejects.toMatchObject({ reply: 1 });
      const { status, headers } = await httpThrough(hub.http, `http://127.0.0.1:${target.port}/`);
      expect(status).toBe(503);
      expect(headers.toLowerCase()).toContain('destination_unavailable');

      node = await startNode({ dataDir: node.dataDir });
      await fetchWhole(hub);
      await untilSocketsAreBack(hub, before);
    }
    faultless(hub, node);
  });

  test('of the client: the streams end at both ends, those of others go on', async () => {
    const hub = await startHub({ workers });
    const node = await pairNode(hub);
    await fetchWhole(hub);
    await idle(hub, 1);
    const before = { hub: socketsOf(hub), node: socketsOf(node) };
    const other = await Stream.open(hub.socks, target.port, 'flood');
    for (let round = 0; round < 2; round++) {
      const { child, line } = await startProcess('clientProcess.ts', [hub.socks.port, target.port, 5]);
      expect(line).toBe('busy');
      await kill(child);
      await eventually(() => target.open.size === 1);
    }
    const { received } = other;
    await eventually(() => other.received > received + BYTES);
    expect(other.damaged).toBe(false);
    other.socket.destroy();
    await fetchWhole(hub);
    await idle(hub, 1);
    await untilSocketsAreBack(hub, before.hub);
    await untilSocketsAreBack(node, before.node);
    faultless(hub, node);
  });

  test('of the target: its clients are cut, those of others go on, and it is served again when it is back', async () => {
    const hub = await startHub({ workers });
    const node = await pairNode(hub);
    await fetchWhole(hub);
    await idle(hub, 1);
    const before = { hub: socketsOf(hub), node: socketsOf(node) };
    const other = await Stream.open(hub.socks, target.port, 'flood');
    let { child, line: port } = await startProcess('targetProcess.ts', [0]);
    const traffic = await Traffic.start(hub, Number(port), 4);
    await kill(child);
    await traffic.allOver();
    await expect(Stream.open(hub.socks, Number(port), 'hold')).rejects.toMatchObject({ reply: 5 });

    ({ child, line: port } = await startProcess('targetProcess.ts', [port]));
    await fetchWhole(hub, Number(port));
    await kill(child);
    const { received } = other;
    await eventually(() => other.received > received + BYTES);
    expect(other.damaged).toBe(false);
    other.socket.destroy();
    await eventually(() => target.open.size === 0);
    await idle(hub, 1);
    await untilSocketsAreBack(hub, before.hub);
    await untilSocketsAreBack(node, before.node);
    faultless(hub, node);
  });
});

test('clients that die in the middle, again and again, leave no memory behind', async () => {
  const hub = await startHub();
  const node = await pairNode(hub);
  const round = async () => {
    const traffic = await Traffic.start(hub, target.port, 5);
    await traffic.stop();
    await eventually(() => target.open.size === 0);
  };
  for (let warmUp = 0; warmUp < 4; warmUp++) await round();
  await idle(hub, 1);
  const before = { hub: counters(hub.pid), node: counters(node.pid) };
  for (let rounds = 0; rounds < 12; rounds++) await round();
  await idle(hub, 1);
  for (const [program, { rssBytes, fds }] of [
    [hub, before.hub],
    [node, before.node],
  ] as const) {
    await untilSocketsAreBack(program, fds.socket ?? 0);
    // Twelve rounds of 15 streams with a window each way would be 94 MB.
    expect(counters(program.pid).rssBytes - rssBytes).toBeLessThan(48 * 2 ** 20);
  }
  faultless(hub, node);
});

// --- SIGTERM -------------------------------------------------------------------------------------------------------------------------

/** A download whose middle and end the test decides. */
async function heldDownload(hub: Hub): Promise<{ stream: Stream; far: Socket }> {
  const known = target.held.length;
  const stream = await Stream.open(hub.socks, target.port, 'hold');
  await eventually(() => target.held.length === known + 1);
  return { stream, far: target.held[known]! };
}

describe.each([0, 2])('SIGTERM, %i workers', (workers) => {
  test('to the hub: running downloads finish, new requests are refused, the exit code is 0', async () => {
    const hub = await startHub({ workers });
    const node = await pairNode(hub);
    const { stream, far } = await heldDownload(hub);
    far.write(patternAt(0, 100_000));
    await eventually(() => stream.received === 100_000);
    hub.signal('SIGTERM');
    await hub.waitForLog(({ msg }) => msg.startsWith('stopping'));
    await eventually(() =>
      expect(Stream.open(hub.socks, target.port, 'hold')).rejects.toMatchObject({ reply: 1 }),
    );
    const { status, headers, body } = await httpThrough(hub.http, `http://127.0.0.1:${target.port}/`);
    expect({ status, body }).toEqual({ status: 503, body: 'the hub is shutting down\n' });
    expect(headers.toLowerCase()).toContain('proxy-status: ');
    far.write(patternAt(100_000, 100_000));
    far.end(patternAt(200_000, 100_000));
    expect(await stream.over).toBe('end');
    expect(stream).toMatchObject({ received: 300_000, damaged: false });
    stream.socket.destroy();
    expect(await hub.exited).toEqual({ code: 0, signal: null });
    await node.waitForLog(({ retryInMs }) => typeof retryInMs === 'number');
    faultless(hub, node);
  });

  test('to the node: running downloads finish, new requests go elsewhere or nowhere, the exit code is 0', async () => {
    const hub = await startHub({ workers });
    const node = await pairNode(hub);
    const { stream, far } = await heldDownload(hub);
    far.write(patternAt(0, 100_000));
    await eventually(() => stream.received === 100_000);
    node.signal('SIGTERM');
    await node.waitForLog(({ msg }) => msg.startsWith('stopping'));
    await eventually(() =>
      expect(Stream.open(hub.socks, target.port, 'hold')).rejects.toMatchObject({ reply: 1 }),
    );
    expect((await httpThrough(hub.http, `http://127.0.0.1:${target.port}/`)).status).toBe(503);
    const other = await pairNode(hub);
    await fetchWhole(hub);
    far.end(patternAt(100_000, 100_000));
    expect(await stream.over).toBe('end');
    expect(stream).toMatchObject({ received: 200_000, damaged: false });
    stream.socket.destroy();
    expect(await node.exited).toEqual({ code: 0, signal: null });
    await fetchWhole(hub);
    faultless(hub, node, other);
  });

  test('to the node on a slow path: the bytes from its targets arrive before it exits', async () => {
    const hub = await startHub({ workers });
    const path = await SlowPath.start(hub.tunnel.port);
    const { link } = await makeLink(hub);
    const node = await startNode({ links: [formatLink({ ...parseLink(link), port: path.port })] });
    const streams = await openStreams(hub.socks, target.port, 'keep', 60);
    for (const { socket } of streams) socket.end();
    await eventually(() => target.held.length === 60 && target.held.every((far) => far.readableEnded));
    path.stand();
    // Far more than the systems between can hold, so that the node's own queue is full as well.
    for (const far of target.held)
      far.end(Buffer.concat([patternAt(0, 120_000), patternAt(120_000, 120_000)]));
    node.signal('SIGTERM');
    await node.waitForLog(({ msg }) => msg.startsWith('stopping'));
    path.flow();
    expect(await node.exited).toEqual({ code: 0, signal: null });
    const ends = await Promise.all(streams.map(async (stream) => [await stream.over, stream.received]));
    expect(ends).toEqual(streams.map(() => ['end', 240_000]));
    await hub.stop();
    path.close();
  });

  test('twice: it exits at once, with 0', async () => {
    const hub = await startHub({ workers });
    const node = await pairNode(hub);
    const streams = await openStreams(hub.socks, target.port, 'hold', 3);
    expect(await node.stop({ atOnce: true })).toEqual({ code: 0, signal: null });
    expect(new Set(await Promise.all(streams.map(({ over }) => over)))).toEqual(new Set(['ECONNRESET']));

    const other = await pairNode(hub);
    const more = await openStreams(hub.socks, target.port, 'hold', 3);
    expect(await hub.stop({ atOnce: true })).toEqual({ code: 0, signal: null });
    for (const { over } of more) expect(['ECONNRESET', 'end']).toContain(await over);
    expect(hub.log.some(({ msg }) => msg === 'stopping at once')).toBe(true);
    faultless(hub, node, other);
  });
});

test.each(['hub', 'quickstart'])(
  'a %s that gets SIGTERM the moment it is ready exits with 0',
  async (command) => {
    const binds = ['tunnel', 'socks', 'http', 'dashboard'].flatMap((name) => [`--${name}`, '127.0.0.1:0']);
    for (let round = 0; round < 4; round++) {
      const folder = makeTempDir();
      const args = [command, ...binds, '--data-dir', folder, '--ready-file', join(folder, 'ready')];
      const watcher = watch(folder);
      const child = spawn(COMMAND[0], [...COMMAND.slice(1), ...args], { stdio: 'ignore' });
      const exit = once(child, 'exit');
      watcher.on('change', (_, name) => {
        if (name === 'ready') child.kill('SIGTERM');
      });
      expect(await exit).toEqual([0, null]);
      watcher.close();
    }
  },
);

// --- SIGSTOP -------------------------------------------------------------------------------------------------------------------------

test('a node that sleeps for some seconds continues where it was', async () => {
  const hub = await startHub({ workers: 2 });
  const node = await pairNode(hub);
  const down = await Stream.open(hub.socks, target.port, `send ${20 * BYTES}`);
  const up = await Stream.open(hub.socks, target.port, 'sink');
  up.upload(20 * BYTES);
  await eventually(() => down.received > BYTES);
  node.signal('SIGSTOP');
  const waiting = Stream.open(hub.socks, target.port, 'send 1000');
  await delay(3_000);
  // What was on its way has come, and no more.
  expect(down.received).toBeLessThan(20 * BYTES);
  node.signal('SIGCONT');
  expect(await down.over).toBe('end');
  expect(down).toMatchObject({ received: 20 * BYTES, damaged: false });
  expect(await up.over).toBe('end');
  expect(await (await waiting).over).toBe('end');
  expect(hub.log.filter(({ msg }) => msg === 'node disconnected')).toEqual([]);
  faultless(hub, node);
});
