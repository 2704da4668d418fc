// How fast a path is and what a tunnel may have in line for it: the rate is the path's and not ours, bounds follow it between two
// constants, and a simulated slow path stays busy with little in line.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ENGINE } from '../../src/limits/engine.ts';
import { SLOW_PATH } from '../../src/limits/path.ts';
import { PathRate } from '../../src/tunnel/pathRate.ts';
import { quantumBytesFor, SendBounds, unsentBytesFor } from '../../src/tunnel/sendBounds.ts';
import { SocketFeed } from '../../src/tunnel/socketFeed.ts';

const rates = fc.double({ min: 1, max: 1e6, noNaN: true });

describe('the rate', () => {
  /** The same, kept as a list of all measurements. */
  class Twin {
    readonly #measured: { rate: number; ms: number }[] = [];
    #since: { ms: number; bytes: number } | null = null;
    #starved = false;
    rate = 0;

    busy(bytes: number, starved: boolean, ms: number): void {
      this.#starved ||= starved;
      const { ms: sinceMs, bytes: sinceBytes } = this.#since!;
      if (ms - sinceMs < SLOW_PATH.sampleMinMs || bytes <= sinceBytes) return;
      const rate = (bytes - sinceBytes) / (ms - sinceMs);
      if (!this.#starved || (this.rate > 0 && rate > this.rate)) {
        this.#measured.push({ rate, ms: Math.min(ms - sinceMs, SLOW_PATH.sampleMaxMs) });
        this.rate = this.#largest();
      }
      this.begin(bytes, ms);
    }

    begin(bytes: number, ms: number): void {
      this.#since = { ms, bytes };
      this.#starved = false;
    }

    /** Of the period of the last measurement and the one before it. */
    #largest(): number {
      const periods: number[][] = [[]];
      let periodMs = 0;
      for (const { rate, ms } of this.#measured) {
        if (periodMs >= SLOW_PATH.periodMs) {
          periods.push([]);
          periodMs = 0;
        }
        periods.at(-1)!.push(rate);
        periodMs += ms;
      }
      return Math.max(...periods.slice(-2).flat());
    }
  }

  test('is what its twin says, whatever comes', () => {
    const steps = fc.array(
      fc.record({
        ms: fc.double({ min: 0, max: 300, noNaN: true }),
        bytes: fc.integer({ min: 0, max: 100_000 }),
        starved: fc.boolean(),
      }),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(steps, (list) => {
        const rate = new PathRate();
        const twin = new Twin();
        rate.begin(0, 0);
        twin.begin(0, 0);
        let nowMs = 0;
        let left = 0;
        for (const { ms, bytes, starved } of list) {
          nowMs += ms;
          left += bytes;
          rate.busy(left, starved, nowMs);
          twin.busy(left, starved, nowMs);
          expect(rate.bytesPerMs).toBeCloseTo(twin.rate, 6);
        }
      }),
    );
  });

  test('of a steady path is found, however often it is looked at', () => {
    fc.assert(
      fc.property(rates, fc.double({ min: 0.1, max: 40, noNaN: true }), (bytesPerMs, everyMs) => {
        const rate = new PathRate();
        rate.begin(0, 0);
        for (let ms = everyMs; ms < 200; ms += everyMs) rate.busy(bytesPerMs * ms, false, ms);
        expect(rate.bytesPerMs / bytesPerMs).toBeCloseTo(1, 6);
      }),
    );
  });

  test('goes down after two periods, up at once, and not down for what we did not send', () => {
    const rate = new PathRate();
    let ms = 0;
    let left = 0;
    rate.begin(0, 0);
    const run = (bytesPerMs: number, forMs: number, starved = false): void => {
      for (const endMs = ms + forMs; ms < endMs; ) {
        ms += SLOW_PATH.sampleMinMs;
        left += bytesPerMs * SLOW_PATH.sampleMinMs;
        rate.busy(left, starved, ms);
      }
    };
    run(1_000, SLOW_PATH.periodMs);
    run(10, 4 * SLOW_PATH.periodMs, true);
    expect(rate.bytesPerMs).toBe(1_000);
    run(10, 2 * SLOW_PATH.periodMs);
    expect(rate.bytesPerMs).toBe(10);
    run(2_000, SLOW_PATH.sampleMinMs, true);
    expect(rate.bytesPerMs).toBe(2_000);
  });

  test('is not known from what we did not send, nor while nothing leaves', () => {
    const rate = new PathRate();
    rate.begin(0, 0);
    rate.busy(500, true, 100);
    rate.busy(500, false, 900);
    expect([rate.bytesPerMs, rate.isWhole]).toEqual([0, false]);
  });
});

