// Heavy load through a hub and one node: large transfers, thousands of streams, and a client that stops reading. Every byte is checked.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PROTOCOL } from '../../src/limits/wire.ts';
import {
  counters,
  type ExitNode,
  eventually,
  type Hub,
  KINDS,
  listNodes,
  type Mode,
  socketsOf,
  startPair,
  untilSocketsAreBack,
} from './harness.ts';
import { Origin, portOf, sendSeeded } from './origin.ts';
import { closeRawClients, dialConnect, dialSocks, type RawClient } from './rawClient.ts';
import { SeededCheck, seeded } from './seeded.ts';

const MIB = 2 ** 20;
/** Of heap, pools and what the allocator keeps: what a busy process may grow by without any stream of ours holding it. */
const SLACK_BYTES = 64 * MIB;
const TEST_MS = 120_000;

const origin = new Origin();

beforeAll(() => origin.start());
afterAll(async () => {
  closeRawClients();
  await origin.stop();
});

const isLong = (mode: Mode) => mode.workers === 0;

describe.each(KINDS)('$name', (mode) => {
  let hub: Hub;
  let node: ExitNode;
  let before: Record<'hub' | 'node', number>;

  beforeAll(async () => {
    ({ hub, node } = await startPair(mode));
    before = { hub: socketsOf(hub), node: socketsOf(node) };
  });

  afterAll(async () => {
    await eventually(async () =>
      expect((await listNodes(hub))[0]).toMatchObject({ connected: true, streams: 0 }),
    );
    expect([...hub.faults(), ...node.faults(), ...hub.complaints, ...node.complaints]).toEqual([]);
    expect(await node.stop()).toEqual({ code: 0, signal: null });
    expect(await hub.stop()).toEqual({ code: 0, signal: null });
  });

  /** A stream on which a pattern begins to arrive. */
  async function order(seed: number, bytes: number): Promise<RawClient> {
    return (await dialSocks(hub.socks, portOf(origin.source))).send(`${seed} ${bytes}\n`);
  }

  async function download(seed: number, bytes: number): Promise<void> {
    const check = new SeededCheck(seed);
    const client = await order(seed, bytes);
    await client.drainTo((chunk) => check.push(chunk));
    client.close();
    expect([check.bytes, check.wrongAt]).toEqual([bytes, -1]);
  }

  const bulkBytes = (isLong(mode) ? 1_024 : 256) * MIB;

  test(`${bulkBytes / MIB} MiB down`, { timeout: TEST_MS }, () => download(1, bulkBytes));

  test(`${bulkBytes / MIB} MiB up`, { timeout: TEST_MS }, async () => {
    const client = await dialConnect(hub.http, portOf(origin.sink));
    await sendSeeded(client.socket, 0, bulkBytes);
    client.endWriting();
    expect(JSON.parse((await client.takeAll()).toString())).toEqual({ bytes: bulkBytes, intact: true });
    client.close();
  });

  test('2,000 streams at once, each with bytes of its own', { timeout: TEST_MS }, async () => {
    const count = 2_000;
    const bytes = 40_000;
    const dial = (i: number) => (i % 2 === 0 ? dialSocks(hub.socks, echo) : dialConnect(hub.http, echo));
    const echo = portOf(origin.echo);
    const clients: RawClient[] = [];
    // In groups, since all of them at once would overflow queues of the system that are not ours.
    while (clients.length < count) {
      const group = Array.from({ length: 200 }, (_, i) => dial(clients.length + i));
      clients.push(...(await Promise.all(group)));
    }
    expect((await listNodes(hub))[0]).toMatchObject({ streams: count });
    const checks = clients.map((_, seed) => new SeededCheck(seed));
    const drained = clients.map((client, i) => client.drainTo((chunk) => checks[i]!.push(chunk)));
    for (const [seed, client] of clients.entries()) client.send(seeded(seed, bytes)).endWriting();
    await Promise.all(drained);
    for (const check of checks) expect([check.bytes, check.wrongAt]).toEqual([bytes, -1]);
    for (const client of clients) client.close();
    await untilSocketsAreBack(hub, before.hub);
    await untilSocketsAreBack(node, before.node);
  });

  test('a client that stops reading costs its window and slows nobody', { timeout: TEST_MS }, async () => {
    // Whatever pools and heaps grow to under load is there before we look.
    await Promise.all(Array.from({ length: 8 }, (_, seed) => download(seed, 16 * MIB)));
    const rss = () => ({ hub: counters(hub.pid).rssBytes, node: counters(node.pid).rssBytes });
    const idle = rss();

    const stalled = await order(99, 1_024 * MIB);
    await stalled.until(() => stalled.received.length > 0);
    stalled.socket.pause();
    await Promise.all(Array.from({ length: 8 }, (_, seed) => download(seed, 32 * MIB)));

    const after = rss();
    // What waits is copied once, into a buffer that doubles: at worst twice the window.
    const boundBytes = 2 * PROTOCOL.maxWindowBytes + SLACK_BYTES;
    expect(after.hub - idle.hub).toBeLessThan(boundBytes);
    expect(after.node - idle.node).toBeLessThan(boundBytes);

    // Not a byte was lost meanwhile.
    const check = new SeededCheck(99);
    const wanted = stalled.received.length + 2 * PROTOCOL.maxWindowBytes + 16 * MIB;
    const drained = stalled.drainTo((chunk) => check.push(chunk)).catch(() => {});
    stalled.socket.resume();
    await eventually(() => check.bytes > wanted);
    expect(check.wrongAt).toBe(-1);
    stalled.socket.resetAndDestroy();
    await drained;
  });
});
