// Sockets that outlive their streams: what they count for, and which of them is reset when too much waits.

import { expect, test } from 'vitest';
import { IpAddress } from '../../src/base/ipAddress.ts';
import type { Pending } from '../../src/engine/backlog.ts';
import { Lingering } from '../../src/engine/lingering.ts';
import { MemoryReport, type MemoryShortage } from '../../src/engine/memoryReport.ts';
import { PendingPool } from '../../src/engine/pending.ts';
import { Relief } from '../../src/engine/relief.ts';
import type { ConnHandler, ConnId } from '../../src/reactor/reactor.ts';
import { HeldShare, heldPlan } from '../../src/ring/heldShare.ts';
import { testSlab } from '../noise/cipherTwin.ts';
import { MemoryReactor } from './memoryReactor.ts';
import { HOST } from './rig.ts';

const KIB = 1_024;
const HELD_MAX_BYTES = 64 * KIB;

/** Sockets, by number from 1, whose clients do not read. */
class World {
  readonly net = new MemoryReactor();
  readonly #share = new HeldShare(heldPlan(HELD_MAX_BYTES, 1));
  readonly pool = new PendingPool(this.net, this.#share);
  readonly told: MemoryShortage[] = [];
  readonly #relief = new Relief({
    reactor: this.net,
    share: this.#share,
    parties: 1,
    report: new MemoryReport(this.net, (shortage) => this.told.push(shortage)),
  });
  readonly #backlog = this.#relief.newBacklog();
  /** Sizes of open streams' bytes that were given up. */
  readonly givenUp: number[] = [];
  readonly left: number[] = [];
  readonly lingering = new Lingering(this.net, this.pool, (user) => this.left.push(user));
  readonly #clients: ConnId[] = [];
  readonly #broken: number[] = [];
  #accepted: ConnId = 0;

  constructor() {
    this.net.roomBytes = KIB;
    this.net.listen(HOST, 80, {
      onAccept: (conn) => {
        this.#accepted = conn;
      },
      onListening() {},
      onListenFailed() {},
      onAcceptFailed() {},
    });
  }

  /** A new socket of user 100 + its number, with so many bytes that wait. */
  linger(bytes: number): void {
    const client: ConnHandler = {
      onConnected: (conn) => this.net.pauseRead(conn),
      onConnectFailed() {},
      onReadable() {},
      onWritable() {},
      onBroken: (_conn, number) => this.#broken.push(number),
    };
    const number = this.#clients.length + 1;
    this.#accepted = 0;
    this.#clients.push(this.net.connect(IpAddress.of(HOST), 80, 1_000, client, number));
    this.net.runUntil(() => this.#accepted !== 0, this.net.nowMs);
    this.lingering.adopt(this.#accepted, this.hold(bytes), 100 + number);
    // The reactor calls once it has found no room.
    this.net.promiseWritable(this.#accepted);
    this.pass(0);
  }

  /** So many bytes wait for the socket of an open stream. */
  hold(bytes: number): Pending {
    const holder = {
      giveUp: () => {
        this.givenUp.push(pending.bytes);
        this.pool.drop(pending);
      },
    };
    const pending = this.pool.hold(this.#backlog, holder, 0, new Uint8Array(bytes), 0, bytes);
    return pending;
  }

  relieve(): void {
    this.#relief.relieve();
  }

  pass(ms: number): void {
    const untilMs = this.net.nowMs + ms;
    this.net.runUntil(() => false, untilMs);
  }

  /** The client takes all that waits for it. */
  read(number: number): void {
    const slab = testSlab(HELD_MAX_BYTES);
    const conn = this.#clients[number - 1]!;
    for (let turns = 0; turns < 200; turns++) {
      while (this.net.read(conn, slab, 0, HELD_MAX_BYTES) > 0);
      this.pass(0);
    }
  }

  /** Numbers of clients that got an RST. */
  get broken(): number[] {
    this.pass(0);
    return this.#broken;
  }
}

test('a socket that lingers counts for its user until it is closed, whichever way', () => {
  const world = new World();
  world.linger(8 * KIB);
  world.linger(8 * KIB);
  world.linger(8 * KIB);
  expect([world.left, world.lingering.count]).toEqual([[], 3]);
  world.read(2);
  expect(world.left).toEqual([102]);
  world.lingering.resetAll();
  expect(world.left.toSorted()).toEqual([101, 102, 103]);
  expect(world.pool.heldBytes).toBe(0);
});

test('when too much is held, what has lingered longest with most bytes is reset, and no more than is needed', () => {
  const world = new World();
  world.linger(4 * KIB);
  world.linger(16 * KIB);
  world.pass(1_000);
  world.linger(32 * KIB);
  expect([world.pool.heldBytes, world.broken]).toEqual([52 * KIB, []]);
  // An open stream stalls.
  world.hold(16 * KIB);
  world.relieve();
  expect([world.pool.heldBytes, world.broken]).toEqual([52 * KIB, [2]]);
  world.hold(16 * KIB);
  world.relieve();
  expect([world.pool.heldBytes, world.broken]).toEqual([HELD_MAX_BYTES, [2, 1]]);
  expect([world.givenUp, world.told]).toEqual([
    [],
    [{ type: 'memoryShort', refused: 0, reset: 1, resetBytes: 15 * KIB, stalledMs: 1_000 }],
  ]);
  world.pass(1_000);
  expect(world.told.slice(1)).toEqual([
    { type: 'memoryShort', refused: 0, reset: 1, resetBytes: 3 * KIB, stalledMs: 1_000 },
  ]);
});

test('open streams are reset likewise: whatever has waited longest with most bytes', () => {
  const world = new World();
  world.hold(8 * KIB);
  world.pass(1_000);
  world.linger(16 * KIB);
  world.pass(1_000);
  world.hold(48 * KIB);
  world.relieve();
  // 16 KiB for one second, then 8 KiB for two, and then it fits.
  expect([world.givenUp, world.broken, world.pool.heldBytes]).toEqual([[8 * KIB], [1], 64 * KIB]);
});
