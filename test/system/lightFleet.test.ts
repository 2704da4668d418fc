// LightNodes behave like nodes: they pair, connect, serve requests, vanish and return.

import { expect, test } from 'vitest';
import { askOnce, openStream, whoServes } from '../../bench/fleet/ask.ts';
import { eventually, startHub } from './harness.ts';
import { startFleet } from './lightFleet.ts';

test('a fleet of light nodes serves streams, vanishes and comes back', async () => {
  const hub = await startHub({ workers: 1 });
  const nodes = await startFleet(hub, 5);
  const ids = nodes.map(({ id }) => id).sort();
  const open = await Promise.all(nodes.map(() => openStream(hub)));
  const served = await Promise.all(open.map((socket) => whoServes(socket)));
  for (const id of served) expect(ids).toContain(id);
  expect(nodes.reduce((sum, { streams }) => sum + streams, 0)).toBe(5);
  for (const node of nodes.slice(1)) node.vanish();
  await eventually(() => expect(open.filter(({ destroyed }) => !destroyed).length).toBeLessThan(5));
  await eventually(async () => expect(await askOnce(hub)).toBe(nodes[0]!.id));
  await Promise.all(nodes.slice(1).map((node) => node.connect()));
  // A node with a stream less is preferred.
  for (const socket of open) socket.destroy();
  const back = new Set<string>();
  await eventually(async () => {
    back.add(await askOnce(hub));
    expect(back.size).toBe(5);
  });
  for (const node of nodes) node.vanish();
  await hub.stop();
});
