// The owner's commands against a running hub and a busy device: they show the truth, and their changes take effect.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, pairNode, runCommand, startHub } from './harness.ts';
import { openStreams, Refused, Stream } from './stream.ts';
import { Target } from './target.ts';

let target: Target;
beforeAll(async () => {
  target = await Target.start();
});
afterAll(() => target.close());

test('a busy device is shown, limited, paused and resumed; each change leaves an event', async () => {
  const hub = await startHub();
  const { dataDir } = hub;
  const node = await pairNode(hub);
  const { nodeId: id } = node.ready;
  const ask = async (...args: string[]) =>
    JSON.parse((await runCommand([...args, '--json'], dataDir)).stdout);
  const streams = await openStreams(hub.socks, target.port, 'hold', 3);

  const seen = await eventually(async () => {
    const status = await ask('status');
    expect(status.nodes[0]).toMatchObject({ id, state: 'connected', streams: 3 });
    return status;
  });
  expect(seen.hub).toMatchObject({
    addresses: { socks: hub.ready.socks, tunnel: hub.ready.tunnel },
    nodesConnected: 1,
    nodesPaired: 1,
  });
  expect((await runCommand(['status'], dataDir)).stdout).toContain('1 of 1 nodes connected');

  const limited = await ask('nodes', 'set', id, '--streams', '3', '--tags', 'lte');
  expect(limited).toMatchObject({ id, tags: ['lte'], limits: { streams: 3 } });
  await eventually(() => expect(Stream.open(hub.socks, target.port, 'hold')).rejects.toThrow(Refused));
  await ask('nodes', 'set', id, '--streams', 'none');
  expect(await ask('nodes', 'pause', id)).toMatchObject({ state: 'paused', paused: true });
  await eventually(() => expect(Stream.open(hub.socks, target.port, 'hold')).rejects.toThrow(Refused));
  await ask('nodes', 'resume', id);
  const more = await eventually(() => openStreams(hub.socks, target.port, 'hold', 1));
  expect(await ask('nodes', 'show', id)).toMatchObject({ id, connects: { succeeded: expect.any(Number) } });

  const kinds = (await ask('events', '--node', id)).map(({ kind }: { kind: string }) => kind);
  expect(kinds).toEqual(['paired', 'connected', 'changed', 'changed', 'changed', 'changed']);
  expect((await runCommand(['events', '--kind', 'hubStarted'], dataDir)).stdout).toMatch(/ hubStarted /);
  for (const { socket } of [...streams, ...more]) socket.destroy();
  await Promise.all([node.stop(), hub.stop()]);
});
