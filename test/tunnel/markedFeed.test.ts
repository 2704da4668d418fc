// Small answers beside bulk where the socket does not say what its system holds: marks between the bytes keep what stands in line at a few
// milliseconds, bulk keeps the link busy, and what changes on the way is found out again. In simulated time.

import { describe, expect, test } from 'vitest';
import { ENGINE } from '../../src/limits/engine.ts';
import { MARKS, SLOW_PATH } from '../../src/limits/path.ts';
import { CAPABILITY, OFFERED_CAPABILITIES } from '../../src/noise/payload.ts';
import { MarkedFeed } from '../../src/tunnel/markedFeed.ts';
import { runUplink, type UplinkOutcome } from './slowUplink.ts';

const MEGABIT = 125;

function percentile({ answersMs }: Pick<UplinkOutcome, 'answersMs'>, share: number): number {
  return answersMs[Math.floor(answersMs.length * share)]!;
}

/** Of one rate alone, the slowest answers depend on how the first few records happen to lie. */
const NEARBY = [0.97, 0.985, 1, 1.015, 1.03];

describe('beside bulk', () => {
  test.each([
    { megabits: 5, transfers: 1, roundTripMs: 1, p50: 30, p99: 60 },
    { megabits: 5, transfers: 4, roundTripMs: 1, p50: 35, p99: 75 },
    { megabits: 20, transfers: 1, roundTripMs: 1, p50: 20, p99: 35 },
    { megabits: 20, transfers: 4, roundTripMs: 1, p50: 20, p99: 35 },
    { megabits: 20, transfers: 4, roundTripMs: 20, p50: 35, p99: 55 },
    { megabits: 20, transfers: 4, roundTripMs: 100, p50: 90, p99: 130 },
    { megabits: 100, transfers: 4, roundTripMs: 1, p50: 20, p99: 35 },
  ])(
    'a small answer waits little: $megabits Mbit/s, $transfers transfers, round trip $roundTripMs ms',
    ({ megabits, transfers, roundTripMs, p50, p99 }) => {
      const outcomes = NEARBY.map((factor) =>
        runUplink({
          ...{ bytesPerMs: factor * megabits * MEGABIT, transfers, roundTripMs },
          ...{ settleMs: 2_000, runMs: 8_000 },
        }),
      );
      for (const { answersMs, isTight, share, bulk } of outcomes) {
        expect(answersMs.length).toBeGreaterThan(40);
        expect(isTight).toBe(true);
        expect(share).toBeGreaterThan(0.95);
        expect(Math.min(...bulk) / Math.max(...bulk)).toBeGreaterThan(0.7);
      }
      const answersMs = outcomes.flatMap((outcome) => outcome.answersMs).sort((one, other) => one - other);
      expect(percentile({ answersMs }, 0.5)).toBeLessThan(p50);
      expect(percentile({ answersMs }, 0.99)).toBeLessThan(p99);
    },
  );

  test.each([2, 5, 10])('bulk keeps the link busy where each side wakes every %d ms', (wakeEveryMs) => {
    const outcome = runUplink({
      ...{ bytesPerMs: 20 * MEGABIT, transfers: 4, roundTripMs: 1, wakeEveryMs },
      ...{ settleMs: 2_000, runMs: 6_000 },
    });
    expect(outcome.share).toBeGreaterThan(0.95);
    expect(percentile(outcome, 0.99)).toBeLessThan(2 * MARKS.lineMaxMs + wakeEveryMs);
  });

  test('a fast path is not bounded', () => {
    const outcome = runUplink({
      ...{ bytesPerMs: 1_000 * MEGABIT, transfers: 4, roundTripMs: 1 },
      ...{ settleMs: 500, runMs: 1_500 },
    });
    expect(outcome.isTight).toBe(false);
    expect(outcome.share).toBeGreaterThan(0.95);
  });

  test('with a peer that knows no marks everything is as without them', () => {
    const outcome = runUplink({
      ...{ bytesPerMs: 20 * MEGABIT, transfers: 4, roundTripMs: 1 },
      ...{ settleMs: 1_000, runMs: 3_000 },
      capabilities: OFFERED_CAPABILITIES & ~CAPABILITY.marks,
    });
    expect(outcome.isTight).toBe(false);
    expect(percentile(outcome, 0.5)).toBeGreaterThan(100);
  });
});

describe('what changes on the way is found out again', () => {
  const plan = { bytesPerMs: 20 * MEGABIT, transfers: 4, roundTripMs: 20, runMs: 14_000 };
  const changesAtMs = 4_000;

  test('a longer way', () => {
    const outcome = runUplink({
      ...{ ...plan, settleMs: 9_000 },
      change: (nowMs, up) => {
        up.delayMs = nowMs > changesAtMs ? 110 : 10;
      },
    });
    expect(outcome.share).toBeGreaterThan(0.9);
    expect(percentile(outcome, 0.99)).toBeLessThan(250);
  });

  test('a line on the way back costs nothing of the way there', () => {
    const outcome = runUplink({
      ...{ ...plan, settleMs: 6_000 },
      change: (nowMs, _up, down) => {
        down.delayMs = nowMs > changesAtMs ? 90 : 10;
      },
    });
    expect(outcome.share).toBeGreaterThan(0.9);
  });

  test.each([
    { from: 20, to: 5 },
    { from: 5, to: 20 },
  ])('another rate: $from to $to Mbit/s', ({ from, to }) => {
    const outcome = runUplink({
      ...{ ...plan, settleMs: 6_000 },
      change: (nowMs, up) => {
        up.bytesPerMs = (nowMs > changesAtMs ? to : from) * MEGABIT;
      },
    });
    expect(outcome.share).toBeGreaterThan(0.95);
    expect(percentile(outcome, 0.99)).toBeLessThan(90);
  });

  test('others that fill the line do not take the link: bulk keeps a good part of what they leave', () => {
    let next = changesAtMs;
    const outcome = runUplink({
      ...{ ...plan, settleMs: 6_000 },
      // Half of the link, always with 100 ms of theirs in front of us.
      change: (nowMs, up) => {
        if (nowMs < next) return;
        up.othersBytes += up.bytesPerMs * 10;
        next += 20;
      },
    });
    expect(outcome.share).toBeGreaterThan(0.3);
  });
});

