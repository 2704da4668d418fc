// Shared counters: no two names share bytes, and no writer's line is another's.

import { describe, expect, test } from 'vitest';
import { BYTES, FRONT, makeSlots, SessionSlots, THREAD, ThreadSlots, WORKER } from '../../src/ring/slots.ts';

const LINE_BYTES = 64;

/** [first byte, behind the last) of each slot. */
function int32s(slots: Record<string, number>): [string, number, number][] {
  return Object.entries(slots).map(([name, index]) => [name, index * 4, index * 4 + 4]);
}

function float64s(slots: Record<string, number>): [string, number, number][] {
  return Object.entries(slots).map(([name, index]) => [name, index * 8, index * 8 + 8]);
}

function overlaps(ranges: [string, number, number][]): string[] {
  return ranges.flatMap(([name, start, end], at) =>
    ranges
      .slice(at + 1)
      .filter(([, otherStart, otherEnd]) => start < otherEnd && otherStart < end)
      .map(([other]) => `${name} and ${other}`),
  );
}

describe('slots', () => {
  test('a thread has one line, no two names in the same place', () => {
    const ranges = int32s(THREAD);
    expect(overlaps(ranges)).toEqual([]);
    for (const [, , end] of ranges) expect(end).toBeLessThanOrEqual(LINE_BYTES);
  });

  test('a session has a line of the front and one of the worker', () => {
    const front = int32s(FRONT);
    const worker = [...int32s(WORKER), ...float64s(BYTES)];
    expect(overlaps([...front, ...worker])).toEqual([]);
    for (const [, , end] of front) expect(end).toBeLessThanOrEqual(LINE_BYTES);
    for (const [, start, end] of worker) {
      expect(start).toBeGreaterThanOrEqual(LINE_BYTES);
      expect(end).toBeLessThanOrEqual(2 * LINE_BYTES);
    }
  });

  test('threads and sessions do not touch each other', () => {
    const slots = makeSlots(3);
    const threads = [0, 1, 2].map((thread) => new ThreadSlots(slots, thread));
    const names = Object.keys(THREAD) as (keyof typeof THREAD)[];
    for (const [thread, one] of threads.entries()) {
      for (const [at, name] of names.entries()) one.set(name, 100 * thread + at + 1);
    }
    for (const [thread, one] of threads.entries()) {
      for (const [at, name] of names.entries()) expect(one.get(name)).toBe(100 * thread + at + 1);
      expect(one.marks[one.asleepIndex]).toBe(one.get('asleep'));
    }

    const front = new SessionSlots(slots);
    const worker = new SessionSlots(slots);
    for (const index of [0, 1, 2]) {
      for (let stream = 0; stream < 5 + index; stream++) front.opened(index);
      worker.closed(index);
      worker.setBytes(index, 2 ** 50 + index, 2 ** 40 + index, index);
    }
    worker.reset(1);
    front.opened(1);
    const seen = [0, 1, 2].map((index) => [
      front.load(index),
      front.sentBytes(index),
      front.receivedBytes(index),
      front.roundTripMs(index),
    ]);
    expect(seen).toEqual([
      [4, 2 ** 50, 2 ** 40, 0],
      [1, 0, 0, -1],
      [6, 2 ** 50 + 2, 2 ** 40 + 2, 2],
    ]);
  });
});
