// The API about the hub itself: status, events, metrics, health, and its own description. Added by api.ts.

import { createRoute, z } from '@hono/zod-openapi';
import type { Registry } from 'prom-client';
import type { EventQuery, Fleet } from '../model/fleet.ts';
import { type Api, json, refusals } from './apiRoute.ts';
import { owned } from './problem.ts';
import { eventRecord, eventsQuery, hubStatus } from './schemas.ts';

const getStatus = createRoute({
  method: 'get',
  path: '/api/v1/status',
  summary: 'The hub as a whole',
  responses: { 200: json(hubStatus, 'What it is and how it goes.'), ...refusals },
});

const listEvents = createRoute({
  method: 'get',
  path: '/api/v1/events',
  summary: 'What happened and why',
  request: { query: eventsQuery },
  responses: { 200: json(z.array(eventRecord).readonly(), 'Newest first.'), ...refusals },
});

const getMetrics = createRoute({
  method: 'get',
  path: '/metrics',
  summary: 'For Prometheus',
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

const getDescription = createRoute({
  method: 'get',
  path: '/api/v1/openapi.json',
  summary: 'This description',
  responses: { 200: json(z.looseObject({ openapi: z.string() }), 'OpenAPI 3.1.'), ...refusals },
});

/** `describe` is called once, when every route is there. */
export function addHubRoutes(api: Api, fleet: Fleet, describe: () => object): void {
  /** Loaded when somebody scrapes: most hubs never are. */
  let loading: Promise<Registry> | null = null;
  let description: { openapi: string } | null = null;

  api.openapi(getStatus, (c) => c.json(fleet.status(), 200));
  api.openapi(listEvents, (c) => {
    const { kind, node, ...rest } = c.req.valid('query');
    const query: EventQuery = {
      ...rest,
      ...(kind === undefined ? {} : { kinds: kind }),
      ...(node === undefined ? {} : { nodeId: owned(404, () => fleet.node(node)).id }),
    };
    return c.json(fleet.events(query), 200);
  });
  api.openapi(getMetrics, async (c) => {
    loading ??= import('./metrics.ts').then(({ makeMetrics }) => makeMetrics(fleet));
    const metrics = await loading;
    return c.text(await metrics.metrics(), 200, { 'Content-Type': metrics.contentType });
  });
  api.openapi(getHealth, (c) => c.json({ ok: true } as const, 200));
  api.openapi(getDescription, (c) => {
    description ??= describe() as { openapi: string };
    return c.json(description, 200);
  });
}
