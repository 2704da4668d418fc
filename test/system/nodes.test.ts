// `restunnel nodes`: what it shows and changes, with a running hub and without; and what revoking does to a busy device.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readNetwork } from '../../src/node/networkFiles.ts';
import { runBin } from '../cli/runBin.ts';
import { eventually, launchNode, makeLink, pairNode, runCommand, startHub, startNode } from './harness.ts';
import { openStreams, Refused, Stream } from './stream.ts';
import { Target } from './target.ts';

let target: Target;
beforeAll(async () => {
  target = await Target.start();
});
afterAll(() => target.close());

/** A node as `nodes --json` shows it. */
interface Listed {
  id: string;
  name: string;
  connected: boolean;
  streams: number;
  createdAt: string;
  lastSeenAt: string;
  revoked: boolean;
  revokedAt: string | null;
}

async function nodesOf(dataDir: string): Promise<Listed[]> {
  return JSON.parse((await runCommand(['nodes', '--json'], dataDir)).stdout);
}

async function nodeOf(dataDir: string, id: string): Promise<Listed> {
  return (await nodesOf(dataDir)).find((node) => node.id === id)!;
}

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

test('nodes are listed, renamed and revoked by the running hub, and the same when it has stopped', async () => {
  const hub = await startHub();
  const { dataDir } = hub;
  const { link } = await makeLink(hub, ['--name', 'phone']);
  const node = await startNode({ links: [link] });
  const { nodeId: id } = node.ready;
  const streams = await openStreams(hub.socks, target.port, 'hold', 3);
  expect(await nodesOf(dataDir)).toMatchObject([
    {
      id,
      name: 'phone',
      connected: true,
      streams: 3,
      createdAt: TIME,
      lastSeenAt: TIME,
      revoked: false,
      revokedAt: null,
    },
  ]);
  expect((await runCommand(['nodes'], dataDir)).stdout).toMatch(
    new RegExp(`\n${id}  phone  connected  3 +now `),
  );
  for (const { socket } of streams) socket.destroy();
  await eventually(async () => (await nodeOf(dataDir, id)).streams === 0);

  expect((await runCommand(['nodes', 'rename', 'phone', 'old phone'], dataDir)).stdout).toBe(
    'phone is now called old phone\n',
  );
  expect(await nodeOf(dataDir, id)).toMatchObject({ name: 'old phone', connected: true });
  expect(await runBin(['nodes', 'rename', 'phone', 'x', '--data-dir', dataDir], dataDir)).toMatchObject({
    code: 1,
    stderr: 'restunnel: there is no node with the id or name "phone"\n',
  });
  await node.stop();
  await eventually(async () => !(await nodeOf(dataDir, id)).connected);
  await hub.stop();

  expect(await nodesOf(dataDir)).toEqual([
    expect.objectContaining({ id, name: 'old phone', connected: false, streams: 0, revoked: false }),
  ]);
  await runCommand(['nodes', 'rename', id, 'phone'], dataDir);
  const { stdout } = await runCommand(['nodes', 'revoke', 'phone', '--json'], dataDir);
  expect(JSON.parse(stdout)).toMatchObject({ id, name: 'phone', revoked: true, revokedAt: TIME });

  const again = await startHub({ dataDir, args: ['--tunnel', hub.ready.tunnel] });
  const revoked = launchNode({ dataDir: node.dataDir });
  await again.waitForLog(({ msg, why }) => msg === 'a device was refused' && why === 'revoked');
  expect(await nodeOf(dataDir, id)).toMatchObject({ connected: false, revoked: true });
  await Promise.all([revoked.kill(), again.stop()]);
});

