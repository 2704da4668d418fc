// Streams as the owner sees and ends them, and what is counted of them: a hub and its exit in virtual time.

import { describe, expect, test } from 'vitest';
import { IpAddress } from '../../src/base/ipAddress.ts';
import type { ConnHandler, ConnId } from '../../src/reactor/reactor.ts';
import { END, WOULD_BLOCK } from '../../src/reactor/reactor.ts';
import { testSlab } from '../noise/cipherTwin.ts';
import { Plan } from './failingReactor.ts';
import type { MemoryReactor } from './memoryReactor.ts';
import { HOST, PATIENCE_MS, PORT, Rig } from './rig.ts';

const TARGET_PORT = 80;

/** Says one thing and listens. */
class Voice implements ConnHandler {
  heard = '';
  /** 'end' or 'broken'. */
  over: string | null = null;
  readonly #net: MemoryReactor;
  readonly #slab = testSlab(4_096);
  readonly #says: string;
  #conn: ConnId = 0;
  #closed = false;
  #lastBytes = -1;

  constructor(net: MemoryReactor, says: string) {
    this.#net = net;
    this.#says = says;
  }

  dial(port: number): this {
    this.#conn = this.#net.connect(IpAddress.of(HOST), port, 1_000, this, 0);
    return this;
  }

  take(conn: ConnId): void {
    this.#conn = conn;
    this.#net.attach(conn, this, 0);
  }

