// A node with a rate that its owner sets on a running hub: bytes over time, in both directions, however they are spread over streams.

import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { NodeChange, NodeView } from '../../src/model/fleet.ts';
import {
  type ExitNode,
  endAll,
  eventually,
  type Hub,
  MODES,
  makeLink,
  startHub,
  startNode,
} from './harness.ts';
import { changeNode } from './ownerOf.ts';
import { closeRawClients, dialSocks, type RawClient } from './rawClient.ts';
import { sendPattern, Target } from './target.ts';

const MBIT = 40;
const RATE = (MBIT * 1_000_000) / 8;
/** Long enough that a burst, or a late turn of a busy machine, is a small part of it. */
const WINDOW_BYTES = 1.5 * RATE;
/** For measurements that a busy machine spoils. */
const PATIENCE_MS = 90_000;
const TEST_MS = 240_000;

let target: Target;

beforeAll(async () => {
  target = await Target.start();
});
afterEach(() => closeRawClients());
afterAll(() => target.close());

/** Bytes in one direction of all streams of a test. */
class Meter {
  bytes = 0;

  /** Counts what comes to a client, and keeps nothing of it. */
  watch({ socket }: RawClient): void {
    socket.removeAllListeners('data');
    socket.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length;
    });
  }
}

/** Bytes per second while the next `bytes` pass. */
async function rateOf(count: () => number, bytes: number): Promise<number> {
  const startBytes = count();
  const startMs = performance.now();
  await eventually(() => expect(count() - startBytes).toBeGreaterThan(bytes), 40_000);
  return ((count() - startBytes) * 1_000) / (performance.now() - startMs);
}

interface Expected {
  readonly bytes: number;
  /** Shares of RATE. */
  readonly least: number;
  readonly most: number;
}

const PACED: Expected = { bytes: WINDOW_BYTES, least: 0.9, most: 1.1 };
/** A busy machine makes fewer connections than the rate lets through. */
const SHORT_ANSWERS: Expected = { bytes: WINDOW_BYTES / 2, least: 0.1, most: 1.1 };
const A_TENTH: Expected = { bytes: RATE / 15, least: 0, most: 0.12 };
const UNPACED: Expected = { bytes: 6 * RATE, least: 2, most: Number.POSITIVE_INFINITY };

/**
 * Once in several measurements: on a busy machine one of them may have had too few turns, or all at once what had waited for a turn. A rate
 * that is wrong is so each time.
 */
async function expectRate(count: () => number, { bytes, least, most } = PACED): Promise<void> {
  await eventually(async () => {
    const share = (await rateOf(count, bytes)) / RATE;
    expect(share).toBeGreaterThan(least);
    expect(share).toBeLessThan(most);
  }, PATIENCE_MS);
}

describe.each(MODES)('$name', (mode) => {
  let hub: Hub;
  let paced: ExitNode;
  let free: ExitNode;

  beforeAll(async () => {
    hub = await startHub(mode);
    const start = async (name: string) =>
      startNode({
        io: mode.io,
        links: [(await makeLink(hub, ['--name', name])).link],
        args: ['--lanes', '1'],
      });
    [paced, free] = await Promise.all([start('paced'), start('free')]);
    await change('paced', { limits: { mbitPerSecond: MBIT } });
    await use('paced');
  });

  afterAll(async () => {
    const programs = [hub, paced, free];
    expect(programs.flatMap((program) => [...program.faults(), ...program.complaints])).toEqual([]);
    await endAll();
  });

  function change(node: string, what: NodeChange): Promise<NodeView> {
    return changeNode(hub, node, what);
  }

  /** New streams go to this node alone; those that are open stay where they are. */
  async function use(node: 'paced' | 'free'): Promise<void> {
    await change(node, { paused: false });
    await change(node === 'paced' ? 'free' : 'paced', { paused: true });
  }

  async function download(order: string, meter: Meter): Promise<RawClient> {
    const client = await dialSocks(hub.socks, target.port);
    meter.watch(client);
    return client.send(`${order}\n`);
  }

  async function upload(): Promise<Socket> {
    const client = await dialSocks(hub.socks, target.port);
    client.send('sink\n');
    sendPattern(client.socket, Number.POSITIVE_INFINITY);
    return client.socket;
  }

  test('both directions keep the rate at once over several streams, and another node is as fast as ever', {
    timeout: TEST_MS,
  }, async () => {
    const down = new Meter();
    const up = () => target.sunkBytes;
    for (let stream = 0; stream < 4; stream++) await download('flood', down);
    for (let stream = 0; stream < 2; stream++) await upload();
    // Sockets on the way fill up first.
    await Promise.all([rateOf(() => down.bytes, RATE / 2), rateOf(up, RATE / 2)]);
    await Promise.all([expectRate(() => down.bytes), expectRate(up)]);

    await use('free');
    const beside = new Meter();
    await download('flood', beside);
    await Promise.all([expectRate(() => beside.bytes, UNPACED), rateOf(() => down.bytes, RATE / 10)]);
    await use('paced');
  });

  test.runIf(mode.workers === 2 || mode.io === 'net')(
    'one stream has the whole of it, a new rate holds at once, and none lets it go',
    {
      timeout: TEST_MS,
    },
    async () => {
      const meter = new Meter();
      await change('paced', { limits: { mbitPerSecond: MBIT / 10 } });
      await download('flood', meter);
      await rateOf(() => meter.bytes, RATE / 20);
      await expectRate(() => meter.bytes, A_TENTH);
      await change('paced', { limits: { mbitPerSecond: MBIT } });
      await rateOf(() => meter.bytes, RATE / 2);
      await expectRate(() => meter.bytes);
      await change('paced', { limits: { mbitPerSecond: null } });
      await rateOf(() => meter.bytes, RATE);
      await expectRate(() => meter.bytes, UNPACED);
      await change('paced', { limits: { mbitPerSecond: MBIT } });
    },
  );

  test.runIf(mode.workers === 1)(
    'the rate applies to many short answers too',
    { timeout: TEST_MS },
    async () => {
      const meter = new Meter();
      let over = false;
      const ask = async () => {
        while (!over) {
          const client = await download('send 60000', meter);
          await new Promise((resolve) =>
            client.socket.once('close', resolve).once('end', () => client.close()),
          );
        }
      };
      const asking = Array.from({ length: 24 }, ask);
      try {
        await rateOf(() => meter.bytes, RATE / 2);
        await expectRate(() => meter.bytes, SHORT_ANSWERS);
      } finally {
        over = true;
        await Promise.all(asking);
      }
    },
  );
});
