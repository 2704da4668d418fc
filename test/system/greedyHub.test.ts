// A hub that opens all the streams it can at a node with few descriptors: the node's other hub finds room.

import { afterEach, expect, test } from 'vitest';
import { type Address, endAll, makeLink, startHub, startNode } from './harness.ts';
import { Refused, Stream } from './stream.ts';
import { Target } from './target.ts';

const DESCRIPTORS = 256;

let target: Target | null = null;
afterEach(async () => {
  await endAll();
  await target?.close();
});

test('one hub leaves the other its share of the descriptors', async () => {
  target = await Target.start();
  const [greedy, other] = await Promise.all([startHub(), startHub()]);
  const links = [(await makeLink(greedy)).link, (await makeLink(other)).link];
  const node = await startNode({ links, descriptors: DESCRIPTORS });
  for (const { ready } of [greedy, other])
    await node.waitForLog(({ msg, hub }) => msg === 'connected to the hub' && hub === ready.tunnel);
  const { port } = target;
  const hold = (socks: Address) => Stream.open(socks, port, 'hold').catch((error: unknown) => error);
  let held = 0;
  for (; held < DESCRIPTORS; held++) if ((await hold(greedy.socks)) instanceof Refused) break;
  expect(held).toBeGreaterThan(DESCRIPTORS / 2);
  expect(held).toBeLessThan(DESCRIPTORS);
  const stream = await Stream.open(other.socks, port, 'send 300000');
  expect(await stream.over).toBe('end');
  expect(node.faults()).toEqual([]);
});
