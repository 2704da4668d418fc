// Programs whose engine threads rehearse, as users' do: other system tests switch it off, since they count descriptors.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type ExitNode,
  eventually,
  type Hub,
  launchNode,
  makeLink,
  pairNode,
  socketsOf,
  startHub,
  untilSocketsAreBack,
} from './harness.ts';
import { Stream } from './stream.ts';
import { Target } from './target.ts';

const BYTES = 3_000_000;
/** The listeners of a hub's rehearsal and its tunnel, each with its far end. */
const REHEARSAL_SOCKETS = 6;
const env = { RESTUNNEL_REHEARSAL: '' };

let target: Target;
beforeAll(async () => {
  target = await Target.start();
});
afterAll(() => target.close());

describe.skipIf(process.platform !== 'linux').each([0, 2])('with %i workers', (workers) => {
  /** In the middle of the hub's rehearsal. `atRest`: the hub's sockets before and behind it. */
  async function rehearsing(): Promise<{ hub: Hub; node: ExitNode; atRest: number }> {
    const hub = await startHub({ io: 'epoll', workers, env });
    const { link } = await makeLink(hub);
    const atRest = socketsOf(hub) + 1;
    const node = launchNode({ links: [link], env });
    await eventually(() => socketsOf(hub) >= atRest + REHEARSAL_SOCKETS);
    return { hub, node: await node.untilReady(), atRest };
  }

  async function fetchWhole(hub: Hub): Promise<void> {
    const stream = await Stream.open(hub.socks, target.port, `send ${BYTES}`);
    expect(await stream.over).toBe('end');
    expect(stream).toMatchObject({ received: BYTES, damaged: false });
    stream.socket.destroy();
  }

  async function endWell(...programs: (Hub | ExitNode)[]): Promise<void> {
    for (const program of programs) {
      expect([...program.faults(), ...program.complaints]).toEqual([]);
      expect(await program.stop()).toEqual({ code: 0, signal: null });
    }
  }

  test('a rehearsal leaves nothing behind, and clients are served', async () => {
    const { hub, node, atRest } = await rehearsing();
    await untilSocketsAreBack(hub, atRest);
    const other = await pairNode(hub);
    await untilSocketsAreBack(node, socketsOf(other));
    await other.stop();
    await fetchWhole(hub);
    await endWell(node, hub);
  });

  test('a client that comes in the middle of one is served', async () => {
    const { hub, node, atRest } = await rehearsing();
    await fetchWhole(hub);
    await untilSocketsAreBack(hub, atRest);
    await endWell(node, hub);
  });
});
