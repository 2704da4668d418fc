// Pages of events for readers of the API: of all hubs where there is a cluster, and the headers that lead from one page to the next.

import { UserError } from '../base/userError.ts';
import { decodeCursor, WHOLE } from '../cluster/eventCursor.ts';
import { mergedPage, placeAt } from '../cluster/eventPages.ts';
import type { EventPage, EventQuery, Fleet } from '../model/fleet.ts';

export const EVENTS_PATH = '/api/v1/events';
/** The header with names of hubs that did not answer, percent-encoded and separated by commas. */
export const MISSING_HUBS = 'Restunnel-Missing-Hubs';

/** Of a hub that is in no cluster: its cursors lead nowhere else. */
const ALONE = '0'.repeat(16);

/** `before` and `after` of the query do not count. Rejects with UserError for a cursor that is none. */
export async function eventPage(fleet: Fleet, query: EventQuery, cursor: string | null): Promise<EventPage> {
  if (fleet.hubs !== undefined) return fleet.hubs.eventPage(query, cursor);
  const at = cursor === null ? WHOLE : decodeCursor(cursor);
  if (at === null) throw new UserError('the cursor is not from a page of this hub', 2);
  const { before: _before, after: _after, ...asked } = query;
  const place = placeAt(at, ALONE);
  const range = { after: place.after, ...(place.before === null ? {} : { before: place.before }) };
  const events = await fleet.events({ ...asked, ...range });
  const answer = { id: ALONE, name: null, events, askedMax: query.limit };
  return { ...mergedPage(at, [answer], query.limit, Date.now()), missingHubs: [] };
}

export function pageHeaders(query: EventQuery, { older, newer, missingHubs }: EventPage): [string, string][] {
  const links = [
    ...(older === null ? [] : [linkTo(query, older, 'next')]),
    ...(newer === null ? [] : [linkTo(query, newer, 'prev')]),
  ];
  const headers: [string, string][] = links.length === 0 ? [] : [['Link', links.join(', ')]];
  if (missingHubs.length > 0) headers.push([MISSING_HUBS, missingHubs.map(encodeURIComponent).join(',')]);
  return headers;
}

function linkTo({ kinds, nodeId, contains, limit }: EventQuery, cursor: string, rel: string): string {
  const query = new URLSearchParams({ limit: String(limit), cursor });
  if (kinds !== undefined) query.set('kind', kinds.join(','));
  if (nodeId !== undefined) query.set('node', nodeId);
  if (contains !== undefined) query.set('contains', contains);
  return `<${EVENTS_PATH}?${query}>; rel="${rel}"`;
}
