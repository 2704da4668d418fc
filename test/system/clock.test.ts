// Clocks set back between two runs and during one, and a hub restored from an older backup: service returns, and no device that is still in
// the store is locked out.

import { cpSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  type ExitNode,
  endAll,
  eventually,
  type Hub,
  launchNode,
  listNodes,
  makeLink,
  makeTempDir,
  pairNode,
  startHub,
  startNode,
} from './harness.ts';
import { Stream } from './stream.ts';
import { Target } from './target.ts';

// Nodes wait between dials, and a hub is silent for a while before it ends a stranger.
vi.setConfig({ testTimeout: 120_000 });

const DAY_MS = 86_400_000;
const preload = `--import=${new URL('shiftedClock.ts', import.meta.url).href}`;
const clock = (shiftMs: number, jumpMs = 0): NodeJS.ProcessEnv => ({
  NODE_OPTIONS: preload,
  CLOCK_SHIFT_MS: String(shiftMs),
  CLOCK_JUMP_MS: String(jumpMs),
});

let target: Target;
beforeEach(async () => {
  target = await Target.start();
});
afterEach(async () => {
  await endAll();
  await target.close();
});

async function fetchSome(hub: Hub): Promise<void> {
  const stream = await Stream.open(hub.socks, target.port, 'send 300000');
  expect(await stream.over).toBe('end');
  expect(stream).toMatchObject({ received: 300_000, damaged: false });
}

function samePlace(hub: Hub) {
  const { tunnel, socks, http } = hub.ready;
  return { dataDir: hub.dataDir, args: ['--tunnel', tunnel, '--socks', socks, '--http', http] };
}

test("the node's clock went back a day between two runs, and again before the next", async () => {
  const hub = await startHub();
  let node = await pairNode(hub, { env: clock(DAY_MS) });
  for (const shiftMs of [0, -DAY_MS, -10 * DAY_MS]) {
    await node.stop();
    node = await startNode({ dataDir: node.dataDir, env: clock(shiftMs) });
    await fetchSome(hub);
  }
  // In the middle of a run, and a new session after it.
  await node.kill();
  node = await startNode({ dataDir: node.dataDir, env: clock(0, -DAY_MS) });
  node.signal('SIGUSR2');
  await eventually(() => node.complaints.includes('the clock jumped'));
  const again = await restarted(hub);
  await again.waitForLog(({ msg }) => msg === 'node connected', 30_000);
  await fetchSome(again);
});

async function restarted(hub: Hub, env: NodeJS.ProcessEnv = {}): Promise<Hub> {
  await hub.stop();
  return startHub({ ...samePlace(hub), env });
}

test("the hub's clock went back a day between two runs: nodes return, and new ones can pair", async () => {
  const ahead = await startHub({ env: clock(DAY_MS) });
  const node = await pairNode(ahead);
  const { link } = await makeLink(ahead);
  const hub = await restarted(ahead, clock(0));
  await hub.waitForLog(({ msg }) => msg === 'node connected', 30_000);
  await fetchSome(hub);
  const other = await startNode({ links: [link] });
  const third = await pairNode(hub);
  const ids = (await listNodes(hub)).filter(({ connected }) => connected).map(({ id }) => id);
  expect(ids.sort()).toEqual([node, other, third].map(({ ready }) => ready.nodeId).sort());
  // And ahead again: a link of before is past its time then, nodes are not.
  const { link: old } = await makeLink(hub);
  const later = await restarted(hub, clock(DAY_MS));
  await eventually(async () => {
    expect((await listNodes(later)).map(({ connected }) => connected)).toEqual([true, true, true]);
  }, 30_000);
  const late = launchNode({ links: [old] });
  await later.waitForLog(({ msg, why }) => msg === 'a device was refused' && why === 'token');
  await late.stop();
});

test('a clock set back during a drain does not lengthen it', async () => {
  const stopAndJump = async (hub: Hub, drained: Hub | ExitNode) => {
    const stream = await Stream.open(hub.socks, target.port, 'hold');
    drained.signal('SIGTERM');
    await drained.waitForLog(({ msg }) => msg.startsWith('stopping'));
    drained.signal('SIGUSR2');
    await eventually(() => drained.complaints.includes('the clock jumped'));
    expect(await drained.exited).toEqual({ code: 0, signal: null });
    expect(await stream.over).toBe('ECONNRESET');
  };
  const env = clock(0, -DAY_MS);
  const hubs = await Promise.all([startHub({ env }), startHub()]);
  const nodes = await Promise.all([pairNode(hubs[0]), pairNode(hubs[1], { env })]);
  await Promise.all([stopAndJump(hubs[0], hubs[0]), stopAndJump(hubs[1], nodes[1])]);
});

test('a hub restored from a backup: its nodes return by themselves, nodes paired later must pair again', async () => {
  const files = ['hub.db', 'hub.db-wal', 'hub.db-shm'];
  const backup = makeTempDir();
  let hub = await startHub();
  const early = await pairNode(hub);
  await hub.stop();
  for (const file of files.filter((name) => existsSync(join(hub.dataDir, name)))) {
    cpSync(join(hub.dataDir, file), join(backup, file));
  }
  hub = await startHub(samePlace(hub));
  await hub.waitForLog(({ msg }) => msg === 'node connected', 30_000);
  const late = await pairNode(hub);
  await hub.stop();

  for (const file of files) rmSync(join(hub.dataDir, file), { force: true });
  cpSync(backup, hub.dataDir, { recursive: true });
  hub = await startHub(samePlace(hub));
  const { nodeId } = early.ready;
  await hub.waitForLog(({ msg, node }) => msg === 'node connected' && node === nodeId, 30_000);
  await fetchSome(hub);
  await hub.waitForLog(({ msg, why }) => msg === 'a device was refused' && why === 'unknown', 30_000);
  const said = await late.waitForLog(({ msg }) => msg.includes('not paired with it'), 30_000);
  expect(said.msg).toContain('restunnel pair');
  await late.stop();
  const again = await startNode({ dataDir: late.dataDir, links: [(await makeLink(hub)).link] });
  expect(again.ready.nodeId).toBe(late.ready.nodeId);
  expect((await listNodes(hub)).map(({ connected }) => connected)).toEqual([true, true]);
  expect(hub.faults()).toEqual([]);
});
