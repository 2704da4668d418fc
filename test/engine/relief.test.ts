// What waits for local sockets stays within its bound: which stream goes first, against a search over all of them; shares of threads and
// of parties; when new streams are refused.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Backlog, type Pending } from '../../src/engine/backlog.ts';
import { MemoryReport, type MemoryShortage } from '../../src/engine/memoryReport.ts';
import { PendingPool } from '../../src/engine/pending.ts';
import { Relief } from '../../src/engine/relief.ts';
import { MEMORY } from '../../src/limits/engine.ts';
import { HeldShare, heldPlan } from '../../src/ring/heldShare.ts';
import { testSlab } from '../noise/cipherTwin.ts';

const KIB = 1_024;
const SOURCE = new Uint8Array(256 * KIB);

/** One thread that holds bytes for several parties. */
class World {
  nowMs = 1_000;
  readonly share: HeldShare;
  readonly pool: PendingPool;
  readonly relief: Relief;
  readonly told: MemoryShortage[] = [];
  /** By name, in the order in which they were given up. */
  readonly givenUp: string[] = [];
  readonly waiting = new Map<string, Pending>();

  constructor(share: HeldShare, parties = 1) {
    this.share = share;
    const clock = () => this.nowMs;
    const reactor = {
      get nowMs() {
        return clock();
      },
      borrowSlab: testSlab,
      returnSlab() {},
      setTimer: () => 1,
    };
    this.pool = new PendingPool(reactor, share);
    const report = new MemoryReport(reactor, (shortage) => this.told.push(shortage));
    this.relief = new Relief({ reactor, share, parties, report });
  }

  hold(name: string, bytes: number, backlog: Backlog): void {
    const holder = { giveUp: () => this.drop(name, this.givenUp) };
    this.waiting.set(name, this.pool.hold(backlog, holder, 0, SOURCE, 0, bytes));
  }

  drop(name: string, into: string[] = []): void {
    into.push(name);
    this.pool.drop(this.waiting.get(name)!);
    this.waiting.delete(name);
  }
}

const oneThread = (bytes: number) => new HeldShare(heldPlan(bytes, 1));

