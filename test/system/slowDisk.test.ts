// A disk that holds an fsync: only those wait whose own change is to be on the disk; everything else goes on.

import { get } from 'node:http';
import { afterAll, expect, test } from 'vitest';
import { ownerSocketPath } from '../../src/api/ownerSocket.ts';
import { needs } from '../require.ts';
import { endAll, eventually, type Hub, launchNode, pairNode, startHub } from './harness.ts';
import { HeldDisk } from './heldDisk.ts';
import { changeNode, nodeOf, revokeNode } from './ownerOf.ts';
import { Stream } from './stream.ts';
import { Target } from './target.ts';

afterAll(endAll);

const compiler = needs('cc');

/** Counts the ticks of the hub's live channel. */
class Viewer {
  ticks = 0;
  readonly #request;

  constructor(hub: Hub) {
    this.#request = get({ socketPath: ownerSocketPath(hub.dataDir), path: '/api/v1/live' }, (response) => {
      response.setEncoding('utf8').on('data', (text: string) => {
        this.ticks += text.split('event: tick\n').length - 1;
      });
    });
    this.#request.on('error', () => {});
  }

  async more(count: number): Promise<void> {
    const enough = this.ticks + count;
    await eventually(() => this.ticks >= enough, 30_000);
  }

  end(): void {
    this.#request.destroy();
  }
}

/** Whether a promise has settled. */
function watched<T>(promise: Promise<T>): { readonly promise: Promise<T>; isSettled: boolean } {
  const state = { promise, isSettled: false };
  const settle = () => {
    state.isSettled = true;
  };
  promise.then(settle, settle);
  return state;
}

test.skipIf(compiler.skip)(
  `while an fsync hangs, streams, the live channel and a revoke go on; devices and changes wait ${compiler.why}`,
  async () => {
    const disk = new HeldDisk();
    const target = await Target.start();
    const hub = await startHub({ env: disk.env });
    const [stays, comes] = [await pairNode(hub), await pairNode(hub)];
    await comes.stop();
    const viewer = new Viewer(hub);
    await viewer.more(1);
    const fetched = async () => {
      const stream = await Stream.open(hub.socks, target.port, 'send 1000');
      expect(await stream.over).toBe('end');
      return stream.received;
    };

    disk.hold();
    const change = watched(changeNode(hub, stays.ready.nodeId, { tags: ['slow'] }));
    const again = launchNode({ dataDir: comes.dataDir });
    await viewer.more(3);
    expect(await fetched()).toBe(1_000);
    expect((await nodeOf(hub, stays.ready.nodeId)).tags).toEqual([]);
    const revoke = watched(revokeNode(hub, stays.ready.nodeId));
    await hub.waitForLog(
      ({ msg, reason }) => msg === 'node disconnected' && reason === 'the node was revoked',
    );
    await viewer.more(1);
    expect([change.isSettled, revoke.isSettled]).toEqual([false, false]);
    const connected = hub.log.filter(({ msg }) => msg === 'node connected').length;
    expect(connected).toBe(2);

    disk.release();
    expect((await change.promise).tags).toEqual(['slow']);
    expect((await revoke.promise).revoked).toBe(true);
    await again.untilReady();
    expect(await fetched()).toBe(1_000);
    await eventually(async () => (await nodeOf(hub, stays.ready.nodeId)).state === 'revoked');
    expect(hub.faults()).toEqual([]);
    viewer.end();
    await Promise.all([hub.stop(), again.stop(), stays.kill()]);
    await target.close();
  },
  120_000,
);
