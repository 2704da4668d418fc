// A rate for a node, in virtual time: a whole hub and its exit, clients and targets that always have more, and the bytes that pass.

import { describe, expect, test } from 'vitest';
import { IpAddress } from '../../src/base/ipAddress.ts';
import { PACE } from '../../src/limits/path.ts';
import { CAPABILITY, OFFERED_CAPABILITIES } from '../../src/noise/payload.ts';
import type { ConnHandler, ConnId, ListenHandler } from '../../src/reactor/reactor.ts';
import { END, WOULD_BLOCK } from '../../src/reactor/reactor.ts';
import { testSlab } from '../noise/cipherTwin.ts';
import { Plan } from './failingReactor.ts';
import type { MemoryReactor } from './memoryReactor.ts';
import { HOST, PATIENCE_MS, PORT, Rig } from './rig.ts';

const FLOOD_PORT = 80;
const SHORT_PORT = 81;
const SHORT_BYTES = 3_000;
const RATE = 200_000;
/** The bucket, a quantum, and what was in the sockets on the way. */
const BURST = (RATE * (PACE.burstMs + PACE.quantumMs)) / 1_000 + PACE.burstMinBytes;

/** Counts what it hears, and says as much as is taken. */
class Mouth implements ConnHandler {
  heardBytes = 0;
  over = false;
  readonly #net: MemoryReactor;
  readonly #slab = testSlab(65_536);
  readonly #first: Uint8Array;
  #leftBytes: number;
  #conn: ConnId = 0;

  /** Says `first` and then `leftBytes` of anything. */
  constructor(net: MemoryReactor, first: Uint8Array, leftBytes: number) {
    this.#net = net;
    this.#first = first;
    this.#leftBytes = leftBytes;
  }

  dial(port: number): this {
    this.#conn = this.#net.connect(IpAddress.of(HOST), port, 1_000, this, 0);
    return this;
  }

  take(conn: ConnId): void {
    this.#conn = conn;
    this.#net.attach(conn, this, 0);
    this.onWritable();
  }

  onConnected(): void {
    this.#slab.bytes.set(this.#first);
    this.#net.write(this.#conn, this.#slab, 0, this.#first.length);
    this.onWritable();
  }

