// The bucket of a rate: never more than it allows in any window, never nothing for ever, and nearly all that it allows when asked often.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ENGINE } from '../../src/limits/engine.ts';
import { PACE } from '../../src/limits/path.ts';
import { Pace } from '../../src/tunnel/pace.ts';

const rates = fc.oneof(fc.integer({ min: 1, max: 100_000 }), fc.integer({ min: 1, max: 2 ** 40 }));

function burstOf(bytesPerSecond: number): number {
  return Math.max(PACE.burstMinBytes, (bytesPerSecond * PACE.burstMs) / 1_000);
}

interface Spent {
  readonly atMs: number;
  readonly bytes: number;
}

/** Spends whatever it may at each step: the gap before it, and the share of a quantum that the stream has to send. */
function spendAll(pace: Pace, steps: readonly { gapMs: number; share: number }[]): Spent[] {
  const spent: Spent[] = [];
  let nowMs = 0;
  for (const { gapMs, share } of steps) {
    nowMs += gapMs;
    for (let turn = 0; turn < 3 && pace.hasRoom(nowMs); turn++) {
      const bytes = Math.max(1, Math.floor(pace.quantumBytes * share));
      pace.spend(bytes);
      spent.push({ atMs: nowMs, bytes });
    }
  }
  return spent;
}

const steps = fc.array(
  fc.record({
    gapMs: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 100, noNaN: true })),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
  { maxLength: 150 },
);

describe('a pace', () => {
  test('in any window passes no more than burst, one quantum and the rate', () => {
    fc.assert(
      fc.property(rates, steps, (bytesPerSecond, list) => {
        const pace = new Pace(bytesPerSecond, 0);
        const allowance = burstOf(bytesPerSecond) + pace.quantumBytes;
        const spent = spendAll(pace, list);
        for (let from = 0; from < spent.length; from++) {
          let bytes = 0;
          for (let to = from; to < spent.length; to++) {
            bytes += spent[to]!.bytes;
            const ms = spent[to]!.atMs - spent[from]!.atMs;
            expect(bytes).toBeLessThanOrEqual(allowance + (bytesPerSecond * ms) / 1_000 + 1e-3);
          }
        }
      }),
    );
  });

  test('has room when it said it would, and not before; a debt is one quantum at most', () => {
    fc.assert(
      fc.property(rates, steps, (bytesPerSecond, list) => {
        const pace = new Pace(bytesPerSecond, 0);
        spendAll(pace, list);
        // The time it was asked last, which may be after the last spending: due times count from there.
        const nowMs = list.reduce((sum, { gapMs }) => sum + gapMs, 0);
        const dueInMs = pace.dueInMs(nowMs);
        expect(dueInMs).toBeLessThanOrEqual(((pace.quantumBytes + 1) * 1_000) / bytesPerSecond + 1e-6);
        expect(pace.hasRoom(nowMs)).toBe(dueInMs === 0);
        // It is due when a whole byte is there; room is any part of one.
        const earlyMs = dueInMs - 1_100 / bytesPerSecond;
        if (earlyMs > 0) expect(pace.hasRoom(nowMs + earlyMs)).toBe(false);
        expect(pace.hasRoom(nowMs + dueInMs * (1 + 1e-9) + 1e-6)).toBe(true);
      }),
    );
  });

  test('asked at every timer tick it gives the rate, whatever the tick adds', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2_000, max: 1_000_000_000 }),
        fc.integer({ min: 0, max: 30 }),
        (rate, lateMs) => {
          const pace = new Pace(rate, 0);
          let bytes = 0;
          let nowMs = 0;
          while (nowMs < 20_000) {
            nowMs += Math.max(ENGINE.timerTickMs + lateMs, pace.dueInMs(nowMs));
            while (pace.hasRoom(nowMs)) {
              pace.spend(pace.quantumBytes);
              bytes += pace.quantumBytes;
            }
          }
          const due = (rate * nowMs) / 1_000;
          expect(bytes).toBeGreaterThan(0.95 * due - pace.quantumBytes);
          expect(bytes).toBeLessThan(due + burstOf(rate) + pace.quantumBytes);
        },
      ),
    );
  });

  test('promised room counts as spent', () => {
    const pace = new Pace(1_000_000, 0);
    const burst = burstOf(1_000_000);
    expect(pace.hasRoom(0, burst - 1)).toBe(true);
    expect(pace.hasRoom(0, burst)).toBe(false);
    expect(pace.hasRoom(1_000, burst)).toBe(false);
  });

  test('a new rate applies at once, without a new burst', () => {
    const pace = new Pace(1_000, 0);
    while (pace.hasRoom(0)) pace.spend(pace.quantumBytes);
    pace.setRate(10_000_000, 0);
    expect(pace.hasRoom(0)).toBe(false);
    expect(pace.dueInMs(0)).toBeLessThan(1);
    pace.setRate(1_000, 1_000);
    let bytes = 0;
    for (; pace.hasRoom(1_000); bytes += pace.quantumBytes) pace.spend(pace.quantumBytes);
    expect(bytes).toBeLessThanOrEqual(burstOf(1_000) + pace.quantumBytes);
  });

  test('time that stands still or runs back gives nothing', () => {
    const pace = new Pace(1_000, 5_000);
    while (pace.hasRoom(5_000)) pace.spend(pace.quantumBytes);
    expect(pace.hasRoom(5_000)).toBe(false);
    expect(pace.hasRoom(0)).toBe(false);
    expect(pace.dueInMs(0)).toBe(pace.dueInMs(5_000));
  });

  test('a quantum shrinks with the rate, and is never more than without one', () => {
    expect(new Pace(1, 0).quantumBytes).toBe(PACE.quantumMinBytes);
    expect(new Pace(1_000_000, 0).quantumBytes).toBe(10_000);
    expect(new Pace(2 ** 50, 0).quantumBytes).toBe(ENGINE.streamQuantumBytes);
  });
});