describe('which stream is given up', () => {
  test('the one with most bytes and time without progress, as a search over all would find it', () => {
    const step = fc.record({
      what: fc.constantFrom('hold', 'grow', 'take', 'drop', 'look'),
      which: fc.nat(20),
      bytes: fc.integer({ min: 1, max: 60_000 }),
      ms: fc.nat(5_000),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(3_000), (steps, stalledMs) => {
        const world = new World(oneThread(2 ** 30));
        const backlog = new Backlog();
        let named = 0;
        for (const { what, which, bytes, ms } of steps) {
          world.nowMs += ms;
          const names = [...world.waiting.keys()];
          const name = names[which % names.length];
          if (what === 'hold') world.hold(`${named++}`, bytes, backlog);
          if (name === undefined) continue;
          const pending = world.waiting.get(name)!;
          if (what === 'grow') world.pool.append(pending, SOURCE, 0, bytes);
          if (what === 'take') world.pool.advance(pending, Math.min(bytes, pending.bytes));
          if (what === 'drop') world.drop(name);
          const weight = (one: Pending) => one.slab.bytes.length * (world.nowMs - one.progressMs + 1);
          const stalled = [...world.waiting.values()].filter(
            ({ progressMs }) => world.nowMs - progressMs >= stalledMs,
          );
          const heaviest = backlog.heaviest(world.nowMs, stalledMs);
          expect(heaviest === null ? -1 : weight(heaviest)).toBe(Math.max(-1, ...stalled.map(weight)));
          const held = [...world.waiting.values()].reduce((sum, one) => sum + one.slab.bytes.length, 0);
          expect(backlog.heldBytes).toBe(held);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('of the party that holds most, so that the others lose nothing', () => {
    const world = new World(oneThread(256 * KIB), 2);
    const [greedy, other] = [world.relief.newBacklog(), world.relief.newBacklog()];
    world.hold('other', 64 * KIB, other);
    world.nowMs += 60_000;
    for (const name of ['a', 'b', 'c', 'd']) {
      world.hold(name, 64 * KIB, greedy);
      world.nowMs += 1;
    }
    world.relief.relieve();
    expect([world.givenUp, world.told]).toEqual([
      ['a'],
      [{ type: 'memoryShort', refused: 0, reset: 1, resetBytes: 64 * KIB, stalledMs: 4 }],
    ]);
  });

  test('and no more than is needed', () => {
    const world = new World(oneThread(256 * KIB));
    const backlog = world.relief.newBacklog();
    for (let stream = 0; stream < 6; stream++) world.hold(`${stream}`, 64 * KIB, backlog);
    world.relief.relieve();
    expect([world.share.heldBytes, world.givenUp.length]).toEqual([256 * KIB, 2]);
  });
});

describe('new streams', () => {
  test('are refused once three quarters are held, until something has stalled for long', () => {
    const world = new World(oneThread(256 * KIB));
    const backlog = world.relief.newBacklog();
    for (const name of ['a', 'b']) world.hold(name, 64 * KIB, backlog);
    expect(world.relief.admits()).toBe(true);
    world.nowMs += 1_000;
    world.hold('c', 64 * KIB, backlog);
    expect([world.relief.admits(), world.told.map(({ refused }) => refused), world.givenUp]).toEqual([
      false,
      [1],
      [],
    ]);
    world.nowMs += MEMORY.stalledMs - 1_000;
    expect([world.relief.admits(), world.givenUp]).toEqual([true, ['a']]);
  });

  test('of a party that holds less than its share are not', () => {
    const world = new World(oneThread(256 * KIB), 2);
    const [greedy, other] = [world.relief.newBacklog(), world.relief.newBacklog()];
    for (const name of ['a', 'b', 'c']) world.hold(name, 64 * KIB, greedy);
    expect([world.relief.admits(greedy), world.relief.admits(other)]).toEqual([false, true]);
  });
});

describe('threads', () => {
  test('each has its own part, whatever the others hold; together they hold no more than the bound', () => {
    const plan = heldPlan(1_024 * KIB, 4);
    const shares = Array.from({ length: 4 }, () => new HeldShare(plan));
    const [greedy, ...others] = shares;
    while (!greedy!.isOverfull) greedy!.add(4 * KIB);
    // The common half, and its own part of the other one.
    expect(greedy!.heldBytes).toBe((512 + 128 + 4) * KIB);
    greedy!.add(-4 * KIB);
    for (const share of others) {
      share.add(128 * KIB);
      expect(share.isOverfull).toBe(false);
    }
    expect(shares.reduce((sum, { heldBytes }) => sum + heldBytes, 0)).toBe(1_024 * KIB);
    others[0]!.add(4 * KIB);
    expect(others[0]!.isOverfull).toBe(true);
    expect(greedy!.isOverfull).toBe(true);
  });

  test('each sees how full it is by what it may still take', () => {
    const plan = heldPlan(1_024 * KIB, 2);
    const [one, other] = [new HeldShare(plan), new HeldShare(plan)];
    expect([one.fullness, one.isTight]).toEqual([0, false]);
    one.add(256 * KIB);
    expect(one.fullness).toBeCloseTo(1 / 3);
    // The other one takes all of the common half.
    other.add(768 * KIB);
    expect([one.fullness, one.isTight, one.refusesStreams]).toEqual([1, true, true]);
    one.add(-192 * KIB);
    expect([one.fullness, one.refusesStreams]).toEqual([0.25, false]);
  });

  test('what is counted comes back to nothing', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ thread: fc.nat(2), pages: fc.integer({ min: 1, max: 100 }) }), {
          maxLength: 40,
        }),
        (takes) => {
          const plan = heldPlan(256 * KIB, 3);
          const shares = Array.from({ length: 3 }, () => new HeldShare(plan));
          for (const { thread, pages } of takes) shares[thread]!.add(pages * 4 * KIB);
          for (const { thread, pages } of takes.toReversed()) shares[thread]!.add(-pages * 4 * KIB);
          expect(shares.map(({ heldBytes, isOverfull }) => [heldBytes, isOverfull])).toEqual(
            Array(3).fill([0, false]),
          );
          expect(new Int32Array(plan.common)[0]).toBe(0);
        },
      ),
    );
  });
});
