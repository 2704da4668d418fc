// Draining: when one hub stops, a node goes on for its other hubs; and a stream that is cut at the limit never looks complete.

import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  endAll,
  eventually,
  type Hub,
  KINDS,
  listNodes,
  makeLink,
  runCommand,
  startHub,
  startNode,
  startPair,
} from './harness.ts';
import { patternAt } from './pattern.ts';
import { Refused, Stream } from './stream.ts';
import { Target } from './target.ts';

let target: Target;
beforeEach(async () => {
  target = await Target.start();
});
afterEach(async () => {
  await endAll();
  await target.close();
});

/** A stream in whose middle we are, and its far end. */
async function half(hub: Hub): Promise<{ stream: Stream; far: Socket; farOver: Promise<string> }> {
  const known = target.held.length;
  const stream = await Stream.open(hub.socks, target.port, 'hold');
  await eventually(() => target.held.length > known);
  const far = target.held[known]!;
  const farOver = new Promise<string>((resolve) => {
    far.on('end', () => resolve('end'));
    far.on('error', ({ message }) => resolve(message));
    far.on('close', () => resolve('closed'));
  });
  far.write(patternAt(0, 100_000));
  await eventually(() => stream.received === 100_000);
  return { stream, far, farOver };
}

async function statusOf(hub: Hub): Promise<unknown> {
  return await (await fetch(`http://${hub.ready.dashboard}/api/v1/status`)).json();
}

test('a hub that drains: what runs through it finishes, and its node keeps the other hub', async () => {
  // Longer than a busy machine takes for what happens meanwhile.
  const hubs = await Promise.all([startHub({ workers: 1, args: ['--drain', '10m'] }), startHub()]);
  const [first, second] = hubs;
  const links = await Promise.all(hubs.map(async (hub) => (await makeLink(hub)).link));
  const node = await startNode({ links });
  for (const hub of hubs) {
    await eventually(async () => expect(await listNodes(hub)).toMatchObject([{ connected: true }]));
  }
  const ending = await half(first);
  const going = await half(second);
  first.signal('SIGTERM');
  await first.waitForLog(({ msg }) => msg.startsWith('stopping'));
  // Whoever looks while it drains sees why new requests are refused.
  await eventually(async () => expect(await statusOf(first)).toMatchObject({ stopping: true, streams: 1 }));
  expect(await statusOf(second)).toMatchObject({ stopping: false });
  await eventually(() =>
    expect(Stream.open(first.socks, target.port, 'hold')).rejects.toBeInstanceOf(Refused),
  );
  const fresh = await half(second);
  ending.far.end(patternAt(100_000, 100_000));
  expect(await ending.stream.over).toBe('end');
  expect(ending.stream).toMatchObject({ received: 200_000, damaged: false });
  expect(await first.exited).toEqual({ code: 0, signal: null });
  for (const { stream, far } of [going, fresh]) {
    far.end(patternAt(100_000, 100_000));
    expect(await stream.over).toBe('end');
    expect(stream).toMatchObject({ received: 200_000, damaged: false });
  }
  // It comes back to the first one when that is back.
  const { tunnel } = first.ready;
  const again = await startHub({ dataDir: first.dataDir, args: ['--tunnel', tunnel] });
  await again.waitForLog(({ msg }) => msg === 'node connected', 30_000);
  expect(second.log.filter(({ msg }) => msg === 'node disconnected')).toEqual([]);
  expect([...again.faults(), ...second.faults(), ...node.faults()]).toEqual([]);
});

describe.each(KINDS)('$name', (mode) => {
  test.each(['hub', 'node'] as const)(
    'a %s that stops at once resets what it cuts, at both ends',
    async (who) => {
      const { hub, node } = await startPair(mode);
      const { stream, farOver } = await half(hub);
      expect(await (who === 'hub' ? hub : node).stop({ atOnce: true })).toEqual({ code: 0, signal: null });
      expect(await stream.over).toBe('ECONNRESET');
      expect(await farOver).toMatch(/ECONNRESET/);
      expect([...hub.faults(), ...node.faults()]).toEqual([]);
    },
  );
});

test('--drain says what open streams get to end; a container is killed after ten seconds', async () => {
  const hub = await startHub({ args: ['--drain', '0s'] });
  const { link } = await makeLink(hub);
  const node = await startNode({ links: [link] });
  await eventually(async () => expect(await listNodes(hub)).toMatchObject([{ connected: true }]));
  await half(hub);
  hub.signal('SIGTERM');
  expect(await hub.exited).toEqual({ code: 0, signal: null });
  expect(hub.log).toContainEqual(expect.objectContaining({ msg: expect.stringContaining('up to 0 s') }));
  node.signal('SIGTERM');
  expect(await node.exited).toEqual({ code: 0, signal: null });
  expect(node.log).toContainEqual(expect.objectContaining({ msg: expect.stringContaining('up to 8 s') }));
});

test('`restunnel stop` drains without a signal, and once more with --now cuts', async () => {
  const hub = await startHub({ args: ['--drain', '1h'] });
  const node = await startNode({ links: [(await makeLink(hub)).link] });
  await eventually(async () => expect(await listNodes(hub)).toMatchObject([{ connected: true }]));
  const ending = await half(hub);
  const cut = await half(hub);
  const stop = runCommand(['stop'], hub.dataDir);
  await hub.waitForLog(
    ({ msg }) => msg === 'stopping: up to 3600 s for open streams; a second signal stops at once',
  );
  ending.far.end(patternAt(100_000, 100_000));
  expect(await ending.stream.over).toBe('end');
  expect(ending.stream).toMatchObject({ received: 200_000, damaged: false });
  expect(await runCommand(['stop', 'hub', '--now'], hub.dataDir)).toMatchObject({
    stdout: expect.stringMatching(/has stopped\n$/),
  });
  expect(await stop).toMatchObject({ stdout: `the hub in ${hub.dataDir} has stopped\n` });
  expect(await cut.stream.over).toBe('ECONNRESET');
  expect(await hub.exited).toEqual({ code: 0, signal: null });
  expect(await runCommand(['stop'], node.dataDir)).toMatchObject({
    stdout: expect.stringMatching(/has stopped\n$/),
  });
  expect(await node.exited).toEqual({ code: 0, signal: null });
  expect([...hub.faults(), ...node.faults()]).toEqual([]);
});
