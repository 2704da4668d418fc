// Breakers, bans and the quality of a node.

import { describe, expect, test } from 'vitest';
import { BREAKER, NODE_QUALITY, ROUTING } from '../../src/limits/routing.ts';
import { Breaker } from '../../src/routing/breaker.ts';
import { HostBans } from '../../src/routing/hostBans.ts';
import { NodeQuality } from '../../src/routing/nodeQuality.ts';

describe('a breaker', () => {
  test('opens after so many failures in a row, not earlier', () => {
    const breaker = new Breaker();
    for (let at = 1; at < BREAKER.inRow; at++) expect(breaker.note(0, 1, at)).toBe(false);
    expect(breaker.note(1, 0, 10)).toBe(false);
    for (let at = 1; at < BREAKER.inRow; at++) expect(breaker.note(0, 1, 10 + at)).toBe(false);
    expect(breaker.note(0, 1, 20)).toBe(true);
    expect(breaker.state).toBe('open');
  });

  test('opens when half of many connects fail, and forgets old ones', () => {
    const breaker = new Breaker();
    for (let at = 0; at < 20; at++) breaker.note(1, 1, at * 20 * BREAKER.halfLifeMs);
    expect(breaker.state).toBe('closed');
    for (let at = 0; at < 11; at++) breaker.note(1, 1, 1e9 + at);
    expect(breaker.state).toBe('open');
    const healthy = new Breaker();
    for (let at = 0; at < 100; at++) healthy.note(6, 4, at);
    expect(healthy.state).toBe('closed');
  });

  test('tries again after a rest, which doubles up to a limit, and closes at the first success', () => {
    const breaker = new Breaker();
    let nowMs = 0;
    breaker.note(0, BREAKER.inRow, nowMs);
    for (let round = 0; round < 10; round++) {
      const restMs = Math.min(BREAKER.restMaxMs, BREAKER.restMinMs * 2 ** round);
      expect(breaker.note(0, 0, nowMs + restMs - 1)).toBe(false);
      nowMs += restMs;
      expect(breaker.note(0, 0, nowMs)).toBe(true);
      expect([breaker.state, breaker.probes]).toEqual(['halfOpen', BREAKER.probes]);
      expect(breaker.note(0, 1, ++nowMs)).toBe(true);
      expect(breaker.state).toBe('open');
    }
    nowMs += BREAKER.restMaxMs;
    breaker.note(0, 0, nowMs);
    breaker.probes = 0;
    nowMs += BREAKER.probeMs;
    breaker.note(0, 0, nowMs);
    expect(breaker.probes).toBe(BREAKER.probes);
    expect(breaker.note(1, 0, ++nowMs)).toBe(true);
    expect(breaker.state).toBe('closed');
    // After a good time the next rest is a short one again.
    nowMs += BREAKER.restMaxMs;
    breaker.note(1, 0, nowMs);
    breaker.note(0, BREAKER.inRow, ++nowMs);
    expect(breaker.note(0, 0, nowMs + BREAKER.restMinMs)).toBe(true);
  });
});

describe('bans', () => {
  test('make a node rest for one host, in upper or lower case, until the rest is over', () => {
    const bans = new HostBans();
    expect(bans.of('shop.example')).toBeNull();
    bans.add('a', 'Shop.Example', 100);
    bans.add('b', 'shop.example', 200);
    expect([...bans.of('SHOP.example')!]).toEqual([
      ['a', 100],
      ['b', 200],
    ]);
    expect(bans.of('other.example')).toBeNull();
    bans.expire(100);
    expect([...bans.of('shop.example')!.keys()]).toEqual(['b']);
    bans.expire(200);
    expect(bans.size).toBe(0);
    expect(bans.of('shop.example')).toBeNull();
  });

  test('are bounded: the oldest makes room', () => {
    const bans = new HostBans();
    for (let at = 0; at < ROUTING.restsMax + 10; at++) bans.add(`n${at % 7}`, `host${at >> 1}.example`, 1e9);
    expect(bans.size).toBe(ROUTING.restsMax);
    expect(bans.of('host0.example')).toBeNull();
    expect(bans.of(`host${(ROUTING.restsMax + 9) >> 1}.example`)?.size).toBe(2);
  });
});

describe('the weight of a node', () => {
  test('grows with success, nearness and rate, and is never 0', () => {
    const weightOf = (succeeded: number, failed: number, roundTripMs: number, rate: number) => {
      const quality = new NodeQuality();
      for (let second = 0; second < 100; second++) quality.note(succeeded, failed, roundTripMs, rate, 1_000);
      return quality.weight(1e6);
    };
    const usual = weightOf(10, 0, 20, 1e6);
    expect(weightOf(5, 5, 20, 1e6) / usual).toBeCloseTo(0.5, 1);
    expect(weightOf(10, 0, NODE_QUALITY.halfAtMs, 1e6) / weightOf(10, 0, 0, 1e6)).toBeCloseTo(0.5, 2);
    expect(weightOf(10, 0, 20, 1e8)).toBeGreaterThan(1.4 * usual);
    expect(weightOf(10, 0, 20, 1e5)).toBeLessThan(0.7 * usual);
    expect(weightOf(10, 0, 20, 0)).toBeCloseTo(usual, 5);
    expect(weightOf(0, 100, 5_000, 1e5)).toBe(NODE_QUALITY.weightMin);
    expect(new NodeQuality().weight(0)).toBe(1);
  });
});
