// The table of sticky sessions against a naive one: a map with times, scanned for every question.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StickySessions, type StoredStickySession } from '../../src/routing/stickySessions.ts';

class NaiveSessions {
  readonly #max: number;
  #all: { key: string; nodeId: string; ttlMs: number; strict: boolean; usedMs: number }[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  /** Oldest use first. */
  find(key: string, nowMs: number) {
    return this.#all.find((session) => session.key === key && nowMs - session.usedMs < session.ttlMs);
  }

  use(key: string, ttlMs: number, strict: boolean, nowMs: number): void {
    const session = this.#all.find((other) => other.key === key)!;
    this.#all = [
      ...this.#all.filter((other) => other !== session),
      { ...session, ttlMs, strict, usedMs: nowMs },
    ];
  }

  begin(key: string, nodeId: string, ttlMs: number, strict: boolean, nowMs: number): string | null {
    this.remove(key);
    let gone = '';
    if (this.#all.length >= this.#max) {
      const soft = this.#all.find((session) => !session.strict);
      if (soft === undefined) return null;
      gone = soft.key;
      this.remove(soft.key);
    }
    this.#all.push({ key, nodeId, ttlMs, strict, usedMs: nowMs });
    return gone;
  }

  remove(key: string): boolean {
    const before = this.#all.length;
    this.#all = this.#all.filter((session) => session.key !== key);
    return this.#all.length < before;
  }

  /** How many are alive. */
  alive(nowMs: number): number {
    return this.#all.filter(({ usedMs, ttlMs }) => nowMs - usedMs < ttlMs).length;
  }

  expire(nowMs: number): void {
    this.#all = this.#all.filter(({ usedMs, ttlMs }) => nowMs - usedMs < ttlMs);
  }
}

const SECOND = 1_000;