  onWritable(): void {
    while (this.#leftBytes > 0) {
      const wanted = Math.min(this.#leftBytes, this.#slab.bytes.length);
      const taken = this.#net.write(this.#conn, this.#slab, 0, wanted);
      if (taken < 0) this.#close();
      if (taken <= 0) return;
      this.#leftBytes -= taken;
    }
    if (!this.over && this.#leftBytes === 0) this.#net.shutdownWrite(this.#conn);
  }

  onReadable(): void {
    const read = this.#net.read(this.#conn, this.#slab, 0, this.#slab.bytes.length);
    if (read > 0) this.heardBytes += read;
    else if (read !== WOULD_BLOCK && (read !== END || this.#leftBytes <= 0)) this.#close();
  }

  onBroken(): void {
    this.#close();
  }

  onConnectFailed(): void {
    this.over = true;
  }

  #close(): void {
    if (!this.over) this.#net.close(this.#conn);
    this.over = true;
  }
}

const NOTHING = new Uint8Array(0);
const socks = (port: number) => Uint8Array.of(5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, 0, port);

class World {
  readonly rig: Rig;
  readonly net: MemoryReactor;
  readonly targets: Mouth[] = [];

  constructor(rings: boolean, capabilities: number = OFFERED_CAPABILITIES) {
    this.rig = new Rig(new Plan(null), rings, capabilities);
    this.net = this.rig.net;
    const serve = (says: number): ListenHandler => ({
      onAccept: (conn) => {
        const target = new Mouth(this.net, NOTHING, says);
        this.targets.push(target);
        target.take(conn);
      },
      onListening() {},
      onListenFailed() {},
      onAcceptFailed() {},
    });
    this.net.listen(HOST, FLOOD_PORT, serve(Number.MAX_SAFE_INTEGER));
    this.net.listen(HOST, SHORT_PORT, serve(SHORT_BYTES));
    if (!this.net.runUntil(() => this.rig.up > 0, PATIENCE_MS)) throw new Error('no session');
  }

  client(port: number, says: number): Mouth {
    return new Mouth(this.net, socks(port), says).dial(PORT.socks);
  }

  pass(ms: number): void {
    const untilMs = this.net.nowMs + ms;
    this.net.runUntil(() => this.net.nowMs >= untilMs, untilMs);
  }

  end(): void {
    this.rig.stop();
    this.pass(PATIENCE_MS);
    expect(this.net.faults).toEqual([]);
  }
}

const sum = (mouths: readonly Mouth[]) => mouths.reduce((total, { heardBytes }) => total + heardBytes, 0);

describe.each([
  ['front and worker in one thread', false],
  ['front and worker joined by rings', true],
] as const)('%s', (_name, rings) => {
  test('up and down each keep the rate, whatever the number of streams', () => {
    const world = new World(rings);
    world.rig.pace(RATE);
    world.pass(100);
    const clients = [1, 2, 3].map(() => world.client(FLOOD_PORT, Number.MAX_SAFE_INTEGER));
    world.pass(2_000);
    for (const mouths of [clients, world.targets]) {
      const before = sum(mouths);
      const each = mouths.map(({ heardBytes }) => heardBytes);
      world.pass(10_000);
      const passed = sum(mouths) - before;
      expect(passed).toBeLessThanOrEqual(RATE * 10 + BURST);
      expect(passed).toBeGreaterThan(RATE * 10 * 0.97);
      for (const [at, mouth] of mouths.entries()) {
        expect(Math.abs(mouth.heardBytes - each[at]! - passed / 3) / passed).toBeLessThan(0.05);
      }
    }
    world.end();
  });

  test('many short answers keep to it', () => {
    const world = new World(rings);
    world.rig.pace(RATE);
    world.pass(100);
    const clients: Mouth[] = [];
    const startMs = world.net.nowMs;
    while (world.net.nowMs < startMs + 5_000) {
      const open = clients.filter(({ over }) => !over).length;
      for (let more = open; more < 20; more++) clients.push(world.client(SHORT_PORT, 0));
      world.pass(20);
    }
    const passed = sum(clients);
    const socksBytes = clients.length * 12;
    expect(passed).toBeLessThanOrEqual(RATE * 5 + BURST + socksBytes);
    expect(passed).toBeGreaterThan(RATE * 5 * 0.9);
    expect(clients.filter(({ heardBytes }) => heardBytes === SHORT_BYTES + 12).length).toBeGreaterThan(200);
    world.end();
  });

  test('a faster rate, and none, hold at once', () => {
    const world = new World(rings);
    world.rig.pace(1);
    world.pass(100);
    const client = world.client(FLOOD_PORT, Number.MAX_SAFE_INTEGER);
    world.pass(60_000);
    expect(client.heardBytes).toBeLessThan(4 * PACE.burstMinBytes);
    world.rig.pace(RATE);
    world.pass(500);
    const before = client.heardBytes;
    world.pass(2_000);
    expect(Math.abs(client.heardBytes - before - 2 * RATE) / RATE).toBeLessThan(0.2);
    world.rig.pace(null);
    expect(world.net.runUntil(() => client.heardBytes > before + 50 * RATE, world.net.nowMs + 1_000)).toBe(
      true,
    );
    client.onBroken();
    world.end();
  });

  test('a node that cannot keep a rate is read no faster', () => {
    const world = new World(rings, CAPABILITY.goaway);
    world.rig.pace(RATE);
    const client = world.client(FLOOD_PORT, 0);
    world.pass(2_000);
    const before = client.heardBytes;
    world.pass(5_000);
    expect(Math.abs(client.heardBytes - before - 5 * RATE) / (5 * RATE)).toBeLessThan(0.05);
    world.rig.pace(null);
    expect(world.net.runUntil(() => client.heardBytes > before + 50 * RATE, world.net.nowMs + 1_000)).toBe(
      true,
    );
    client.onBroken();
    world.end();
  });

  test('a session that ends while it is not read leaves no timer behind', () => {
    const world = new World(rings, CAPABILITY.goaway);
    world.rig.pace(RATE);
    const client = world.client(FLOOD_PORT, 0);
    world.pass(2_000);
    world.rig.pace(1_000);
    world.pass(100);
    world.rig.cut();
    client.onBroken();
    world.pass(60_000);
    expect(world.net.faults).toEqual([]);
    world.end();
  });

  test('an order to rotate comes to the control of the node', () => {
    const world = new World(rings);
    world.rig.askRotation(9);
    world.pass(100);
    expect(world.rig.ordered).toEqual(['{"rotate":{"request":9}}']);
    world.end();
  });
});
