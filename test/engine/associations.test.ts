// UDP ASSOCIATE on a hub and its exit in virtual time: how associations end, and that nothing of them is left.

import { afterEach, describe, expect, test } from 'vitest';
import { UDP } from '../../src/limits.ts';
import { CAPABILITY, OFFERED_CAPABILITIES } from '../../src/noise/payload.ts';
import type { UdpHandler, UdpId } from '../../src/reactor/datagrams.ts';
import { Endpoint } from '../../src/reactor/endpoint.ts';
import type { ConnHandler, ConnId } from '../../src/reactor/reactor.ts';
import { parseEndpoint } from '../../src/reactor/sockaddr.ts';
import { testSlab } from '../noise/cipherTwin.ts';
import { socksDatagram } from '../system/socksUdp.ts';
import { Plan } from './failingReactor.ts';
import type { MemoryReactor } from './memoryReactor.ts';
import { HOST, PORT, Rig } from './rig.ts';

const LOOPBACK = [127, 0, 0, 1];
const ORIGIN_PORT = 53;
const SECOND_MS = 1_000;

/** Answers each datagram with the same behind "re:", or keeps what it heard. */
class Talker implements UdpHandler {
  readonly heard: string[] = [];
  readonly #net: MemoryReactor;
  readonly #slab = testSlab(65_536);
  readonly #answers: boolean;
  readonly #from = new Endpoint();
  readonly udp: UdpId;

  constructor(net: MemoryReactor, port: number, answers: boolean) {
    this.#net = net;
    this.#answers = answers;
    this.udp = net.udp.bind(HOST, port, this, 0);
  }

  send(bytes: Uint8Array, port: number): void {
    const to = new Endpoint();
    parseEndpoint(HOST, port, to);
    this.#slab.bytes.set(bytes);
    this.#net.udp.send(this.udp, this.#slab, 0, bytes.length, to);
  }

  onBound(): void {}
  onBindFailed(): void {}
  onDatagrams(): void {
    for (;;) {
      const length = this.#net.udp.receive(this.udp, this.#slab, 0, 65_536, this.#from);
      if (length < 0) return;
      const data = Buffer.from(this.#slab.bytes.slice(0, length));
      this.heard.push(data.toString('latin1'));
      if (this.#answers) this.send(Buffer.concat([Buffer.from('re:'), data]), this.#from.port);
    }
  }
}

/** Asks for an association. */
class Client implements ConnHandler {
  readonly heard: number[] = [];
  over = false;
  readonly udp: Talker;
  readonly #net: MemoryReactor;
  readonly #slab = testSlab(1_024);
  readonly conn: ConnId;

  constructor(net: MemoryReactor) {
    this.#net = net;
    this.udp = new Talker(net, 0, false);
    this.conn = net.connect(HOST, PORT.socks, 1_000, this, 0);
  }

  get port(): number {
    return this.heard[10]! * 256 + this.heard[11]!;
  }

  get reply(): number | undefined {
    return this.heard[3];
  }

  send(text: string): void {
    this.udp.send(socksDatagram(LOOPBACK, ORIGIN_PORT, text), this.port);
  }

  onConnected(): void {
    this.#slab.bytes.set([5, 1, 0, 5, 3, 0, 1, 0, 0, 0, 0, 0, 0]);
    this.#net.write(this.conn, this.#slab, 0, 13);
  }

  onReadable(): void {
    const read = this.#net.read(this.conn, this.#slab, 0, 1_024);
    if (read > 0) this.heard.push(...this.#slab.bytes.subarray(0, read));
    else this.end();
  }

  onBroken(): void {
    this.end();
  }

  end(): void {
    if (this.over) return;
    this.over = true;
    this.#net.close(this.conn);
  }

  onWritable(): void {}
  onConnectFailed(): void {}
}

let rig: Rig;
let net: MemoryReactor;

function start(rings: boolean, capabilities: number = OFFERED_CAPABILITIES): void {
  rig = new Rig(new Plan(null), rings, capabilities);
  net = rig.net;
  // The origin.
  new Talker(net, ORIGIN_PORT, true);
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

  test('ends with its client', () => {
    start(rings);
    const sockets = net.udp.count;
    const [first, second] = [associate(), associate()];
    ping(first);
    ping(second);
    first.end();
    second.onBroken();
    expect(until(() => rig.exit.udp.count === 0)).toBe(true);
    // The test's own, of the two clients.
    expect(net.udp.count).toBe(sockets + 2);
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
