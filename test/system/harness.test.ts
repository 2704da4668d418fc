// The harness itself: the programs it starts are ready, can be inspected, and end with the documented exit codes.

import { expect, test } from 'vitest';
import {
  counters,
  eventually,
  type Hub,
  listNodes,
  MODES,
  pairNode,
  startHub,
  startQuickstart,
} from './harness.ts';

test.each(MODES)('a hub and its node start, connect and exit with 0: $name', async (mode) => {
  const hub = await startHub(mode);
  const node = await pairNode(hub, { io: mode.io });
  await hub.waitForLog(({ msg }) => msg === 'node connected');
  await eventually(async () => (await listNodes(hub)).every(({ connected }) => connected));
  for (const { pid } of [hub, node]) {
    const { fds, rssBytes, threads } = counters(pid);
    expect(fds.socket).toBeGreaterThan(0);
    expect(rssBytes).toBeGreaterThan(10_000_000);
    expect(threads).toBeGreaterThan(1);
  }
  expect(await node.stop()).toEqual({ code: 0, signal: null });
  await hub.waitForLog(({ msg }) => msg === 'node disconnected');
  expect(await hub.stop()).toEqual({ code: 0, signal: null });
  expect([...hub.faults(), ...node.faults(), ...hub.complaints, ...node.complaints]).toEqual([]);
});

test('quickstart is ready once its own node is connected', async () => {
  const hub: Hub = await startQuickstart();
  const { socks, http } = hub;
  expect(socks.port).not.toBe(http.port);
  await eventually(() => expect(hub.stdout).toContain(`socks5h://${socks.host}:${socks.port}`));
  expect(await hub.stop()).toEqual({ code: 0, signal: null });
});

test('a program that cannot start says why', async () => {
  await expect(startHub({ args: ['--no-such-option'] })).rejects.toThrow('no-such-option');
});
