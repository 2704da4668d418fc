// What the owner changed about a node, as a sentence for the event log. Pure.

import type { NodeSettings } from '../../model/fleet.ts';
import type { KnownNode } from './nodeSettings.ts';

/** null: nothing. */
export function changeText(before: KnownNode, after: KnownNode): string | null {
  const { name } = after.stored;
  const changes: string[] = [];
  if (before.stored.name !== name) changes.push(`it was called ${before.stored.name}`);
  const old = wordsOf(before.settings);
  for (const [at, words] of wordsOf(after.settings).entries()) if (words !== old[at]) changes.push(words);
  return changes.length === 0 ? null : `${name} was changed (${changes.join('; ')})`;
}

/** One phrase a setting, always in this order. */
function wordsOf({ tags, country, paused, limits, rotateSchedule }: NodeSettings): string[] {
  const { mbitPerSecond, streams, monthlyBytes, hours } = limits;
  return [
    tags.length === 0 ? 'no tags' : `tags ${tags.join(', ')}`,
    country === null ? 'no country' : `country ${country}`,
    paused ? 'paused' : 'resumed',
    mbitPerSecond === null ? 'no speed limit' : `speed limit ${mbitPerSecond} Mbit/s`,
    streams === null ? 'no limit of streams' : `at most ${streams} ${streams === 1 ? 'stream' : 'streams'}`,
    monthlyBytes === null ? 'no monthly limit' : `monthly limit ${gigabytes(monthlyBytes)} GB`,
    hours === null ? 'no fixed hours' : `hours ${hours}`,
    rotateSchedule === null ? 'no scheduled new address' : `a new address ${rotateSchedule}`,
  ];
}

export function gigabytes(bytes: number): number {
  return Number((bytes / 1e9).toPrecision(6));
}
