// UDP ASSOCIATE through real hubs and nodes, in every mode of the hub.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  counters,
  type ExitNode,
  eventually,
  type Hub,
  KINDS,
  pairNode,
  socketsOf,
  startHub,
  startPair,
  untilSocketsAreBack,
} from './harness.ts';
import { seeded } from './seeded.ts';
import { closeUdp, socksDatagram, UdpClient, UdpOrigin } from './socksUdp.ts';

const LOOPBACK = [127, 0, 0, 1];
const IPV6_LOOPBACK = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

afterAll(closeUdp);

describe.each(KINDS)('$name', (mode) => {
  let hub: Hub;
  let node: ExitNode;
  let origin: UdpOrigin;
  let socketsBefore = { hub: 0, node: 0 };

  const nothingStays = async () => {
    await untilSocketsAreBack(hub, socketsBefore.hub);
    await untilSocketsAreBack(node, socketsBefore.node);
  };

  beforeAll(async () => {
    ({ hub, node } = await startPair(mode));
    origin = await UdpOrigin.start();
    socketsBefore = { hub: socketsOf(hub), node: socketsOf(node) };
  });

  afterAll(async () => {
    closeUdp();
    await nothingStays();
    expect([...hub.faults(), ...node.faults(), ...hub.complaints, ...node.complaints]).toEqual([]);
    expect(await node.stop()).toEqual({ code: 0, signal: null });
    expect(await hub.stop()).toEqual({ code: 0, signal: null });
  });

  test('there and back: to an address and a name, empty and large, to two origins at once', async () => {
    const client = await UdpClient.associate(hub.socks);
    expect(client.relay.host).toBe('127.0.0.1');
    client.send(LOOPBACK, origin.port, 'hello');
    expect(await client.next()).toEqual({
      host: '127.0.0.1',
      port: origin.port,
      data: Buffer.from('re:hello'),
    });
    client.send('localhost', origin.port, 'by name');
    expect((await client.next()).data.toString()).toBe('re:by name');
    client.send('127.0.0.1', origin.port, 'a literal as a name');
    expect((await client.next()).data.toString()).toBe('re:a literal as a name');
    client.send(LOOPBACK, origin.port, '');
    expect((await client.next()).data.toString()).toBe('re:');
    // Its answer, three bytes longer, is the largest that SOCKS can carry: 65,507 less its header.
    const large = seeded(7, 65_494);
    client.send(LOOPBACK, origin.port, large);
    expect((await client.next()).data.subarray(3).equals(large)).toBe(true);
    const second = await UdpOrigin.start('::1');
    client.send(IPV6_LOOPBACK, second.port, 'six');
    expect(await client.next()).toEqual({
      host: Buffer.from(IPV6_LOOPBACK).toString('hex'),
      port: second.port,
      data: Buffer.from('re:six'),
    });
    client.close();
    second.close();
  });

  test('many associations, each gets its own answers whole', async () => {
    const clients = await Promise.all(
      Array.from({ length: 20 }, () => UdpClient.associate(hub.socks, 'own')),
    );
    await Promise.all(
      clients.map(async (client, number) => {
        const earlier: Buffer[] = [];
        for (let round = 0; round < 20; round++) {
          const data = seeded(number * 100 + round, 1 + ((number * 131 + round * 977) % 1_400));
          await client.ask(LOOPBACK, origin.port, data, earlier);
          earlier.push(data);
        }
      }),
    );
    for (const client of clients) client.close();
  });

  test('fragments, broken headers and strangers are dropped', async () => {
    const client = await UdpClient.associate(hub.socks);
    // Not pinned by what is no datagram.
    const stranger = createSocket('udp4');
    stranger.bind(0, '127.0.0.1');
    await once(stranger, 'listening');
    const heard = origin.heard.length;
    stranger.send('junk', client.relay.port, client.relay.host);
    client.send(LOOPBACK, origin.port, 'fragment', 1);
    client.sendRaw(Buffer.from([0, 0, 0, 1, 127, 0]));
    client.sendRaw(Buffer.from([0, 0, 0, 9, 127, 0, 0, 1, 1, 1]));
    client.send(LOOPBACK, origin.port, 'whole');
    expect((await client.next()).data.toString()).toBe('re:whole');
    stranger.send(socksDatagram(LOOPBACK, origin.port, 'stolen'), client.relay.port, client.relay.host);
    client.send(LOOPBACK, origin.port, 'own');
    expect((await client.next()).data.toString()).toBe('re:own');
    expect(origin.heard.slice(heard).map(({ data }) => data.toString())).toEqual(['whole', 'own']);
    stranger.close();
    client.close();
  });

  test('the port that a client announced is the only one', async () => {
    const client = await UdpClient.associate(hub.socks, 1);
    const other = await UdpClient.associate(hub.socks);
    const heard = origin.heard.length;
    client.send(LOOPBACK, origin.port, 'from another port');
    other.send(LOOPBACK, origin.port, 'behind it');
    await other.next();
    expect(origin.heard.slice(heard).map(({ data }) => data.toString())).toEqual(['behind it']);
    client.close();
    other.close();
  });

  test('only a peer that was sent to may answer', async () => {
    const client = await UdpClient.associate(hub.socks);
    client.send(LOOPBACK, origin.port, 'open');
    await client.next();
    const { from } = origin.heard.at(-1)!;
    const unknown = createSocket('udp4');
    unknown.bind(0, '127.0.0.2');
    await once(unknown, 'listening');
    unknown.send('from a stranger', from.port, '127.0.0.1');
    client.send(LOOPBACK, origin.port, 'again');
    expect((await client.next()).data.toString()).toBe('re:again');
    expect(client.received).toEqual([]);
    unknown.close();
    client.close();
  });

  test('a burst is dropped, not queued, and the association lives on', async () => {
    const client = await UdpClient.associate(hub.socks);
    const rssBefore = counters(hub.pid).rssBytes + counters(node.pid).rssBytes;
    const data = seeded(3, 1_200);
    for (let n = 0; n < 5_000; n++) client.send(LOOPBACK, origin.port, data);
    await eventually(() => {
      client.send(LOOPBACK, origin.port, 'after the burst');
      expect(client.received.some((one) => one.data.toString() === 're:after the burst')).toBe(true);
    });
    for (const { data: got } of client.received) {
      if (got.length > 100) expect(got.subarray(3).equals(data)).toBe(true);
    }
    const grown = counters(hub.pid).rssBytes + counters(node.pid).rssBytes - rssBefore;
    expect(grown).toBeLessThan(64 * 2 ** 20);
    client.close();
  });

  test('ends with the connection of the client', async () => {
    const client = await UdpClient.associate(hub.socks);
    client.send(LOOPBACK, origin.port, 'open');
    await client.next();
    client.control.end();
    await eventually(() => expect(client.controlClosed).toBe(true));
    await nothingStays();
    client.close();
  });
});