  onConnected(): void {
    this.say(this.#says);
  }

  say(text: string): void {
    this.#slab.bytes.set(Buffer.from(text, 'latin1'));
    this.#net.write(this.#conn, this.#slab, 0, text.length);
  }

  onReadable(): void {
    const read = this.#net.read(this.#conn, this.#slab, 0, this.#slab.bytes.length);
    if (read > 0) this.heard += Buffer.from(this.#slab.bytes.subarray(0, read)).toString('latin1');
    // A target has more to say.
    else if (read === END && this.#says === '') this.over = 'end';
    else if (read !== WOULD_BLOCK) this.#close(read === END ? 'end' : 'broken');
  }

  /** Says so many bytes, as the other side takes them, and closes. */
  sayLast(bytes: number): void {
    this.#lastBytes = bytes;
    this.onWritable();
  }

  pause(): void {
    this.#net.pauseRead(this.#conn);
  }

  resume(): void {
    this.#net.resumeRead(this.#conn);
  }

  halfClose(): void {
    this.#net.shutdownWrite(this.#conn);
  }

  onBroken(): void {
    this.#close('broken');
  }

  #close(how: string): void {
    if (!this.#closed) this.#net.close(this.#conn);
    this.#closed = true;
    this.over ??= how;
  }

  onWritable(): void {
    while (this.#lastBytes > 0) {
      const bytes = Math.min(this.#lastBytes, this.#slab.bytes.length);
      const taken = this.#net.write(this.#conn, this.#slab, 0, bytes);
      this.#lastBytes -= taken;
      if (taken < bytes) return;
    }
    if (this.#lastBytes === 0) this.#close('end');
  }

  onConnectFailed(): void {}
}

const byte = (...codes: number[]) => String.fromCharCode(...codes);
const socksByName = (name: string) =>
  `${byte(5, 1, 0)}${byte(5, 1, 0, 3, name.length)}${name}${byte(0, TARGET_PORT)}`;
const socksAs = (user: string) =>
  `${byte(5, 1, 2, 1, user.length)}${user}${byte(1)}x${byte(5, 1, 0, 3, 11)}target.test${byte(0, TARGET_PORT)}`;
const GET = `GET http://${HOST}/ HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`;

class World {
  readonly rig: Rig;
  readonly net: MemoryReactor;
  readonly targets: Voice[] = [];

  constructor(rings: boolean) {
    this.rig = new Rig(new Plan(null), rings);
    this.net = this.rig.net;
    this.net.listen(HOST, TARGET_PORT, {
      onAccept: (conn) => {
        const target = new Voice(this.net, '');
        this.targets.push(target);
        target.take(conn);
      },
      onListening() {},
      onListenFailed() {},
      onAcceptFailed() {},
    });
    this.until(() => this.rig.up > 0);
  }

  until(done: () => boolean): void {
    if (!this.net.runUntil(done, this.net.nowMs + PATIENCE_MS)) throw new Error('never');
  }

  list(max = 100) {
    return this.rig.worker.listStreams(null, max);
  }

  end(): void {
    this.rig.stop();
    this.net.runUntil(() => this.net.connections === 0, this.net.nowMs + PATIENCE_MS);
    expect({ connections: this.net.describe(), faults: this.net.faults }).toEqual({
      connections: [],
      faults: [],
    });
  }
}

describe.each([
  ['front and worker in one thread', false],
  ['front and worker joined by rings', true],
] as const)('%s', (_name, rings) => {
  test('streams are listed with their target, state and age, and gone when they are over', () => {
    const world = new World(rings);
    const socks = new Voice(world.net, socksByName('target.test')).dial(PORT.socks);
    world.until(() => world.list().length === 1);
    const [first] = world.list();
    expect(first).toMatchObject({ kind: 'socks', host: 'target.test', port: TARGET_PORT, state: 'opening' });
    world.until(() => world.list()[0]!.state === 'open');
    const startMs = world.net.nowMs;
    world.until(() => world.net.nowMs >= startMs + 10_000 || world.net.nowMs < startMs);
    expect(world.list()[0]!.ageMs).toBeGreaterThanOrEqual(10_000);
    socks.halfClose();
    new Voice(world.net, GET).dial(PORT.http);
    new Voice(world.net, `CONNECT ${HOST}:${TARGET_PORT} HTTP/1.1\r\nHost: h\r\n\r\n`).dial(PORT.http);
    world.until(() => world.targets.length === 3 && world.list().every(({ state }) => state !== 'opening'));
    const seen = world.list().map(({ kind, host, state, index }) => [kind, host, state, index]);
    expect(seen.sort()).toEqual([
      ['httpConnect', HOST, 'open', 1],
      ['httpForward', HOST, 'open', 1],
      ['socks', 'target.test', 'halfClosed', 1],
    ]);
    expect(world.list()[0]!.ageMs).toBeGreaterThanOrEqual(10_000);
    expect(world.list(2)).toHaveLength(2);
    expect(world.rig.worker.listStreams(1, 10)).toHaveLength(3);
    expect(world.rig.worker.listStreams(2, 10)).toEqual([]);
    world.rig.cut();
    world.until(() => world.rig.load === 0);
    expect(world.list()).toEqual([]);
    world.end();
  });

  test('all streams of a session end, the session lives on, and clients without an answer hear why', () => {
    const world = new World(rings);
    const open = new Voice(world.net, socksByName('target.test')).dial(PORT.socks);
    const asking = new Voice(world.net, GET).dial(PORT.http);
    world.until(() => world.targets.length === 2 && world.rig.counted.succeeded === 2);
    const opening = new Voice(world.net, socksByName('target.test')).dial(PORT.socks);
    world.until(() => world.list().length === 3);
    expect(world.list().filter(({ state }) => state === 'opening')).toHaveLength(1);
    world.rig.worker.resetStreams(1, 2, 'nodeOverQuota');
    expect(world.list()).toHaveLength(3);
    world.rig.worker.resetStreams(1, 1, 'nodeOverQuota');
    expect(world.list()).toEqual([]);
    world.until(() => [open, asking, opening].every(({ over }) => over !== null));
    expect(open.over).toBe('broken');
    expect(asking.heard).toMatch(/^HTTP\/1\.1 503 .*quota for this month/s);
    expect(opening.heard).toHaveLength(12);
    expect(opening.heard.charCodeAt(3)).not.toBe(0);
    world.until(() => Object.values(world.rig.leftOvers()).every((count) => count === 0));
    expect(world.rig.counted).toEqual({
      succeeded: 2,
      failed: { nodeOverQuota: 1 },
      told: { nodeOverQuota: 1 },
    });
    expect([world.rig.up, world.rig.lost]).toEqual([1, 0]);
    const again = new Voice(world.net, socksByName('target.test')).dial(PORT.socks);
    world.until(() => again.heard.length === 12 && again.heard.charCodeAt(3) === 0);
    world.end();
  });

  test.each([
    ['SOCKS', PORT.socks, socksByName('slow.test')],
    ['CONNECT', PORT.http, `CONNECT slow.test:${TARGET_PORT} HTTP/1.1\r\nHost: h\r\n\r\n`],
  ] as const)(
    'a client that leaves while its stream opens ends it, node and all: %s',
    (_protocol, port, says) => {
      const world = new World(rings);
      const client = new Voice(world.net, says).dial(port);
      world.until(() => world.list().length === 1 && world.rig.leftOvers().nodeStreams === 1);
      client.halfClose();
      world.until(() => world.rig.load === 0 && client.over !== null);
      expect(client.over).toBe('end');
      world.until(() => Object.values(world.rig.leftOvers()).every((count) => count === 0));
      // Nobody gave up waiting.
      expect(world.rig.counted).toEqual({ succeeded: 0, failed: {}, told: {} });
      world.end();
    },
  );

  test('a client that only listens may end its side before its stream is open', () => {
    const world = new World(rings);
    const client = new Voice(world.net, socksByName('target.test')).dial(PORT.socks);
    world.until(() => world.list().length === 1);
    client.halfClose();
    world.until(() => world.targets[0]?.over === 'end');
    world.targets[0]!.sayLast(1_000);
    world.until(() => client.over !== null);
    expect([client.heard.length, client.over]).toEqual([12 + 1_000, 'end']);
    world.end();
  });

  test('a client that has sent all it has to say while its stream opens gets its answer', () => {
    const world = new World(rings);
    const client = new Voice(world.net, socksByName('target.test')).dial(PORT.socks);
    world.until(() => world.list().length === 1);
    client.say('hello');
    client.halfClose();
    world.until(() => world.targets[0]?.over === 'end');
    expect(world.targets[0]!.heard).toBe('hello');
    world.targets[0]!.sayLast(1_000);
    world.until(() => client.over !== null);
    expect([client.heard.length, client.over]).toEqual([12 + 1_000, 'end']);
    world.end();
  });

  test('a half-closed HTTP request is answered, however long its stream opens', () => {
    const world = new World(rings);
    const client = new Voice(world.net, GET).dial(PORT.http);
    world.until(() => world.list().length === 1);
    client.halfClose();
    world.until(() => world.targets[0]?.over === 'end');
    world.targets[0]!.sayLast(1_000);
    world.until(() => client.over !== null);
    expect(client.heard).toMatch(/^HTTP\/1\.1 502 /);
    world.end();
  });

  test('a stream counts for its user until the client has its last byte', () => {
    const world = new World(rings);
    world.rig.requireUsers();
    const first = new Voice(world.net, socksAs('alice')).dial(PORT.socks);
    world.until(
      () => world.targets.length === 1 && world.rig.counted.succeeded === 1 && first.heard.length === 14,
    );
    first.pause();
    first.halfClose();
    world.targets[0]!.sayLast(200_000);
    world.until(() => world.rig.leftOvers().hubLingering === 1 && world.rig.load === 0);
    const second = new Voice(world.net, socksAs('alice')).dial(PORT.socks);
    world.until(() => second.over !== null);
    expect(world.targets).toHaveLength(1);
    const other = new Voice(world.net, socksAs('bob')).dial(PORT.socks);
    world.until(() => other.heard.length === 14);
    first.resume();
    world.until(() => first.over !== null);
    expect([first.heard.length, first.over]).toEqual([14 + 200_000, 'end']);
    const third = new Voice(world.net, socksAs('alice')).dial(PORT.socks);
    world.until(() => third.heard.length === 14);
    world.end();
  });

  test('connects are counted once each: by outcome, by cause, and those that never came to a session beside', () => {
    const world = new World(rings);
    const clients = [
      new Voice(world.net, socksByName('target.test')).dial(PORT.socks),
      new Voice(world.net, socksByName('nothing.test')).dial(PORT.socks),
      new Voice(world.net, `CONNECT ${HOST}:9 HTTP/1.1\r\nHost: h\r\n\r\n`).dial(PORT.http),
      new Voice(world.net, 'GET\r\n\r\n').dial(PORT.http),
    ];
    world.until(() => clients.slice(1).every(({ over }) => over !== null) && world.targets.length === 1);
    world.until(() => world.rig.counted.succeeded === 1);
    expect(world.rig.counted).toEqual({
      succeeded: 1,
      failed: { nameNotFound: 1, refused: 1 },
      told: { badRequest: 1 },
    });
    world.end();
  });
});
