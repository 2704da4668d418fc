// Bytes that wait for a local socket: a FIFO against an array, and buffers that come back.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Backlog, type Holder, type Pending } from '../../src/engine/backlog.ts';
import { PendingPool } from '../../src/engine/pending.ts';
import { PROTOCOL } from '../../src/limits/wire.ts';
import { HeldShare, heldPlan } from '../../src/ring/heldShare.ts';
import { testSlab } from '../noise/cipherTwin.ts';

function contents(pending: Pending): Uint8Array {
  return pending.slab.bytes.slice(pending.head, pending.tail);
}

const NOBODY: Holder = { giveUp() {} };

/** A pool, and what waits for one party. */
class World {
  /** Sizes of buffers that were made, and how many of them went back to the system. */
  readonly made: number[] = [];
  returned = 0;
  readonly backlog = new Backlog();
  readonly pool = new PendingPool(
    {
      nowMs: 0,
      borrowSlab: (bytes) => {
        this.made.push(bytes);
        return testSlab(bytes);
      },
      returnSlab: () => this.returned++,
    },
    new HeldShare(heldPlan(2 ** 30, 1)),
  );

  hold(bytes: Uint8Array, offset: number, length: number): Pending {
    return this.pool.hold(this.backlog, NOBODY, 0, bytes, offset, length);
  }
}

describe('pending', () => {
  test('any appends and advances: first in, first out', () => {
    const step = fc.oneof(
      fc.record({ append: fc.integer({ min: 1, max: 30_000 }), offset: fc.nat(50) }),
      fc.record({ advance: fc.integer({ min: 0, max: 40_000 }) }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20_000 }), fc.array(step, { maxLength: 40 }), (first, steps) => {
        const world = new World();
        const { pool } = world;
        let next = 0;
        const fresh = (length: number, offset: number) => {
          const bytes = new Uint8Array(offset + length + 3).fill(0xee);
          for (let at = 0; at < length; at++) bytes[offset + at] = next++ % 241;
          return bytes;
        };
        const pending = world.hold(fresh(first, 5), 5, first);
        let waiting = first;
        let taken = 0;
        for (const one of steps) {
          if ('append' in one) {
            pool.append(pending, fresh(one.append, one.offset), one.offset, one.append);
            waiting += one.append;
          } else {
            const length = Math.min(one.advance, waiting);
            expect(pool.advance(pending, length)).toBe(length);
            waiting -= length;
            taken += length;
          }
          expect(pending.bytes).toBe(waiting);
          const expected = Buffer.from(Array.from({ length: waiting }, (_, at) => (taken + at) % 241));
          expect(Buffer.compare(contents(pending), expected)).toBe(0);
          // One buffer, never more than twice what ever waited at once.
          expect([pool.heldBytes, world.backlog.heldBytes]).toEqual(Array(2).fill(pending.slab.bytes.length));
        }
        pool.drop(pending);
        expect([pool.heldBytes, world.backlog.heldBytes]).toEqual([0, 0]);
      }),
      { numRuns: 100 },
    );
  });

  test('buffers are powers of two from 4 KiB to the largest window', () => {
    const world = new World();
    const source = new Uint8Array(PROTOCOL.maxWindowBytes + 1);
    for (const length of [1, 4_096, 4_097, 65_536, 65_537, PROTOCOL.maxWindowBytes])
      world.hold(source, 0, length);
    expect(world.made).toEqual([4_096, 4_096, 8_192, 65_536, 131_072, PROTOCOL.maxWindowBytes]);
    expect(() => world.hold(source, 0, PROTOCOL.maxWindowBytes + 1)).toThrow(RangeError);
  });

  test('it grows by doubling, and what left makes room before it grows', () => {
    const world = new World();
    const { pool } = world;
    const bytes = new Uint8Array(4_096);
    const pending = world.hold(bytes, 0, 4_096);
    pool.advance(pending, 96);
    const before = pending.slab;
    pool.append(pending, bytes, 0, 96);
    expect(pending.slab).toBe(before);
    expect([pending.head, pending.tail]).toEqual([0, 4_096]);
    pool.append(pending, bytes, 0, 1);
    expect(pending.slab.bytes.length).toBe(8_192);
    expect(pool.heldBytes).toBe(8_192);
  });

  test('a stream that stalls and wakes leaves no garbage', () => {
    const world = new World();
    const { pool } = world;
    for (let round = 0; round < 100; round++) {
      const pending = world.hold(new Uint8Array(5_000), 0, 5_000);
      pool.append(pending, new Uint8Array(5_000), 0, 5_000);
      pool.drop(pending);
    }
    expect(world.made.length).toBe(2);
  });

  test('of free buffers eight MiB are kept, whatever their sizes, and the others go back to the system', () => {
    const world = new World();
    const sizes = [...Array.from({ length: 6 }, () => 2 ** 20), ...Array.from({ length: 6 }, () => 2 ** 19)];
    const round = () => {
      world.made.length = 0;
      world.returned = 0;
      const all = sizes.map((bytes) => world.hold(new Uint8Array(bytes), 0, bytes));
      for (const pending of all) world.pool.drop(pending);
      expect(world.returned).toBe(2);
      return world.made.length;
    };
    expect([round(), round(), round()]).toEqual([12, 2, 2]);
  });

  test('our own words in front give the peer no credit', () => {
    const world = new World();
    const { pool } = world;
    const pending = world.hold(new Uint8Array(10), 0, 10);
    pending.uncounted = 10;
    pool.append(pending, new Uint8Array(100), 0, 100);
    expect([4, 10, 50, 46].map((taken) => pool.advance(pending, taken))).toEqual([0, 4, 50, 46]);
    expect(pending.bytes).toBe(0);
  });
});