describe('a path that was fast', () => {
  /** Bytes a millisecond for so long; each mark comes back after 1 ms and its time in line. */
  function carry(
    feed: MarkedFeed,
    from: { ms: number; bytes: number },
    bytesPerMs: number,
    forMs: number,
    lineMs: number,
  ) {
    let { ms, bytes } = from;
    let tightMs = 0;
    const pending: { number: number; atMs: number }[] = [];
    for (const endMs = ms + forMs; ms < endMs; ms += 1) {
      while (pending.length > 0 && pending[0]!.atMs <= ms) {
        const { number, atMs } = pending.shift()!;
        feed.returned(number, Math.round(atMs * 1_000), ms);
      }
      bytes += bytesPerMs;
      const number = feed.mark(bytes, ms);
      if (number >= 0) pending.push({ number, atMs: ms + 1 + lineMs });
      if (feed.isTight) feed.left(0, true, bytes);
      if (feed.isTight) tightMs++;
    }
    for (const { number, atMs } of pending) feed.returned(number, Math.round(atMs * 1_000), atMs);
    return { ms: ms + 1 + lineMs, bytes, tightMs };
  }

  test('is not taken for a slow one by a line behind a pause', () => {
    const feed = new MarkedFeed(ENGINE.tunnelQueueBytes, 0);
    let at = carry(feed, { ms: 0, bytes: 1 }, 100_000, 200, 0);
    for (let burst = 0; burst < 5; burst++) {
      at = carry(feed, { ms: at.ms + 10_000, bytes: at.bytes }, 100_000, 100, 2 * MARKS.lineMaxMs);
      expect(at.tightMs).toBe(0);
    }
  });

  test('is bounded once it is slow', () => {
    const feed = new MarkedFeed(ENGINE.tunnelQueueBytes, 0);
    const at = carry(feed, { ms: 0, bytes: 1 }, 100_000, 200, 0);
    expect(feed.isTight).toBe(false);
    expect(carry(feed, at, 2_500, 400, 2 * MARKS.lineMaxMs).tightMs).toBeGreaterThan(200);
    expect(feed.windowBytes).toBeLessThan(150_000);
  });
});

describe('marks', () => {
  const newFeed = () => new MarkedFeed(ENGINE.tunnelQueueBytes, 0);

  test('the first one comes with the first byte, the next ones by bytes and time', () => {
    const feed = newFeed();
    expect(feed.mark(0, 0)).toBe(-1);
    expect(feed.mark(1, 0)).toBe(0);
    expect(feed.mark(1 + MARKS.sinceMinBytes, 1)).toBe(-1);
    expect(feed.mark(MARKS.sinceMinBytes, MARKS.everyMs)).toBe(-1);
    expect(feed.mark(1 + MARKS.sinceMinBytes, MARKS.everyMs)).toBe(1);
  });

  test('a full window gets one whenever it was', () => {
    const feed = newFeed();
    feed.mark(1, 0);
    expect(feed.mark(SLOW_PATH.firstUnsentBytes, 0.1)).toBe(1);
    feed.left(0, true, SLOW_PATH.firstUnsentBytes);
    expect(feed.queueBytes).toBe(0);
  });

  test('an answer brings room for what it says has arrived, and for marks before it', () => {
    const feed = newFeed();
    feed.mark(1, 0);
    feed.mark(20_000, 4);
    feed.mark(40_000, 8);
    expect(feed.returned(1, 5_000, 9)).toBe(true);
    feed.left(0, false, 40_000);
    expect(feed.queueBytes).toBe(feed.windowBytes - 20_000);
    expect(feed.returned(0, 5_000, 9)).toBe(false);
    expect(feed.returned(1, 5_000, 9)).toBe(false);
    expect(feed.returned(3, 5_000, 9)).toBe(false);
    expect(feed.returned(2, 9_000, 12)).toBe(true);
  });

  test('clocks of the two sides have nothing to do with each other, and start over', () => {
    const bySide = [0, 2 ** 32 - 30_000, 1e9].map((clock) => {
      const feed = newFeed();
      let written = 1;
      for (let ms = 0; ms < 100; ms += MARKS.everyMs) {
        const number = feed.mark(written, ms);
        feed.left(0, true, written);
        if (number >= 0)
          expect(feed.returned(number, (clock + (ms + 2) * 1_000) % 2 ** 32, ms + 3)).toBe(true);
        written += 3_000;
      }
      return feed.windowBytes;
    });
    expect(new Set(bySide).size).toBe(1);
  });

  test('no more of them wait than there is room for, and they keep to the rate that a peer allows', () => {
    const feed = newFeed();
    let written = 1;
    let marks = 0;
    for (let at = 0; at < 2 * MARKS.pendingMax; at++) {
      if (feed.mark(written, at * MARKS.everyMs) >= 0) marks++;
      written += MARKS.sinceMinBytes;
    }
    expect(marks).toBe(MARKS.pendingMax);
  });

  test('a window that is full without a mark on its way asks for one soon', () => {
    const feed = newFeed();
    expect(feed.markDueInMs(100)).toBe(-1);
    expect(feed.markDueInMs(SLOW_PATH.firstUnsentBytes)).toBeGreaterThan(0);
  });
});