describe('policy and loss', () => {
  test('a private target is refused for each datagram, an allowed one passes', async () => {
    const hub = await startHub();
    const origin = await UdpOrigin.start();
    const other = await UdpOrigin.start();
    await pairNode(hub, { allowTargets: [`127.0.0.1/32:${origin.port}`] });
    const client = await UdpClient.associate(hub.socks);
    client.send(LOOPBACK, other.port, 'refused');
    client.send('localhost', other.port, 'refused by name');
    client.send([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127, 0, 0, 1], other.port, 'refused in disguise');
    client.send([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127, 0, 0, 1], origin.port, 'allowed in disguise');
    expect((await client.next()).data.toString()).toBe('re:allowed in disguise');
    client.send('localhost', origin.port, 'allowed');
    expect((await client.next()).data.toString()).toBe('re:allowed');
    expect(other.heard).toEqual([]);
    client.close();
    await hub.stop({ atOnce: true });
  });

  test('a lost node ends its associations; without one there are none', async () => {
    const hub = await startHub({ workers: 1 });
    await expect(UdpClient.associate(hub.socks)).rejects.toThrow('reply 1');
    const node = await pairNode(hub);
    const origin = await UdpOrigin.start();
    const client = await UdpClient.associate(hub.socks);
    client.send(LOOPBACK, origin.port, 'open');
    await client.next();
    await node.kill();
    await eventually(() => expect(client.controlClosed).toBe(true));
    await expect(UdpClient.associate(hub.socks)).rejects.toThrow('reply 1');
    await hub.stop({ atOnce: true });
  });
});
