// Receive windows grow with their path, stop at what it can use, and give back when memory is short.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WINDOW } from '../../src/limits/path.ts';
import { PROTOCOL } from '../../src/limits/wire.ts';
import { nextWindow, WindowBudget } from '../../src/tunnel/window.ts';

const INITIAL = PROTOCOL.initialWindowBytes;
const PLENTY = () => new WindowBudget(WINDOW.threadBudgetBytes);

/** One download on a path of `bytesPerMs` and `roundTripMs`, topped up at a `share` of its window: the window where it settles. */
function settle(share: number, bytesPerMs: number, roundTripMs: number, budget: WindowBudget): number {
  let window: number = INITIAL;
  for (let topUp = 0; topUp < 200; topUp++) {
    // A window per round trip, or the path's rate, whichever is less.
    const rate = Math.min(bytesPerMs, window / roundTripMs);
    window = nextWindow(window, window * share, (window * share) / rate, roundTripMs, budget);
  }
  return window;
}

describe('growth', () => {
  test.each([0.5, 0.7, 1])(
    'a path of 200 Mbit/s and 200 ms gets its bandwidth-delay product, topped up at %d',
    (share) => {
      const product = 25_000 * 200;
      const window = settle(share, 25_000, 200, PLENTY());
      expect(window).toBeGreaterThanOrEqual(product);
      expect(window).toBeLessThanOrEqual(4 * product);
    },
  );

  test.each([5, 20, 100])(
    'a slow path of %d Mbit/s has no use for more than the initial window',
    (megabits) => {
      // The round trip with a few milliseconds of our own bytes in front, and a router's buffer.
      expect(settle(0.5, megabits * 125, 10, PLENTY())).toBe(INITIAL);
    },
  );

  test('a short path keeps the initial window', () => {
    expect(nextWindow(INITIAL, INITIAL / 2, 0.1, 0.3, PLENTY())).toBe(INITIAL);
    expect(nextWindow(INITIAL, INITIAL / 2, 0.1, -1, PLENTY())).toBe(INITIAL);
  });

  test('a slow stream keeps what it has while memory is there', () => {
    expect(nextWindow(4 * INITIAL, 2 * INITIAL, 10_000, 100, PLENTY())).toBe(4 * INITIAL);
  });

  test('never past the largest window', () => {
    expect(nextWindow(PROTOCOL.maxWindowBytes, PROTOCOL.maxWindowBytes, 1, 100, PLENTY())).toBe(
      PROTOCOL.maxWindowBytes,
    );
  });
});

describe('budget', () => {
  test('what is not there is not taken, neither here nor above', () => {
    const thread = new WindowBudget(INITIAL);
    const session = new WindowBudget(10 * INITIAL, thread);
    expect(nextWindow(INITIAL, INITIAL, 1, 100, session)).toBe(2 * INITIAL);
    expect(nextWindow(INITIAL, INITIAL, 1, 100, session)).toBe(INITIAL);
    expect([thread.usedBytes, session.usedBytes]).toEqual([INITIAL, INITIAL]);
  });

  test('under pressure a slow stream gives back half, never below the initial window', () => {
    const thread = new WindowBudget(8 * INITIAL);
    const session = new WindowBudget(8 * INITIAL, thread);
    expect(session.take(7 * INITIAL)).toBe(true);
    expect(session.pressed).toBe(true);
    expect(nextWindow(4 * INITIAL, 2 * INITIAL, 1_000, 100, session)).toBe(2 * INITIAL);
    expect(thread.usedBytes).toBe(5 * INITIAL);
    expect(session.take(3 * INITIAL)).toBe(true);
    expect(nextWindow(INITIAL, INITIAL, 1_000, 100, session)).toBe(INITIAL);
  });

  test('whatever streams do, the budgets hold and nothing is lost', () => {
    const step = fc.record({
      stream: fc.nat(9),
      share: fc.double({ min: 0.5, max: 1, noNaN: true }),
      elapsedMs: fc.double({ min: 0, max: 5_000, noNaN: true }),
      roundTripMs: fc.double({ min: -1, max: 500, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const thread = new WindowBudget(20 * INITIAL);
        const sessions = [new WindowBudget(15 * INITIAL, thread), new WindowBudget(15 * INITIAL, thread)];
        const windows = new Array<number>(10).fill(INITIAL);
        for (const { stream, share, elapsedMs, roundTripMs } of steps) {
          windows[stream] = nextWindow(
            windows[stream]!,
            windows[stream]! * share,
            elapsedMs,
            roundTripMs,
            sessions[stream % 2]!,
          );
          expect(windows[stream]).toBeGreaterThanOrEqual(INITIAL);
          expect(windows[stream]).toBeLessThanOrEqual(PROTOCOL.maxWindowBytes);
        }
        const extra = windows.reduce((sum, window) => sum + window - INITIAL, 0);
        expect(thread.usedBytes).toBe(extra);
        expect(thread.usedBytes).toBeLessThanOrEqual(thread.limitBytes);
      }),
    );
  });
});
