// The timing wheel against a naive twin: a list searched from end to end.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimerWheel } from '../../src/reactor/timers.ts';

const TICK_MS = 16;

/** What the wheel must do, without any of its structure. */
class NaiveTimers {
  #timers: { id: number; dueMs: number; tag: number }[] = [];
  set(nowMs: number, delayMs: number, id: number, tag: number): void {
    this.#timers.push({ id, dueMs: nowMs + delayMs, tag });
  }
  clear(id: number): void {
    this.#timers = this.#timers.filter((timer) => timer.id !== id);
  }
  /** Tags of those that must have fired by now, and those that may have. */
  due(nowMs: number): { must: number[]; may: number[] } {
    const may = this.#timers.filter((timer) => timer.dueMs <= nowMs);
    const must = may.filter((timer) => timer.dueMs + TICK_MS <= nowMs);
    return { must: must.map((timer) => timer.tag), may: may.map((timer) => timer.tag) };
  }
  forget(tag: number): void {
    this.#timers = this.#timers.filter((timer) => timer.tag !== tag);
  }
  get nextMs(): number {
    return Math.min(...this.#timers.map((timer) => timer.dueMs));
  }
  get count(): number {
    return this.#timers.length;
  }
}

function fireAll(wheel: TimerWheel, nowMs: number): void {
  wheel.expire(nowMs);
  while (wheel.hasDue) wheel.fireNext();
}

describe('TimerWheel', () => {
  it('fires what the naive twin says, never early, at most a tick late', () => {
    const delay = fc.oneof(
      fc.nat(50),
      fc.nat(2_000),
      fc.nat(400_000),
      fc.double({ min: 0, max: 3_000, noNaN: true }),
    );
    const command = fc.oneof(
      { weight: 5, arbitrary: fc.record({ kind: fc.constant('set' as const), delayMs: delay }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('clear' as const), index: fc.nat(200) }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: delay }) },
    );
    fc.assert(
      fc.property(fc.nat(1e9), fc.array(command, { maxLength: 120 }), (startMs, commands) => {
        let nowMs = startMs;
        const wheel = new TimerWheel(nowMs, TICK_MS);
        const naive = new NaiveTimers();
        const ids: number[] = [];
        let fired: number[] = [];
        const handler = { onTimer: (tag: number) => fired.push(tag) };
        for (const command of commands) {
          if (command.kind === 'set') {
            const tag = ids.length;
            const id = wheel.set(nowMs, command.delayMs, handler, tag);
            expect(id).toBeGreaterThan(0);
            naive.set(nowMs, command.delayMs, id, tag);
            ids.push(id);
          } else if (command.kind === 'clear') {
            const id = ids[command.index % Math.max(ids.length, 1)] ?? 0;
            wheel.clear(id);
            naive.clear(id);
          } else {
            nowMs += command.ms;
            fired = [];
            fireAll(wheel, nowMs);
            const { must, may } = naive.due(nowMs);
            expect(may).toEqual(expect.arrayContaining(fired));
            expect(fired).toEqual(expect.arrayContaining(must));
            expect(new Set(fired).size).toBe(fired.length);
            for (const tag of fired) naive.forget(tag);
          }
          expect(wheel.count).toBe(naive.count);
          const sleepMs = wheel.nextDelayMs(nowMs, 1_000);
          expect(sleepMs).toBeGreaterThanOrEqual(0);
          expect(sleepMs).toBeLessThanOrEqual(Math.min(1_000, Math.ceil(naive.nextMs + TICK_MS - nowMs)));
          if (naive.count === 0) expect(sleepMs).toBe(1_000);
        }
        expect(new Set(ids).size).toBe(ids.length);
      }),
      { numRuns: 300 },
    );
  });

  it('sleeps until the next timer and not in steps', () => {
    const wheel = new TimerWheel(1_000, TICK_MS);
    wheel.set(1_000, 500, { onTimer() {} }, 0);
    const sleepMs = wheel.nextDelayMs(1_000, 1_000);
    expect(sleepMs).toBeGreaterThanOrEqual(500);
    expect(sleepMs).toBeLessThanOrEqual(500 + TICK_MS);
  });

  it('fires in the order of due time, and of setting within a tick', () => {
    const wheel = new TimerWheel(0, TICK_MS);
    const fired: number[] = [];
    const handler = { onTimer: (tag: number) => fired.push(tag) };
    for (const [tag, delayMs] of [300, 20, 100, 17, 20, 3].entries()) wheel.set(0, delayMs, handler, tag);
    fireAll(wheel, 1_000);
    expect(fired).toEqual([5, 1, 3, 4, 2, 0]);
  });

  it('lets a handler clear a timer that is due with it, and set another', () => {
    const wheel = new TimerWheel(0, TICK_MS);
    const fired: string[] = [];
    const second = { onTimer: () => fired.push('second') };
    const first = {
      onTimer: () => {
        fired.push('first');
        wheel.clear(secondId);
        wheel.set(20, 0, second, 0);
      },
    };
    wheel.set(0, 5, first, 0);
    const secondId = wheel.set(0, 6, second, 0);
    fireAll(wheel, 20);
    expect(fired).toEqual(['first']);
    fireAll(wheel, 40);
    expect(fired).toEqual(['first', 'second']);
  });

  it('keeps the rest when a handler throws', () => {
    const wheel = new TimerWheel(0, TICK_MS);
    const fired: number[] = [];
    const handler = {
      onTimer: (tag: number) => {
        fired.push(tag);
        if (tag === 0) throw new Error('from the handler');
      },
    };
    wheel.set(0, 1, handler, 0);
    wheel.set(0, 1, handler, 1);
    wheel.expire(100);
    expect(() => wheel.fireNext()).toThrow('from the handler');
    while (wheel.hasDue) wheel.fireNext();
    expect(fired).toEqual([0, 1]);
    expect(wheel.count).toBe(0);
  });

  it('does not let an old id clear a later timer in the same slot', () => {
    const wheel = new TimerWheel(0, TICK_MS);
    let fired = 0;
    const handler = { onTimer: () => fired++ };
    const old = wheel.set(0, 1, handler, 0);
    wheel.clear(old);
    wheel.set(0, 1, handler, 0);
    wheel.clear(old);
    fireAll(wheel, 50);
    expect(fired).toBe(1);
  });

  it('holds ten thousand, and none after clearAll', () => {
    const wheel = new TimerWheel(0, TICK_MS);
    let sum = 0;
    const handler = { onTimer: (tag: number) => (sum += tag) };
    for (let tag = 0; tag < 10_000; tag++) wheel.set(0, (tag * 7_919) % 60_000, handler, tag);
    for (let nowMs = 0; nowMs <= 60_100; nowMs += 100) fireAll(wheel, nowMs);
    expect(sum).toBe((9_999 * 10_000) / 2);
    for (let tag = 0; tag < 100; tag++) wheel.set(60_100, tag, handler, 1);
    wheel.clearAll();
    fireAll(wheel, 61_000);
    expect(wheel.count).toBe(0);
    expect(sum).toBe((9_999 * 10_000) / 2);
  });
});
