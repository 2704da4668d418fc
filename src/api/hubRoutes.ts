// The API about the hub itself: status, events, metrics and health.

import { createRoute, z } from '@hono/zod-openapi';
import type { Registry } from 'prom-client';
import type { EventQuery, Fleet } from '../model/fleet.ts';
import { json, newRoutes, refusals } from './apiRoute.ts';
import { eventPage, MISSING_HUBS, pageHeaders } from './eventPages.ts';
import { owned, ownedLater } from './problem.ts';
import { eventRecord, eventsQuery } from './schemas/events.ts';
import { backup, hubStatus } from './schemas/hub.ts';

const getStatus = createRoute({
  method: 'get',
  path: '/api/v1/status',
  summary: 'The hub as a whole',
  responses: { 200: json(hubStatus, 'Its addresses, its load, its connects.'), ...refusals },
});

const eventLinks = z.object({
  Link: z.string().exactOptional().openapi({ description: 'Where the events before and after these are.' }),
  [MISSING_HUBS]: z.string().exactOptional().openapi({
    description:
      'Names of hubs of the cluster that did not answer, percent-encoded and separated by commas; absent when all did.',
  }),
});

const listEvents = createRoute({
  method: 'get',
  path: '/api/v1/events',
  summary: 'What happened and why',
  description:
    'When so many devices come and go that the list would hold nothing else, one event a minute sums them up; it has no node. With `node`, ' +
    'what happened to that node is there one by one.\n\n' +
    'A `Link` header (RFC 8288) leads on: `rel="next"` to the events before these, until there are none, and `rel="prev"` to those that come ' +
    'after them, for a reader who asks again and again. A hub of a cluster answers for all of them; each numbers its own events. Those of ' +
    'a hub that does not answer come once it does. With `before` or `after`, only events of the hub that is asked, and no links.',
  request: { query: eventsQuery },
  responses: {
    200: { ...json(z.array(eventRecord).readonly(), 'Newest first.'), headers: eventLinks },
    ...refusals,
  },
});

const postBackup = createRoute({
  method: 'post',
  path: '/api/v1/backup',
  summary: "Make a backup of the hub's store in its data directory",
  responses: { 200: json(backup, 'Where it is.'), ...refusals },
});

const getMetrics = createRoute({
  method: 'get',
  path: '/metrics',
  summary: 'Metrics for Prometheus',
  responses: {
    200: { description: 'The text format.', content: { 'text/plain': { schema: z.string() } } },
    ...refusals,
  },
});

const getHealth = createRoute({
  method: 'get',
  path: '/health',
  summary: 'Whether the hub answers',
  responses: { 200: json(z.object({ ok: z.literal(true) }), 'It does.'), ...refusals },
});

/** @param metricsNodes how many nodes have metrics of their own; undefined: as many as by default */
export function hubRoutes(fleet: Fleet, metricsNodes: number | undefined) {
  /** Loaded when somebody scrapes: most hubs never are. */
  let loading: Promise<Registry> | null = null;

  return newRoutes()
    .openapi(getStatus, (c) => c.json(fleet.status(), 200))
    .openapi(listEvents, async (c) => {
      const { kind, node, cursor, ...rest } = c.req.valid('query');
      const query: EventQuery = {
        ...rest,
        ...(kind === undefined ? {} : { kinds: kind }),
        ...(node === undefined ? {} : { nodeId: owned(404, () => fleet.node(node)).id }),
      };
      if (rest.before !== undefined || rest.after !== undefined)
        return c.json(await fleet.events(query), 200);
      const page = await ownedLater(400, eventPage(fleet, query, cursor ?? null));
      for (const [name, value] of pageHeaders(query, page)) c.header(name, value);
      return c.json(page.events, 200);
    })
    .openapi(postBackup, async (c) => c.json(await ownedLater(409, fleet.backup()), 200))
    .openapi(getMetrics, async (c) => {
      loading ??= import('./metrics.ts').then(({ makeMetrics }) => makeMetrics(fleet, metricsNodes));
      const metrics = await loading;
      return c.text(await metrics.metrics(), 200, { 'Content-Type': metrics.contentType });
    })
    .openapi(getHealth, (c) => c.json({ ok: true } as const, 200));
}
