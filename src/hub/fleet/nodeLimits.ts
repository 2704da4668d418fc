// What a node's limits (stored in hub/store/nodeSettingsTable.ts) mean right now: whether it takes new streams, and how
// fast it may go. Pure: bytes and time are arguments.

import type { NodeSettings } from '../../model/fleet.ts';
import { type Hours, isWithin, parseHours } from '../../routing/hours.ts';
import type { ClosedFor } from '../../routing/nodeRouting.ts';

/** Parses "HH:MM-HH:MM", blanks aside; null for any other text. */
export function hoursOf(text: string): Hours | null {
  return parseHours(text.replaceAll(' ', ''));
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
  const open = hours === null ? null : hoursOf(hours);
  return open !== null && !isWithin([open], now.minute) ? 'offHours' : null;
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
