// When a peer that owes an answer is asked, and when it is given up.

import { expect, test } from 'vitest';
import { SESSION } from '../../src/limits/session.ts';
import { Silence } from '../../src/tunnel/silence.ts';

const { silenceCheckMs, askedPingMinMs, askedDeadMinMs, askedMoveMinMs, askedRoundTrips } = SESSION;

/** Checks on time until it says something; after how long. */
function next(silence: Silence, from: { ms: number }, acknowledged: () => number, roundTripMs: number) {
  for (let waitedMs = silenceCheckMs; waitedMs <= 600_000; waitedMs += silenceCheckMs) {
    from.ms += silenceCheckMs;
    const said = silence.check(from.ms, 1, acknowledged(), roundTripMs);
    if (said !== 'wait') return { said, waitedMs };
  }
  return { said: 'wait', waitedMs: Number.POSITIVE_INFINITY };
}

/** As next(), past the word that it is silent. */
function last(...args: Parameters<typeof next>) {
  const first = next(...args);
  if (first.said !== 'silent') return first;
  const { said, waitedMs } = next(...args);
  return { said, waitedMs: first.waitedMs + waitedMs };
}

test('a peer that owes nothing is not asked', () => {
  const silence = new Silence(0);
  for (let ms = 0; ms < 100_000; ms += silenceCheckMs) expect(silence.check(ms, 0, 0, 10)).toBe('wait');
  silence.heard(5);
  for (let ms = 100_000; ms < 200_000; ms += silenceCheckMs) expect(silence.check(ms, 5, 0, 10)).toBe('wait');
});

test.each([
  [-1, askedPingMinMs, askedMoveMinMs, askedDeadMinMs],
  [20, askedPingMinMs, askedMoveMinMs, askedDeadMinMs],
  [1_000, askedRoundTrips * 1_000, askedRoundTrips * 1_000, askedDeadMinMs],
  [3_000, askedRoundTrips * 3_000, askedRoundTrips * 3_000, askedRoundTrips * 3_000],
])(
  'with a round trip of %d ms under load: a PING after %d ms, called silent %d ms later, given up %d ms later',
  (roundTripMs, ping, silent, dead) => {
    const silence = new Silence(0);
    const now = { ms: 0 };
    expect(next(silence, now, () => -1, roundTripMs)).toEqual({ said: 'ping', waitedMs: ping });
    expect(silence.isPinged).toBe(true);
    expect(next(silence, now, () => 7, roundTripMs)).toEqual({ said: 'silent', waitedMs: silent });
    // The first check behind the PING finds out what was acknowledged until then.
    expect(next(silence, now, () => 7, roundTripMs)).toEqual({
      said: 'dead',
      waitedMs: dead + silenceCheckMs - silent,
    });
  },
);

test('acknowledged bytes keep it alive, and so does not knowing them', () => {
  for (const acknowledged of [() => ++bytes, () => -1]) {
    const silence = new Silence(0);
    const now = { ms: 0 };
    expect(next(silence, now, () => -1, 10).said).toBe('ping');
    expect(next(silence, now, acknowledged, 10).said).toBe('silent');
    expect(next(silence, now, acknowledged, 10).said).toBe('wait');
  }
});
let bytes = 0;

test('any byte ends it', () => {
  const silence = new Silence(0);
  const now = { ms: 0 };
  next(silence, now, () => -1, 10);
  silence.heard(1);
  expect(silence.isPinged).toBe(false);
  expect(next(silence, now, () => 7, 10).said).toBe('wait');
});

test('a pause of the whole machine is not the silence of the peer', () => {
  const silence = new Silence(0);
  expect(silence.check(silenceCheckMs, 1, -1, 10)).toBe('wait');
  expect(silence.check(1_000_000, 1, -1, 10)).toBe('wait');
});

test('a peer in doubt has a PING on its way already, and is given up sooner', () => {
  const silence = new Silence(0);
  const now = { ms: 0 };
  silence.heard(1);
  silence.doubt();
  expect(silence.isUnanswered(1)).toBe(true);
  expect(last(silence, now, () => 7, 20)).toEqual({
    said: 'dead',
    waitedMs: SESSION.doubtedDeadMinMs + silenceCheckMs,
  });
  // Whatever comes ends the doubt.
  silence.heard(1);
  expect(silence.isUnanswered(1)).toBe(false);
  expect(silence.isPinged).toBe(false);
  silence.doubt();
  let acknowledged = 0;
  expect(last(silence, now, () => acknowledged++, 20).said).toBe('wait');
});

test('a peer in doubt whose TCP nobody can ask has as long for its answer as any other', () => {
  const silence = new Silence(0);
  silence.doubt();
  expect(last(silence, { ms: 0 }, () => -1, 20)).toEqual({ said: 'dead', waitedMs: SESSION.deadAfterPingMs });
});
