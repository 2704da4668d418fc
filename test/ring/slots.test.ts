// Shared counters: no two names share bytes, and no writer's line is another's.

import { describe, expect, test } from 'vitest';
import { SESSION } from '../../src/limits/session.ts';
import { CONNECT_TIME_BOUNDS_MS } from '../../src/ring/connectTimes.ts';
import { FAILURE_CAUSES } from '../../src/ring/failureCauses.ts';
import {
  BYTES,
  DATAGRAM_COUNTS,
  FRONT,
  makeSlots,
  SESSION_CAUSES,
  SESSION_TIMES,
  SessionSlots,
  THREAD,
  THREAD_CAUSES,
  ThreadSlots,
  WORKER,
} from '../../src/ring/slots.ts';

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
  test('a thread has one cache line, and no two names share a slot', () => {
    const ranges = int32s(THREAD);
    expect(overlaps(ranges)).toEqual([]);
    for (const [, , end] of ranges) expect(end).toBeLessThanOrEqual(LINE_BYTES);
  });

  test('a session has one cache line for the front and one for the worker', () => {
    const front = int32s(FRONT);
    const worker = [...int32s(WORKER), ...float64s(BYTES)];
    expect(overlaps([...front, ...worker])).toEqual([]);
    for (const [, , end] of front) expect(end).toBeLessThanOrEqual(LINE_BYTES);
    for (const [, start, end] of worker) {
      expect(start).toBeGreaterThanOrEqual(LINE_BYTES);
      expect(end).toBeLessThanOrEqual(2 * LINE_BYTES);
    }
  });

  test('the tables by cause and time follow the lines, inside the room of a thread or session', () => {
    const causes = FAILURE_CAUSES.length;
    expect(THREAD_CAUSES * 4).toBeGreaterThanOrEqual(LINE_BYTES);
    expect(SESSION_TIMES * 4).toBeGreaterThanOrEqual(2 * LINE_BYTES);
    expect(SESSION_CAUSES).toBeGreaterThanOrEqual(SESSION_TIMES + CONNECT_TIME_BOUNDS_MS.length);
    expect(makeSlots(1).threads.byteLength % LINE_BYTES).toBe(0);
    expect(makeSlots(1).threads.byteLength).toBeGreaterThanOrEqual((THREAD_CAUSES + causes) * 4);
    const sessionBytes = makeSlots(1).sessions.byteLength / SESSION.indicesMax;
    expect(sessionBytes % LINE_BYTES).toBe(0);
    expect(sessionBytes).toBeGreaterThanOrEqual((SESSION_CAUSES + causes) * 4);
  });

  test('connects are counted by outcome, cause and time, and a new session starts at zero', () => {
    const slots = makeSlots(2);
    const sessions = new SessionSlots(slots);
    const threads = [0, 1].map((thread) => new ThreadSlots(slots, thread));
    for (const index of [0, 1, 2]) {
      for (const [at, cause] of FAILURE_CAUSES.entries()) {
        for (let time = 0; time < at + index; time++) sessions.connectFailed(index, cause);
      }
      for (const [at, bound] of CONNECT_TIME_BOUNDS_MS.entries()) {
        for (let time = 0; time < (at % 3) + index; time++) sessions.connectOk(index, bound);
      }
      sessions.opened(index);
      sessions.setBytes(index, 7, 8, 9);
      sessions.setDatagrams(index, 10, 2 ** 32 + 11, 2 ** 32 - 1);
    }
    for (const [thread, one] of threads.entries()) {
      one.set('streams', 5);
      for (const [at, cause] of FAILURE_CAUSES.entries()) {
        for (let time = 0; time <= at + thread; time++) one.countFailed(cause);
      }
    }
    sessions.reset(1);
    const times = new Uint32Array(CONNECT_TIME_BOUNDS_MS.length);
    const datagrams = new Uint32Array(DATAGRAM_COUNTS);
    for (const index of [0, 1, 2]) {
      const kept = index !== 1;
      expect(FAILURE_CAUSES.map((cause) => sessions.failed(index, cause))).toEqual(
        FAILURE_CAUSES.map((_, at) => (kept ? at + index : 0)),
      );
      sessions.connectTimes(index, times);
      expect([...times]).toEqual(CONNECT_TIME_BOUNDS_MS.map((_, at) => (kept ? (at % 3) + index : 0)));
      expect(sessions.succeeded(index)).toBe(times.reduce((sum, count) => sum + count));
      expect([sessions.load(index), sessions.sentBytes(index), sessions.roundTripMs(index)]).toEqual(
        kept ? [1, 7, 9] : [0, 0, -1],
      );
      sessions.datagrams(index, datagrams);
      expect([...datagrams]).toEqual(kept ? [10, 11, 2 ** 32 - 1] : [0, 0, 0]);
    }
    for (const [thread, one] of threads.entries()) {
      expect(one.get('streams')).toBe(5);
      expect(FAILURE_CAUSES.map((cause) => one.failed(cause))).toEqual(
        FAILURE_CAUSES.map((_, at) => at + thread + 1),
      );
    }
  });

  test('threads and sessions never share a slot', () => {
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
    front.opened(2);
    front.notOpened(2);
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
