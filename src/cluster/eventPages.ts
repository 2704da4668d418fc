// One page of the events of several hubs, newest first, out of what each of them answered, and the cursors that lead on from it. The order
// is that of time; events of one hub stay in the order of their numbers, whatever its clock did. Pure.

import { PICTURE } from '../limits/cluster.ts';
import type { EventRecord } from '../model/fleet.ts';
import { type EventCursor, type EventPlace, encodeCursor } from './eventCursor.ts';

/** What one hub answered. */
export interface HubEvents {
  readonly id: string;
  /** What its owner calls it; null: there is no cluster. */
  readonly name: string | null;
  /** Newest first, of those at its place in the cursor. */
  readonly events: readonly EventRecord[];
  /** How many it was asked for: with as many, there may be more. */
  readonly askedMax: number;
}

export interface MergedPage {
  readonly events: readonly EventRecord[];
  /** Cursors: to the events before these, null for none; and to those that come after them, null on a page further back. */
  readonly older: string | null;
  readonly newer: string | null;
}

/** Where the reader stands at a hub. */
export function placeAt({ places }: EventCursor, hub: string): EventPlace {
  return places.get(hub) ?? { after: 0, before: null };
}

interface Taking {
  readonly hub: HubEvents;
  readonly place: EventPlace;
  readonly events: readonly EventRecord[];
  taken: number;
}

/** Hubs that did not answer keep their places. `nowMs`: when the hubs were asked. */
export function mergedPage(
  cursor: EventCursor,
  answers: readonly HubEvents[],
  limit: number,
  nowMs: number,
): MergedPage {
  const all = answers.map((hub): Taking => {
    const place = placeAt(cursor, hub.id);
    return { hub, place, events: inPlace(cursor, hub, place), taken: 0 };
  });
  const events: EventRecord[] = [];
  while (events.length < limit) {
    const next = newest(all);
    if (next === null) break;
    const event = next.events[next.taken++]!;
    events.push(next.hub.name === null ? event : { ...event, hub: next.hub.name });
    // What it has behind these may be newer than what the others have.
    if (next.taken === next.events.length && mayHaveMore(next)) break;
  }
  const hasMore = all.some((one) => one.taken < one.events.length || mayHaveMore(one));
  return {
    events,
    older: hasMore ? encodeCursor(older(cursor, all)) : null,
    newer: isAtTop(cursor) ? encodeCursor(newer(cursor, all, nowMs)) : null,
  };
}

/** Whoever answers may say anything: only events that were asked for, each once. */
function inPlace({ sinceMs }: EventCursor, { events }: HubEvents, place: EventPlace): EventRecord[] {
  let before = place.before ?? Number.POSITIVE_INFINITY;
  return events.filter(({ number, at }) => {
    if (number >= before || number <= place.after) return false;
    if (place.after === 0 && Date.parse(at) <= sinceMs) return false;
    before = number;
    return true;
  });
}

function newest(all: readonly Taking[]): Taking | null {
  let best: Taking | null = null;
  for (const one of all) {
    const event = one.events[one.taken];
    if (event !== undefined && (best === null || event.at > best.events[best.taken]!.at)) best = one;
  }
  return best;
}

/** Not where the last of its answer was none of those that were asked for: older ones are none either. */
function mayHaveMore({ hub, events }: Taking): boolean {
  return hub.events.length >= hub.askedMax && events.length > 0 && events.at(-1) === hub.events.at(-1);
}

function older(cursor: EventCursor, all: readonly Taking[]): EventCursor {
  const places = new Map(cursor.places);
  for (const { hub, place, events, taken } of all) {
    const last = events[taken - 1]?.number ?? null;
    // What comes in the meantime is no older event.
    const top = place.before ?? (events[0]?.number ?? place.after) + 1;
    places.set(hub.id, { after: place.after, before: last ?? top });
  }
  return { ...cursor, places };
}

function isAtTop({ places }: EventCursor): boolean {
  return [...places.values()].every(({ before }) => before === null);
}

function newer(cursor: EventCursor, all: readonly Taking[], nowMs: number): EventCursor {
  const places = new Map(cursor.places);
  for (const { hub, place, events } of all)
    places.set(hub.id, { after: events[0]?.number ?? place.after, before: null });
  return { sinceMs: cursor.sinceMs === 0 ? nowMs - PICTURE.clocksApartMs : cursor.sinceMs, places };
}
