// When a node gets a new address: "every 30m", "every 6h" or "daily 04:30" in the hub's local time. Pure.

import { localDay, localMinute, parseClock } from '../../base/localTime.ts';
import { SETTINGS } from '../../limits/owner.ts';

export type RotateSchedule =
  | { readonly kind: 'every'; readonly periodMs: number }
  /** Minutes since local midnight. */
  | { readonly kind: 'daily'; readonly minute: number };

/** null: none of the three forms, or a period out of bounds. */
export function parseSchedule(text: string): RotateSchedule | null {
  const [word, value, ...rest] = text.trim().split(/ +/);
  if (value === undefined || rest.length > 0) return null;
  if (word === 'daily') {
    const minute = parseClock(value);
    return minute === null ? null : { kind: 'daily', minute };
  }
  const period = /^([1-9][0-9]{0,4})(m|h)$/.exec(value);
  if (word !== 'every' || period === null) return null;
  const periodMs = Number(period[1]) * (period[2] === 'h' ? 3_600_000 : 60_000);
  if (periodMs < SETTINGS.rotateEveryMinMs || periodMs > SETTINGS.rotateEveryMaxMs) return null;
  return { kind: 'every', periodMs };
}

/**
 * Whether it is time, when the last rotation (or the moment from which the schedule counts) was at `lastMs`. A clock that was set back
 * before `lastMs` waits no longer than one that was not. A time that a day leaves out, as clocks go forward, comes with the next minute
 * there is.
 */
export function isDue(schedule: RotateSchedule, lastMs: number, nowMs: number): boolean {
  if (schedule.kind === 'every')
    return nowMs - lastMs >= schedule.periodMs || lastMs - nowMs > schedule.periodMs;
  if (localMinute(nowMs) < schedule.minute) return false;
  return localDay(lastMs) !== localDay(nowMs)
    ? true
    : localMinute(lastMs) < schedule.minute && lastMs < nowMs;
}
