// When a node is asked for a new address, and the local time that goes by: also on days of 23 and 25 hours.

import { describe, expect, test } from 'vitest';
import { localDay, localMinute } from '../../src/base/localTime.ts';
import { isDue, parseSchedule } from '../../src/hub/fleet/rotateSchedule.ts';
import { inZone } from './inZone.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

test('three forms are read, others are not', () => {
  expect(parseSchedule('every 30m')).toEqual({ kind: 'every', periodMs: 30 * MINUTE });
  expect(parseSchedule('every 6h')).toEqual({ kind: 'every', periodMs: 6 * HOUR });
  expect(parseSchedule(' daily  04:30 ')).toEqual({ kind: 'daily', minute: 270 });
  for (const text of [
    '',
    'every',
    'every 0m',
    'every 30s',
    'every 999h',
    'daily 4:30',
    'daily 25:00',
    'every 6h now',
    '* * * * *',
  ])
    expect([text, parseSchedule(text)]).toEqual([text, null]);
});

describe('every', () => {
  const schedule = parseSchedule('every 30m')!;
  test('comes that often, and not late when the clock is set back', () => {
    const last = Date.UTC(2026, 0, 1);
    expect(isDue(schedule, last, last + 30 * MINUTE - 1)).toBe(false);
    expect(isDue(schedule, last, last + 30 * MINUTE)).toBe(true);
    expect(isDue(schedule, last, last - 10 * MINUTE)).toBe(false);
    expect(isDue(schedule, last, last - 31 * MINUTE)).toBe(true);
  });
});

/** Goes through a time minute by minute, as the hub does second by second; the local times at which it was due. */
function dueTimes(text: string, fromMs: number, hours: number): string[] {
  const schedule = parseSchedule(text)!;
  const times: string[] = [];
  let last = fromMs;
  for (let now = fromMs; now < fromMs + hours * HOUR; now += MINUTE) {
    if (!isDue(schedule, last, now)) continue;
    last = now;
    const minute = localMinute(now);
    times.push(`${localDay(now)} ${Math.floor(minute / 60)}:${String(minute % 60).padStart(2, '0')}`);
  }
  return times;
}

describe('daily', () => {
  test('comes once a day, and not right after a start', () => {
    inZone('Europe/Berlin', () => {
      expect(dueTimes('daily 04:30', Date.UTC(2026, 5, 1, 4), 72)).toEqual([
        '2026-06-02 4:30',
        '2026-06-03 4:30',
        '2026-06-04 4:30',
      ]);
    });
  });

  test('a skipped time comes with the next minute there is, one that comes twice counts once', () => {
    inZone('Europe/Berlin', () => {
      expect(dueTimes('daily 02:30', Date.UTC(2026, 2, 27, 12), 72)).toEqual([
        '2026-03-28 2:30',
        '2026-03-29 3:00',
        '2026-03-30 2:30',
      ]);
      expect(dueTimes('daily 02:30', Date.UTC(2026, 9, 23, 12), 72)).toEqual([
        '2026-10-24 2:30',
        '2026-10-25 2:30',
        '2026-10-26 2:30',
      ]);
    });
  });
});

test('days and minutes follow the time zone', () => {
  const at = Date.UTC(2026, 0, 1, 0, 30);
  expect(inZone('America/New_York', () => [localDay(at), localMinute(at)])).toEqual([
    '2025-12-31',
    19 * 60 + 30,
  ]);
  expect(inZone('Asia/Kathmandu', () => [localDay(at), localMinute(at)])).toEqual([
    '2026-01-01',
    6 * 60 + 15,
  ]);
});