describe('the bounds', () => {
  test('are a few milliseconds of the rate, between their constants', () => {
    fc.assert(
      fc.property(rates, (bytesPerMs) => {
        const unsent = unsentBytesFor(bytesPerMs);
        const quantum = quantumBytesFor(bytesPerMs);
        expect(unsent).toBeGreaterThanOrEqual(SLOW_PATH.unsentMinBytes);
        expect(unsent === Number.POSITIVE_INFINITY || unsent < ENGINE.tunnelQueueBytes).toBe(true);
        if (unsent > SLOW_PATH.unsentMinBytes && Number.isFinite(unsent))
          expect(unsent / bytesPerMs).toBeLessThan(SLOW_PATH.unsentMs + 1);
        expect(quantum).toBeGreaterThanOrEqual(SLOW_PATH.quantumMinBytes);
        expect(quantum).toBeLessThanOrEqual(ENGINE.streamQuantumBytes);
        // A stream has its turn in what the socket is given at once.
        expect(quantum).toBeLessThanOrEqual(Math.max(SLOW_PATH.quantumMinBytes, unsent / 2));
      }),
    );
  });

  test('of a fast path and of an unknown one are those of the engine', () => {
    for (const bytesPerMs of [0, ENGINE.tunnelQueueBytes / SLOW_PATH.unsentMs, 1e6])
      expect(unsentBytesFor(bytesPerMs)).toBe(Number.POSITIVE_INFINITY);
    expect(quantumBytesFor(0)).toBe(ENGINE.streamQuantumBytes);
  });

  test('stay while the rate changes little', () => {
    const bounds = new SendBounds();
    expect(bounds.follow(2_000)).toBe(true);
    expect(bounds.follow(2_000 * 1.2)).toBe(false);
    expect(bounds.follow(2_000 * 2)).toBe(true);
    expect(bounds.follow(1e6)).toBe(true);
    expect(bounds.isTight).toBe(false);
    expect(bounds.follow(1e6)).toBe(false);
  });

  test('grow while the socket runs out, to their constant, and come back', () => {
    const bounds = new SendBounds();
    bounds.follow(1_000);
    for (let ran = 0; ran < 20; ran++) bounds.follow(1_000, true);
    const most = 1_000 * SLOW_PATH.unsentMaxMs;
    expect(bounds.unsentMaxBytes).toBeLessThanOrEqual(most);
    expect(bounds.unsentMaxBytes).toBeGreaterThan(most / SLOW_PATH.steadyFactor);
    for (let fed = 0; fed < 200; fed++) bounds.follow(1_000);
    expect(bounds.unsentMaxBytes).toBeLessThan(1_000 * SLOW_PATH.unsentMs * SLOW_PATH.steadyFactor);
    // As slow as a tight tunnel may be, and no more in line than the engine's queue.
    const fast = new SendBounds();
    for (let ran = 0; ran < 20; ran++) fast.follow(50_000, true);
    expect(fast.isTight).toBe(true);
    expect(fast.unsentMaxBytes).toBeLessThanOrEqual(ENGINE.tunnelQueueBytes);
  });

  test('the socket gets nothing until half has gone, and then as much as is missing', () => {
    fc.assert(
      fc.property(rates, fc.integer({ min: 0, max: 300_000 }), (bytesPerMs, unsent) => {
        const bounds = new SendBounds();
        bounds.follow(bytesPerMs);
        fc.pre(bounds.isTight);
        const room = bounds.roomBytes(unsent);
        if (2 * unsent < bounds.unsentMaxBytes) expect(room + unsent).toBe(bounds.unsentMaxBytes);
        else expect(room).toBe(0);
      }),
    );
  });
});

