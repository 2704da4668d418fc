// UDP ASSOCIATE on a hub and its exit in virtual time: how associations end, and that nothing of them is left.

import { afterEach, describe, expect, test } from 'vitest';
import { UDP } from '../../src/limits/datagrams.ts';
import { CAPABILITY, OFFERED_CAPABILITIES } from '../../src/noise/payload.ts';
import { socksDatagram } from '../system/socksUdp.ts';
import { type Failure, Plan } from './failingReactor.ts';
import type { MemoryReactor } from './memoryReactor.ts';
import { Rig } from './rig.ts';
import { Client, ORIGIN_PORT, Talker } from './udpClients.ts';

const SECOND_MS = 1_000;

let rig: Rig;
let net: MemoryReactor;
let origin: Talker;

function start(
  rings: boolean,
  capabilities: number = OFFERED_CAPABILITIES,
  failure: Failure | null = null,
): void {
  rig = new Rig(new Plan(failure), rings, capabilities);
  net = rig.net;
  origin = new Talker(net, ORIGIN_PORT, true);
  expect(net.runUntil(() => rig.up > 0, net.nowMs + 60_000)).toBe(true);
}

function until(done: () => boolean, ms = 10 * SECOND_MS): boolean {
  return net.runUntil(done, net.nowMs + ms);
}

function associate(): Client {
  const client = new Client(net);
  expect(until(() => client.heard.length === 12)).toBe(true);
  expect(client.reply).toBe(0);
  return client;
}

/** One datagram there and back. */
function ping(client: Client): void {
  const heard = client.udp.heard.length;
  client.send('ping');
  expect(until(() => client.udp.heard.length > heard)).toBe(true);
  expect(client.udp.heard.at(-1)).toMatch(/re:ping$/);
}

afterEach(() => {
  expect(net.faults).toEqual([]);
  expect(until(() => Object.values(rig.leftOvers()).every((left) => left === 0), 60 * SECOND_MS)).toBe(true);
  expect(rig.exit.udp.count).toBe(0);
});

describe.each([false, true])('rings: %s', (rings) => {
  test('one that carries datagrams lives on, one that does not ends', () => {
    start(rings);
    const busy = associate();
    const idle = associate();
    ping(busy);
    ping(idle);
    const startMs = net.nowMs;
    for (let atMs = 0; atMs < UDP.idleMs + 20 * SECOND_MS; atMs += 20 * SECOND_MS) {
      until(() => false, 20 * SECOND_MS);
      ping(busy);
      if (net.nowMs - startMs < UDP.idleMs) expect(idle.over).toBe(false);
    }
    expect([busy.over, idle.over]).toEqual([false, true]);
    expect(rig.exit.udp.count).toBe(1);
    expect(until(() => busy.over, UDP.idleMs + 20 * SECOND_MS)).toBe(true);
  });

  test('one that only receives lives on', () => {
    start(rings);
    const client = associate();
    ping(client);
    for (let atMs = 0; atMs < UDP.nodeIdleMs + 20 * SECOND_MS; atMs += 20 * SECOND_MS) {
      until(() => false, 20 * SECOND_MS);
      origin.send(Buffer.from('news'), origin.lastPort);
    }
    until(() => false, SECOND_MS);
    expect([client.over, client.udp.heard.length]).toEqual([false, 1 + UDP.nodeIdleMs / 20_000 + 1]);
    client.end();
  });

  test('carries what its client sends, and nobody else’s', () => {
    start(rings);
    const client = associate();
    const elsewhere = new Talker(net, 0, false, '127.0.0.9');
    const datagram = socksDatagram([127, 0, 0, 1], ORIGIN_PORT, 'not mine');
    // Before its own port is known: only its address may be it.
    elsewhere.send(datagram, client.port);
    until(() => false, SECOND_MS);
    ping(client);
    new Talker(net, 0, false).send(datagram, client.port);
    elsewhere.send(datagram, client.port);
    until(() => false, SECOND_MS);
    expect(origin.heard).toEqual(['ping']);
    client.end();
  });

  test('a hub that gets no socket for it says so, and the node hears at once', () => {
    start(rings, OFFERED_CAPABILITIES, { kind: 'bind', call: 1, way: 24 });
    const client = new Client(net);
    expect(until(() => client.over)).toBe(true);
    expect(client.reply).toBe(1);
    expect(until(() => rig.exit.udp.count === 0, SECOND_MS)).toBe(true);
  });

  test('ends with its client', () => {
    start(rings);
    const sockets = net.udp.count;
    const [first, second] = [associate(), associate()];
    ping(first);
    ping(second);
    first.end();
    second.onBroken();
    expect(until(() => rig.exit.udp.count === 0)).toBe(true);
    expect(net.udp.count).toBe(sockets);
  });

  test('ends with its session', () => {
    start(rings);
    const client = associate();
    ping(client);
    rig.cut();
    expect(until(() => client.over)).toBe(true);
  });

  test('ends with all streams of its session', () => {
    start(rings);
    const client = associate();
    ping(client);
    rig.worker.resetStreams(1, 1, 'nodeOverQuota');
    expect(until(() => client.over)).toBe(true);
    expect(rig.up).toBe(1);
  });

  test('a node that announced no UDP: command not supported', () => {
    start(rings, OFFERED_CAPABILITIES & ~CAPABILITY.udp);
    const client = new Client(net);
    expect(until(() => client.over)).toBe(true);
    expect(client.reply).toBe(7);
  });

  test('more than a session may have are refused', () => {
    start(rings);
    const clients: Client[] = [];
    for (let n = 0; n < UDP.associationsPerSession; n++) clients.push(new Client(net));
    expect(until(() => clients.every(({ heard }) => heard.length === 12), 60 * SECOND_MS)).toBe(true);
    const tooMany = new Client(net);
    expect(until(() => tooMany.over)).toBe(true);
    expect(tooMany.reply).toBe(1);
    for (const client of clients) client.end();
  });
});
