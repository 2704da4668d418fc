// A hub and a node as systemd services: ready, watched, stopping. A hanging engine thread must trigger the watchdog.

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { loadLibc } from '../../src/reactor/libc.ts';
import { NotifySocket } from '../cli/notifySocket.ts';
import { endAll, eventually, launchNode, listNodes, makeTempDir, pairNode, startHub } from './harness.ts';

afterEach(endAll);

const hanging = new URL('hangingThread.ts', import.meta.url).href;

/** A service manager's socket, and the environment that leads to it. */
function manager(role = '') {
  const folder = makeTempDir();
  const path = join(folder, 'notify');
  const hang = join(folder, 'hang');
  const socket = NotifySocket.bind(path)!;
  const env = {
    NOTIFY_SOCKET: path,
    WATCHDOG_USEC: '400000',
    NODE_OPTIONS: `--import=${hanging}`,
    HANG: hang,
    HANG_ROLE: role,
  };
  return { socket, env, hang };
}

describe.skipIf(loadLibc() === null)('as a service', () => {
  test('hub and node announce READY, keep-alives, their status and STOPPING', async () => {
    const ofHub = manager();
    const ofNode = manager();
    const hub = await startHub({ workers: 2, env: ofHub.env });
    await eventually(() => ofHub.socket.count('STATUS=0 nodes connected, 0 streams') > 0);
    const node = await pairNode(hub, { env: ofNode.env });
    await eventually(() => ofHub.socket.count('STATUS=1 node connected, 0 streams') > 0);
    await eventually(() => ofNode.socket.count('STATUS=connected to 1 of 1 hubs, 0 streams') > 0);
    for (const { socket } of [ofHub, ofNode]) await eventually(() => socket.count('WATCHDOG=1') > 2);
    await node.stop();
    await hub.stop();
    for (const { socket } of [ofHub, ofNode]) {
      await eventually(() => socket.count('STOPPING=1') === 1);
      expect(socket.received[0]).toMatch(/^READY=1\n/);
      expect(socket.count('READY=1')).toBe(1);
      socket.close();
    }
  });

  test('a node is ready once it runs, even when no hub answers', async () => {
    const { socket, env } = manager();
    const link = `restunnel://127.0.0.1:1/?k=${'A'.repeat(43)}&t=${'A'.repeat(43)}`;
    const node = launchNode({ links: [link], env });
    await eventually(() => socket.count('READY=1') === 1);
    await eventually(() => socket.count('STATUS=connected to 0 of 1 hubs, 0 streams') > 1);
    await node.stop();
    socket.close();
  });

  test.each(['front', 'worker', 'exit'])('a hanging %s thread: no more signs of life', async (role) => {
    const { socket, env, hang } = manager(role);
    const other = manager();
    const hub = await startHub({ workers: 1, env: role === 'exit' ? other.env : env });
    const node = await pairNode(hub, { env: role === 'exit' ? env : other.env });
    await eventually(() => socket.count('WATCHDOG=1') > 1);
    writeFileSync(hang, '');
    await eventually(() => existsSync(`${hang}.done`));
    const heard = socket.count('WATCHDOG=1');
    const beats = other.socket.count('WATCHDOG=1');
    await eventually(() => other.socket.count('WATCHDOG=1') - beats >= 5);
    // One may have been on its way.
    expect(socket.count('WATCHDOG=1') - heard).toBeLessThanOrEqual(1);
    if (role === 'front') expect(await listNodes(hub)).toHaveLength(1);
    for (const program of [hub, node]) await program.kill();
    socket.close();
    other.socket.close();
  });
});