/** A sender that always has more, and a path of `bytesPerMs` that is looked at every `turnMs`. */
function bulk(rateAt: (ms: number) => number, turnMs: number, forMs: number, knowsMarks = false) {
  const feed = new SocketFeed(ENGINE.tunnelQueueBytes, knowsMarks);
  const marksAtMs: number[] = [];
  let sent = 0;
  let left = 0;
  let unsentMax = 0;
  let starvedMs = 0;
  for (let ms = 0; ms < forMs; ms += turnMs) {
    const due = rateAt(ms) * turnMs;
    if (sent - left < due && ms > forMs / 2) starvedMs += turnMs;
    left = Math.min(sent, left + due);
    if (feed.asks) feed.asked(sent, Math.floor(sent - left), ms);
    const room = feed.isTight ? feed.roomBytes(Math.floor(sent - left)) : ENGINE.tunnelQueueBytes;
    sent += room;
    const mark = feed.mark(sent, ms);
    if (mark >= 0) {
      marksAtMs.push(ms);
      feed.returned(mark, Math.round(ms * 1_000), ms);
    }
    if (feed.isTight) feed.left(0, true, sent);
    else if (feed.isDue(sent, ms)) feed.asked(sent, Math.floor(sent - left), ms);
    if (ms > forMs / 2) unsentMax = Math.max(unsentMax, sent - left);
  }
  return { feed, unsentMax, starvedMs, marksAtMs };
}

describe('a tunnel', () => {
  test('on a slow path has a few milliseconds in line, and the path is never idle', () => {
    fc.assert(
      fc.property(fc.double({ min: 800, max: 40_000, noNaN: true }), (bytesPerMs) => {
        const { feed, unsentMax, starvedMs } = bulk(() => bytesPerMs, 0.5, 4_000);
        expect(feed.isTight).toBe(true);
        expect(unsentMax / bytesPerMs).toBeLessThan(SLOW_PATH.unsentMs * SLOW_PATH.steadyFactor + 1);
        expect(starvedMs).toBe(0);
      }),
      { numRuns: 30 },
    );
  });

  test('on a fast path is not tight, and has the whole queue', () => {
    const { feed } = bulk(() => 200_000, 0.5, 2_000);
    expect([feed.isTight, feed.queueBytes]).toEqual([false, ENGINE.tunnelQueueBytes]);
  });

  test('follows its path up and down', () => {
    const up = bulk((ms) => (ms < 2_000 ? 1_000 : 150_000), 0.5, 3_000);
    expect(up.feed.isTight).toBe(false);
    const down = bulk((ms) => (ms < 2_000 ? 150_000 : 1_000), 0.5, 20_000);
    expect(down.feed.unsentMaxBytes).toBeLessThan(1_000 * SLOW_PATH.unsentMs * SLOW_PATH.steadyFactor ** 2);
  });

  test('that sends little is never measured', () => {
    const feed = new SocketFeed(ENGINE.tunnelQueueBytes);
    expect(feed.isDue(SLOW_PATH.measureBytes - 1, 1e6)).toBe(false);
    expect([feed.asks, feed.datagramBytes]).toEqual([false, Number.POSITIVE_INFINITY]);
  });

  test('of which nothing is known has little in line until it is', () => {
    const feed = new SocketFeed(ENGINE.tunnelQueueBytes);
    expect(feed.isDue(SLOW_PATH.measureBytes, 0)).toBe(true);
    expect(feed.asked(SLOW_PATH.measureBytes, 10_000, 0)).toBe(true);
    expect(feed.unsentMaxBytes).toBe(SLOW_PATH.firstUnsentBytes);
    // It runs empty each time: it is as fast as we are.
    feed.asked(10 * SLOW_PATH.measureBytes, 0, 2 * SLOW_PATH.sampleMinMs);
    expect([feed.isTight, feed.queueBytes]).toEqual([false, ENGINE.tunnelQueueBytes]);
  });

  test('sends marks only while its path is slow, and to a peer that knows them', () => {
    expect(bulk(() => 200_000, 0.5, 2_000, true).marksAtMs).toEqual([]);
    expect(bulk(() => 1_000, 0.5, 2_000).marksAtMs).toEqual([]);
    const { marksAtMs } = bulk((ms) => (ms < 2_000 ? 1_000 : 150_000), 0.5, 4_000, true);
    expect(marksAtMs.length).toBeGreaterThan(100);
    expect(marksAtMs.at(-1)).toBeLessThan(2_500);
  });

  test('knows the answer to a mark that was under way when its path became fast', () => {
    const feed = new SocketFeed(ENGINE.tunnelQueueBytes, true);
    feed.asked(SLOW_PATH.measureBytes, 20_000, 0);
    feed.asked(40_000, 5_000, 20);
    const mark = feed.mark(40_000, 20);
    expect(mark).toBe(0);
    feed.asked(40_000 + 100_000_000, 1_000, 40);
    expect([feed.isTight, feed.mark(2e8, 60)]).toEqual([false, -1]);
    expect(feed.returned(mark, 0, 70)).toBe(true);
    expect(feed.returned(mark, 0, 70)).toBe(false);
  });
});
