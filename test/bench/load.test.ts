// The load processes catch what a proxy could do wrong: other bytes, too few, too many, another stream's.

import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { HEAD_BYTES, readHead, writeHead } from '../../bench/load/head.ts';
import { Client, startOrigin } from '../../bench/load/loadProcess.ts';
import type { Load, Tally, Way } from '../../bench/load/orders.ts';
import { Pattern, PERIOD_BYTES, PIECE_BYTES } from '../../bench/load/pattern.ts';
import { LOOPBACK } from '../../bench/peers/peer.ts';
import { epollAvailable } from '../../src/reactor/create.ts';
import { NetReactor } from '../../src/reactor/net/netReactor.ts';

const TIMEOUT_MS = 20_000;
const DOWN: Load = { kind: 'transfer', requestBytes: 0, responseBytes: 100_000 };

let cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
  cleanups = [];
});

describe('the pattern', () => {
  const pattern = new Pattern(new NetReactor());
  const taken = (key: number, position: number, length: number): Buffer => {
    const from = pattern.offset(key, position);
    return Buffer.from(pattern.slab.bytes.slice(from, from + length));
  };

  test('compares equal to itself at any place, and in a piece of any length', () => {
    for (const [key, position, length] of [
      [0, 0, 1],
      [5, PERIOD_BYTES - 3, 10],
      [77, 1e12, PIECE_BYTES],
    ] as const) {
      expect(pattern.matches(key, position, taken(key, position, length), 0, length)).toBe(true);
    }
  });

  test('tells a changed byte, a shift, and another stream', () => {
    const length = 4_096;
    const bytes = taken(3, 1_000, length);
    expect(pattern.matches(3, 1_001, bytes, 0, length)).toBe(false);
    expect(pattern.matches(3, 1_000 + 65_536, bytes, 0, length)).toBe(false);
    expect(pattern.matches(4, 1_000, bytes, 0, length)).toBe(false);
    bytes[length - 1]! ^= 1;
    expect(pattern.matches(3, 1_000, bytes, 0, length)).toBe(false);
  });
});

test('a head is read as it was written, and nothing else is one', () => {
  const view = new DataView(new ArrayBuffer(HEAD_BYTES));
  const head = { key: 0xfedc_ba98, requestBytes: 64, responseBytes: 1e12 };
  writeHead(view, 0, head);
  expect(readHead(view, 0)).toEqual(head);
  view.setUint8(0, 0);
  expect(readHead(view, 0)).toBeNull();
});

describe.skipIf(!epollAvailable())('the client', () => {
  test('takes what the origin sends', async () => {
    const origin = await startOrigin({ ...LOOPBACK, originHosts: LOOPBACK.originHosts.slice(0, 2) });
    cleanups.push(() => origin.process.stop());
    const tally = await carry({ proxy: null, targets: origin.addresses }, DOWN);
    expect(tally).toMatchObject({ completed: 2, failed: 0, bytesDown: 200_000 });
  });

  test('refuses wrong bytes', async () => {
    const tally = await carry(await serveThrough((bytes) => bytes.fill(0)), DOWN);
    expect(tally).toMatchObject({ completed: 0, failed: 2, failures: ['wrong bytes', 'wrong bytes'] });
  });

  test('refuses one bit that was turned over', async () => {
    let seen = 0;
    const way = await serveThrough((bytes) => {
      const at = 70_000 - seen;
      if (at >= 0 && at < bytes.length) bytes[at]! ^= 4;
      seen += bytes.length;
      return bytes;
    });
    const tally = await carry(way, DOWN, 1);
    expect(tally).toMatchObject({ completed: 0, failed: 1, failures: ['wrong bytes'] });
  });

  test('refuses more bytes than it asked for', async () => {
    let sent = 0;
    const way = await serveThrough((bytes, to) => {
      sent += bytes.length;
      if (sent === 100_000) to.write(Buffer.concat([bytes, Buffer.alloc(1)]));
      else to.write(bytes);
      return null;
    });
    const tally = await carry(way, DOWN, 1);
    expect(tally.failures).toEqual(['more bytes than asked for']);
  });

  test('refuses a stream that ends early', async () => {
    const way = await serveThrough((_bytes, to) => {
      to.end();
      return null;
    });
    expect((await carry(way, DOWN, 1)).failures).toEqual(['ended early']);
  });

  test('says why it got no stream', async () => {
    const server = await listening(createServer());
    const { port } = server.address() as AddressInfo;
    await closed(server);
    const client = await started();
    const way = { proxy: null, targets: [{ host: '127.0.0.1', port }] };
    const tally = await client.open('refused', way, 1, DOWN, TIMEOUT_MS);
    expect(tally).toMatchObject({ failed: 1, failures: ['connect: errno 111'] });
  });

  test('is refused by the origin when it sends other bytes than it announced', async () => {
    const origin = await startOrigin({ ...LOOPBACK, originHosts: LOOPBACK.originHosts.slice(0, 1) });
    cleanups.push(() => origin.process.stop());
    const way = await relayTo(origin.addresses[0]!, (bytes) => {
      // The head stays as it is.
      if (bytes.length > HEAD_BYTES) bytes[bytes.length - 1]! ^= 1;
      return bytes;
    });
    const up: Load = { kind: 'transfer', requestBytes: 100_000, responseBytes: 16 };
    const tally = await carry(way, up, 1);
    expect(tally).toMatchObject({ completed: 0, failed: 1 });
    origin.process.order({ do: 'look' });
    const news = await origin.process.await('so far', TIMEOUT_MS, ({ news }) => news === 'so far');
    expect(news).toMatchObject({ wrong: 1 });
  });
});

async function started(): Promise<Client> {
  const client = await Client.start();
  cleanups.push(() => client.process.stop());
  return client;
}

async function carry(way: Way, load: Load, streams = 2): Promise<Tally> {
  const client = await started();
  expect(await client.open('load', way, streams, load, TIMEOUT_MS)).toMatchObject({ failed: 0 });
  client.go('load');
  return client.done('load', TIMEOUT_MS);
}

type Change = (bytes: Buffer, to: Socket) => Buffer | null;

/** An origin behind something that changes what comes from it. */
async function serveThrough(change: Change): Promise<Way> {
  const origin = await startOrigin({ ...LOOPBACK, originHosts: LOOPBACK.originHosts.slice(0, 1) });
  cleanups.push(() => origin.process.stop());
  return relayTo(origin.addresses[0]!, null, change);
}

async function relayTo(
  { host, port }: { host: string; port: number },
  up: Change | null,
  down: Change | null = null,
): Promise<Way> {
  const { connect } = await import('node:net');
  const server = await listening(
    createServer((near) => {
      const far = connect(port, host);
      const pass = (from: Socket, to: Socket, change: Change | null): void => {
        from.on('error', () => to.destroy());
        from.on('close', () => to.destroy());
        from.on('data', (bytes: Buffer) => {
          const changed = change === null ? bytes : change(bytes, to);
          if (changed !== null) to.write(changed);
        });
      };
      pass(near, far, up);
      pass(far, near, down);
    }),
  );
  cleanups.push(() => closed(server));
  return { proxy: null, targets: [{ host: '127.0.0.1', port: (server.address() as AddressInfo).port }] };
}

async function listening(server: Server): Promise<Server> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