describe.concurrent.each([0, 2])('revoking, %i workers', { timeout: 120_000 }, (workers) => {
  test('cuts running streams at once, keeps the device out and tells it why; a new link brings it back', async () => {
    const hub = await startHub({ workers });
    const { dataDir } = hub;
    const node = await pairNode(hub);
    const other = await pairNode(hub);
    const { nodeId: id } = node.ready;
    // Both nodes have streams: half of them each, unless one is slower.
    const downloads = await openStreams(hub.socks, target.port, 'flood', 8);
    const uploads = await openStreams(hub.socks, target.port, 'sink', 8);
    for (const upload of uploads) upload.upload(Number.POSITIVE_INFINITY);
    await eventually(() => downloads.every(({ received }) => received > 300_000));
    const before = (await nodeOf(dataDir, id)).streams;
    const kept = (await nodeOf(dataDir, other.ready.nodeId)).streams;
    expect(before + kept).toBe(16);
    expect(Math.min(before, kept)).toBeGreaterThan(2);

    const ends: string[] = [];
    for (const { over } of [...downloads, ...uploads]) void over.then((how) => ends.push(how));
    await runCommand(['nodes', 'revoke', id], dataDir);
    await eventually(() => ends.length >= before);
    expect(ends).toEqual(new Array(before).fill('ECONNRESET'));
    expect(await nodeOf(dataDir, id)).toMatchObject({ connected: false, streams: 0, revoked: true });
    expect(await nodeOf(dataDir, other.ready.nodeId)).toMatchObject({ connected: true, streams: kept });
    expect(downloads.some(({ damaged }) => damaged)).toBe(false);
    for (const { socket } of [...downloads, ...uploads]) socket.destroy();
    await node.waitForLog(({ msg }) => msg === 'the peer closed the connection' || msg.includes('broke'));

    await hub.waitForLog(({ msg, why }) => msg === 'a device was refused' && why === 'revoked');
    const { msg } = await node.waitForLog((line) => line.msg.includes('gave no answer'), 30_000);
    expect(msg).toContain('the device was revoked');
    await eventually(async () => (await nodeOf(dataDir, other.ready.nodeId)).streams === 0);
    await other.stop();
    await eventually(async () => {
      await expect(Stream.open(hub.socks, target.port, 'hold')).rejects.toThrow(Refused);
    });

    await node.kill();
    const { link } = await makeLink(hub);
    const back = await startNode({ dataDir: node.dataDir, links: [link] });
    expect(back.ready.nodeId).toBe(id);
    expect(await nodeOf(dataDir, id)).toMatchObject({ connected: true, revoked: false, revokedAt: null });
    const stream = await Stream.open(hub.socks, target.port, 'send 500000');
    expect(await stream.over).toBe('end');
    expect(stream).toMatchObject({ received: 500_000, damaged: false });
    expect([...hub.faults(), ...node.faults(), ...back.faults()]).toEqual([]);
    await Promise.all([hub.stop(), back.stop()]);
  });
});

test('a node reports its platform and network, and the owner may set the network', async () => {
  const hub = await startHub();
  const [said, asked] = await Promise.all([
    pairNode(hub, { args: ['--network', 'cellular'] }),
    pairNode(hub),
  ]);
  await eventually(async () => {
    const nodes = (await nodesOf(hub.dataDir)) as (Listed & { platform: string; network: string })[];
    const of = (id: string) => nodes.find((node) => node.id === id);
    expect(of(said.ready.nodeId)).toMatchObject({ platform: 'linux', network: 'cellular' });
    expect(of(asked.ready.nodeId)).toMatchObject({ platform: 'linux', network: await readNetwork() });
  });
  await expect(launchNode({ args: ['--network', 'smoke'] }).exited).resolves.toMatchObject({ code: 2 });
});

test('a node without a terminal goes on after SIGHUP, as under nohup', async () => {
  const hub = await startHub();
  const node = await pairNode(hub);
  node.signal('SIGHUP');
  await node.waitForLog(({ msg }) => msg.startsWith('SIGHUP: the node goes on'));
  const stream = await Stream.open(hub.socks, target.port, 'send 1000');
  expect(await stream.over).toBe('end');
  expect(await node.stop()).toEqual({ code: 0, signal: null });
});