describe('sticky sessions', () => {
  test('agree with the naive table in any course of events', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
    const ttlMs = fc.constantFrom(1_000, 2_500, 7_000, 30_000, 300_000);
    const event = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ do: fc.constant('ask' as const), key, ttlMs, strict: fc.boolean() }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), key }) },
      {
        weight: 4,
        arbitrary: fc.record({
          do: fc.constant('pass' as const),
          ms: fc.constantFrom(1, 400, 999, 1_000, 3_300, 8_000, 60_000, 400_000),
        }),
      },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('expire' as const) }) },
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 120 }), fc.nat(5_000), (events, startMs) => {
        let nowMs = startMs;
        // A wheel of few slots: lives are longer than it is wide.
        const sessions = new StickySessions(nowMs, 5, 8);
        const naive = new NaiveSessions(5);
        for (const [at, happens] of events.entries()) {
          if (happens.do === 'pass') nowMs += happens.ms;
          else if (happens.do === 'remove')
            expect(sessions.remove(happens.key)).toBe(naive.remove(happens.key));
          else if (happens.do === 'expire') {
            sessions.expire(nowMs);
            // What is over may be held for the rest of its second and the one it was due in; never for longer.
            expect(sessions.size).toBeGreaterThanOrEqual(naive.alive(nowMs));
            sessions.expire(nowMs + 2 * SECOND);
            expect(sessions.size).toBeLessThanOrEqual(naive.alive(nowMs));
            nowMs += 2 * SECOND;
            naive.expire(nowMs);
            for (const name of 'abcdefgh') sessions.find(name, nowMs);
          } else {
            const { key, ttlMs, strict } = happens;
            const known = sessions.find(key, nowMs);
            const expected = naive.find(key, nowMs);
            expect(known?.nodeId).toBe(expected?.nodeId);
            if (known !== null) {
              sessions.use(known, ttlMs, strict, nowMs);
              naive.use(key, ttlMs, strict, nowMs);
              continue;
            }
            // Both hold the same when a place has to be made.
            naive.expire(nowMs);
            for (const name of 'abcdefgh') sessions.find(name, nowMs);
            const begun = sessions.begin(key, `n${at}`, ttlMs, strict, nowMs);
            expect(begun === null).toBe(naive.begin(key, `n${at}`, ttlMs, strict, nowMs) === null);
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test('in a full table the least recently used soft one makes room, a strict one never does', () => {
    const sessions = new StickySessions(0, 3);
    sessions.begin('strict', 'n', 600_000, true, 0);
    sessions.begin('old', 'n', 600_000, false, 1);
    sessions.begin('used', 'n', 600_000, false, 2);
    sessions.use(sessions.find('old', 3)!, 600_000, false, 3);
    sessions.use(sessions.find('used', 4)!, 600_000, false, 4);
    expect(sessions.begin('new', 'n', 600_000, true, 5)).not.toBeNull();
    expect(['strict', 'old', 'used', 'new'].filter((key) => sessions.find(key, 6) !== null)).toEqual([
      'strict',
      'used',
      'new',
    ]);
    sessions.use(sessions.find('used', 7)!, 600_000, true, 7);
    expect(sessions.begin('none', 'n', 600_000, false, 8)).toBeNull();
    expect(sessions.size).toBe(3);
  });

  test('a copy holds each with its remaining time, and newer ones stay', () => {
    const before = new StickySessions(0);
    for (let at = 0; at < 10; at++)
      before.begin(`s${at}`, `n${at}`, 10_000 * (at + 1), at % 2 === 0, at * SECOND);
    const pieces = [...before.dump(4, () => 30_000)];
    expect(pieces.map(({ length }) => length)).toEqual([4, 4]);
    const copy = JSON.parse(JSON.stringify(pieces.flat())) as StoredStickySession[];
    const after = new StickySessions(5_000);
    after.begin('s5', 'elsewhere', 600_000, false, 5_000);
    after.restore(copy, 5_000);
    expect(after.size).toBe(8);
    expect(after.find('s5', 5_000)!.nodeId).toBe('elsewhere');
    // s3 lived to 43,000 of the old clock, 13,000 after the copy.
    expect(after.find('s3', 17_999)?.nodeId).toBe('n3');
    expect(after.find('s3', 18_000)).toBeNull();
  });

  test('after a long sleep those that have ended are forgotten at once, in any slot', () => {
    for (let second = 1; second <= 4; second++) {
      for (let woken = 1_000; woken < 1_004; woken++) {
        const sessions = new StickySessions(0, 10, 4);
        sessions.begin('a', 'n', second * SECOND, false, 0);
        sessions.expire(woken * SECOND);
        expect([second, woken, sessions.size]).toEqual([second, woken, 0]);
      }
    }
  });

  test('a user has a share of the table: past it, only sessions of that user make room', () => {
    const sessions = new StickySessions(0, 10, 8, 4);
    const begin = (user: string, name: number, strict: boolean) =>
      sessions.begin(`${user}-${name}`, 'n1', 60_000, strict, name);
    expect(begin('b', 0, false)).not.toBeNull();
    for (let name = 1; name <= 4; name++) expect(begin('a', name, name < 4)).not.toBeNull();
    expect(begin('a', 5, true)).not.toBeNull();
    expect(sessions.find('a-4', 5)).toBeNull();
    expect(begin('a', 6, false)).toBeNull();
    expect(begin('b', 7, true)).not.toBeNull();
    expect(sessions.find('b-0', 7)).not.toBeNull();
    // One that ends gives its place back.
    expect(sessions.remove('a-1')).toBe(true);
    expect(begin('a', 8, true)).not.toBeNull();
  });

  test('where clients name no user, sticky sessions may fill the table', () => {
    const sessions = new StickySessions(0, 10, 8, 4);
    for (let name = 0; name < 10; name++) {
      expect(sessions.begin(`-${name}`, 'n1', 60_000, true, name)).not.toBeNull();
    }
    expect(sessions.begin('-10', 'n1', 60_000, true, 10)).toBeNull();
  });
});
