// Limits and hours: what they mean at a moment.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/base/userError.ts';
import { closedFor, hoursOf, isOverQuota, paceOf } from '../../src/hub/fleet/nodeLimits.ts';
import { changedSettings, DEFAULT_SETTINGS } from '../../src/hub/fleet/nodeSettings.ts';
import { isWithin } from '../../src/routing/hours.ts';

const at = (clock: string) => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3));

describe('hours', () => {
  test('are read strictly', () => {
    expect(hoursOf('22:00-06:30')).toEqual([1_320, 390]);
    expect(hoursOf(' 08:00 - 17:00 ')).toEqual([480, 1_020]);
    expect(hoursOf('18:00-24:00')).toEqual([1_080, 1_440]);
    for (const text of [
      '',
      '8:00-17:00',
      '08:00',
      '24:00-06:00',
      '08:60-09:00',
      '08:00-08:00',
      '08:00-09:00-10:00',
    ])
      expect([text, hoursOf(text)]).toEqual([text, null]);
  });

  test('begin with their first minute, end before their last, and may pass midnight', () => {
    const night = hoursOf('22:00-06:00')!;
    expect(
      ['21:59', '22:00', '23:59', '00:00', '05:59', '06:00'].map((clock) => isWithin([night], at(clock))),
    ).toEqual([false, true, true, true, true, false]);
    const day = hoursOf('08:00-17:00')!;
    expect(['07:59', '08:00', '16:59', '17:00'].map((clock) => isWithin([day], at(clock)))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  test('and the reverse of these hours together make a whole day', () => {
    const minute = fc.integer({ min: 0, max: 1_439 });
    fc.assert(
      fc.property(minute, minute, minute, (from, until, now) => {
        fc.pre(from !== until);
        expect(isWithin([[from, until]], now)).toBe(!isWithin([[until, from]], now));
      }),
    );
  });
});

describe('a node is closed', () => {
  const settings = changedSettings(DEFAULT_SETTINGS, {
    limits: { monthlyBytes: 1_000, hours: '08:00-17:00' },
  });
  const open = { rotating: false, usedBytes: 0, minute: at('12:00') };

  test('for the first reason that applies', () => {
    expect(closedFor(settings, open)).toBe(null);
    expect(closedFor(settings, { ...open, minute: at('18:00') })).toBe('offHours');
    expect(closedFor(settings, { ...open, usedBytes: 999 })).toBe(null);
    expect(closedFor(settings, { ...open, usedBytes: 1_000, minute: at('18:00') })).toBe('overQuota');
    const paused = changedSettings(settings, { paused: true });
    expect(closedFor(paused, { ...open, usedBytes: 1_000 })).toBe('paused');
    expect(isOverQuota(paused, 1_000)).toBe(true);
    expect(closedFor(paused, { ...open, rotating: true })).toBe('rotating');
    expect(closedFor(DEFAULT_SETTINGS, { rotating: false, usedBytes: 1e15, minute: 0 })).toBe(null);
  });
});

test('the rate is shared by the lanes', () => {
  const slow = changedSettings(DEFAULT_SETTINGS, { limits: { mbitPerSecond: 8 } });
  expect([paceOf(slow, 1), paceOf(slow, 4), paceOf(slow, 0)]).toEqual([1_000_000, 250_000, 1_000_000]);
  expect(paceOf(DEFAULT_SETTINGS, 2)).toBe(null);
  const slowest = changedSettings(DEFAULT_SETTINGS, { limits: { mbitPerSecond: 0.01 } });
  expect(paceOf(slowest, 16)).toBe(78);
});

describe('a change', () => {
  test('leaves alone what it does not name', () => {
    const one = changedSettings(DEFAULT_SETTINGS, {
      tags: ['lte', 'home', 'lte'],
      country: 'de',
      paused: true,
    });
    expect(one).toEqual({ ...DEFAULT_SETTINGS, tags: ['home', 'lte'], country: 'DE', paused: true });
    const two = changedSettings(one, { limits: { streams: 5 } });
    const three = changedSettings(two, { limits: { hours: '22:00-06:00' }, rotateSchedule: 'daily 04:30' });
    expect(three).toEqual({
      ...one,
      limits: { ...DEFAULT_SETTINGS.limits, streams: 5, hours: '22:00-06:00' },
      rotateSchedule: 'daily 04:30',
    });
    const back = {
      tags: [],
      country: null,
      paused: false,
      limits: { streams: null, hours: null },
      rotateSchedule: null,
    };
    expect(changedSettings(three, back)).toEqual(DEFAULT_SETTINGS);
  });

  test.each([
    [{ country: 'Germany' }, '"Germany" is not a two-letter country code such as DE'],
    [{ tags: ['a-b'] }, /not a tag/],
    [{ limits: { mbitPerSecond: 0 } }, "a node's rate must be between 0.01 and 100000 Mbit/s"],
    [{ limits: { mbitPerSecond: Number.NaN } }, /rate/],
    [{ limits: { mbitPerSecond: 1e9 } }, /rate/],
    [{ limits: { streams: 0 } }, /pause the node/],
    [{ limits: { streams: 1.5 } }, /whole number/],
    [{ limits: { monthlyBytes: -1 } }, /whole number/],
    [{ limits: { monthlyBytes: 2 ** 60 } }, /whole number/],
    [{ limits: { hours: 'always' } }, '"always" is not a range of hours such as 22:00-06:00'],
    [
      { rotateSchedule: '0 4 * * *' },
      '"0 4 * * *" is not a schedule such as "every 30m", "every 6h" or "daily 04:30"',
    ],
  ])('%j is refused with a sentence', (change, sentence) => {
    expect(() => changedSettings(DEFAULT_SETTINGS, change)).toThrow(UserError);
    expect(() => changedSettings(DEFAULT_SETTINGS, change)).toThrow(sentence);
  });
});
