// A node whose system calls fail for want of descriptors: its periodic tasks go on, the owner reads of it once, and streams are served.

import { afterEach, expect, test } from 'vitest';
import { endAll, pairNode, startHub } from './harness.ts';
import { Stream } from './stream.ts';
import { Target } from './target.ts';

const preload = `--import=${new URL('withoutDescriptors.ts', import.meta.url).href}`;

const UNLISTED =
  "this device's addresses cannot be listed; the node refuses only those IPv6 networks that it finds out otherwise";

let target: Target | null = null;
afterEach(async () => {
  await endAll();
  await target?.close();
});

test('a node that can list no addresses and read no files goes on, and says so once', async () => {
  target = await Target.start();
  const hub = await startHub();
  const node = await pairNode(hub, { env: { NODE_OPTIONS: preload } });
  node.signal('SIGUSR2');
  await node.waitForLog(({ msg }) => msg === 'the system failed often enough');
  const stream = await Stream.open(hub.socks, target.port, 'send 300000');
  expect(await stream.over).toBe('end');
  expect(stream).toMatchObject({ received: 300_000, damaged: false });
  node.signal('SIGUSR2');
  await node.waitForLog(({ msg }) => msg === `over: ${UNLISTED}`);
  const told = node.log.filter(({ msg }) => msg === UNLISTED);
  expect(told.length).toBe(1);
  expect(node.log.filter(({ level, msg }) => level >= 40 && msg !== told[0]!.msg)).toEqual([]);
  expect(node.faults()).toEqual([]);
});
