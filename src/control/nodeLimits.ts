// What a node's settings mean right now: whether it takes new streams, and how fast it may go. Pure: bytes and time are arguments.
// Evaluated once a second, and whenever something changes, by limitKeeper.ts.

import type { ClosedFor } from '../routing/nodeRouting.ts';
import type { NodeSettings } from './fleet.ts';
import { parseClock } from './localTime.ts';

/** Minutes since midnight; `until` is not part of it and may be earlier than `from`: past midnight. */
export interface Hours {
  readonly from: number;
  readonly until: number;
}

/** Of "HH:MM-HH:MM"; null when it is none, or when it says no time at all. */
export function parseHours(text: string): Hours | null {
  const [first, second, ...rest] = text.trim().split('-');
  const from = parseClock(first?.trim() ?? '');
  const until = parseClock(second?.trim() ?? '');
  if (from === null || until === null || rest.length > 0 || from === until) return null;
  return { from, until };
}

/** `minute`: since local midnight. */
export function isWithin({ from, until }: Hours, minute: number): boolean {
  return from < until ? minute >= from && minute < until : minute >= from || minute < until;
}

/**
 * Why the node takes no new streams; null: it takes them.
 * @param usedBytes both directions together, of this calendar month
 * @param minute since local midnight
 */
export function closedFor(
  settings: NodeSettings,
  now: { readonly rotating: boolean; readonly usedBytes: number; readonly minute: number },
): ClosedFor | null {
  const { hours } = settings.limits;
  if (now.rotating) return 'rotating';
  if (settings.paused) return 'paused';
  if (isOverQuota(settings, now.usedBytes)) return 'overQuota';
  const open = hours === null ? null : parseHours(hours);
  return open !== null && !isWithin(open, now.minute) ? 'offHours' : null;
}

/** Whatever else closes the node, or does not. */
export function isOverQuota({ limits: { monthlyBytes } }: NodeSettings, usedBytes: number): boolean {
  return monthlyBytes !== null && usedBytes >= monthlyBytes;
}

/** What one of a node's sessions may move in each direction; null: no limit. */
export function paceOf(settings: NodeSettings, lanes: number): number | null {
  const { mbitPerSecond } = settings.limits;
  return mbitPerSecond === null
    ? null
    : Math.max(1, Math.floor((mbitPerSecond * 125_000) / Math.max(1, lanes)));
}
