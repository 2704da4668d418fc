// Small answers beside bulk on one slow path whose system says what it has not sent, in simulated time. What stands in front of an answer is
// a few milliseconds, bulk keeps the link busy, and nobody is left out.

import { describe, expect, test } from 'vitest';
import { SLOW_PATH } from '../../src/limits/path.ts';
import { CAPABILITY, OFFERED_CAPABILITIES } from '../../src/noise/payload.ts';
import { ANSWER_BYTES, runUplink, type UplinkOutcome } from './slowUplink.ts';

/** A packet and the next: nothing else is in flight. */
const SHORT_FLIGHT_BYTES = 3_000;
const NO_MARKS = OFFERED_CAPABILITIES & ~CAPABILITY.marks;

/** `hearEveryMs`: how often the node hears that the system has sent. */
function run(bytesPerMs: number, transfers: number, hearEveryMs?: number): UplinkOutcome {
  return runUplink({
    ...{ bytesPerMs, transfers, roundTripMs: 0, settleMs: 1_000, runMs: 4_000, turnMs: 0.2 },
    ...{ flightMaxBytes: SHORT_FLIGHT_BYTES, capabilities: NO_MARKS },
    ...(hearEveryMs === undefined ? {} : { hearEveryMs }),
  });
}

describe('a link that acknowledges in batches', () => {
  test.each([4, 8, 12])('is kept busy all the same: every %d ms', (everyMs) => {
    const { share, answersMs } = run(2_500, 4, everyMs);
    expect(share).toBeGreaterThan(0.95);
    expect(answersMs.at(-1)).toBeLessThan(2 * SLOW_PATH.unsentMaxMs);
  });
});

describe('beside bulk', () => {
  test.each([
    { megabits: 5, transfers: 1 },
    { megabits: 5, transfers: 4 },
    { megabits: 20, transfers: 1 },
    { megabits: 20, transfers: 4 },
    { megabits: 20, transfers: 8 },
    { megabits: 100, transfers: 4 },
  ])(
    'a small answer waits a few milliseconds: $megabits Mbit/s, $transfers transfers',
    ({ megabits, transfers }) => {
      const bytesPerMs = megabits * 125;
      const { answersMs, share, bulk } = run(bytesPerMs, transfers);
      expect(answersMs.length).toBeGreaterThan(50);
      const lineMs =
        Math.max(SLOW_PATH.unsentMs, SLOW_PATH.unsentMinBytes / bytesPerMs) * SLOW_PATH.steadyFactor;
      const turnMs =
        Math.max(SLOW_PATH.quantumMs, SLOW_PATH.quantumMinBytes / bytesPerMs) * SLOW_PATH.steadyFactor;
      const flightMs = (SHORT_FLIGHT_BYTES + ANSWER_BYTES) / bytesPerMs;
      expect(answersMs.at(-1)).toBeLessThan(lineMs + turnMs + flightMs + 1);
      expect(share).toBeGreaterThan(0.97);
      // Turns are equal: within a few quanta.
      expect(Math.min(...bulk) / Math.max(...bulk)).toBeGreaterThan(0.8);
    },
  );
});

/** A router's queue in front of the link that holds 100 ms, filled as a congestion control that looks for loss alone fills it. */
function besideFullRouter(
  megabits: number,
  roundTripMs: number,
  capabilities = OFFERED_CAPABILITIES,
): UplinkOutcome {
  const bytesPerMs = megabits * 125;
  return runUplink({
    ...{ bytesPerMs, transfers: 4, roundTripMs, settleMs: 2_000, runMs: 8_000, capabilities },
    flightMaxBytes: bytesPerMs * (roundTripMs + 100),
  });
}

describe('what is in flight on a path that has proved to be slow', () => {
  test.each([
    { megabits: 5, roundTripMs: 1, p50: 35, p99: 60 },
    { megabits: 20, roundTripMs: 1, p50: 20, p99: 35 },
    { megabits: 20, roundTripMs: 20, p50: 35, p99: 55 },
    { megabits: 20, roundTripMs: 100, p50: 90, p99: 200 },
  ])(
    'is bounded by marks: $megabits Mbit/s, round trip $roundTripMs ms',
    ({ megabits, roundTripMs, p50, p99 }) => {
      const { answersMs, share, bulk } = besideFullRouter(megabits, roundTripMs);
      expect(answersMs[Math.floor(answersMs.length * 0.5)]).toBeLessThan(p50);
      expect(answersMs[Math.floor(answersMs.length * 0.99)]).toBeLessThan(p99);
      expect(share).toBeGreaterThan(0.95);
      expect(Math.min(...bulk) / Math.max(...bulk)).toBeGreaterThan(0.7);
    },
  );

  test('is what the congestion control says where the peer knows no marks', () => {
    const { answersMs, share } = besideFullRouter(20, 1, NO_MARKS);
    expect(answersMs[Math.floor(answersMs.length * 0.5)]).toBeGreaterThan(90);
    expect(share).toBeGreaterThan(0.95);
  });

  test('leaves bulk the link where both sides often wait for a processor', () => {
    const outcome = runUplink({
      ...{ bytesPerMs: 20 * 125, transfers: 4, roundTripMs: 1, settleMs: 2_000, runMs: 8_000 },
      flightMaxBytes: 20 * 125 * 11,
      // 12 of 40 ms, the hub's at another time than the node's.
      sleeps: (side, nowMs) => (nowMs + 17 * side) % 40 < 12,
    });
    expect(outcome.share).toBeGreaterThan(0.93);
  });
});
