// The API's live channel: hands the response over to liveChannel.ts, which writes to its socket itself and knows when that is full.

import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { createRoute, z } from '@hono/zod-openapi';
import { newRoutes, refusals } from './apiRoute.ts';
import type { Live } from './liveChannel.ts';
import { Problem } from './problem.ts';
import { liveDelta, liveQuery, liveTick } from './schemas/live.ts';

const getLive = createRoute({
  method: 'get',
  path: '/api/v1/live',
  summary: 'What changes, once a second, as server-sent events',
  description:
    'The first event is `state`: every node. Then `tick` events hold what has changed. A reader that is too slow for some gets a `state` ' +
    'again, with the events it missed. An event may come twice; its number shows that. With `deltas=true`, `delta` events take the place of ' +
    'ticks: LiveDelta names a node by its place in the last `state`, counted from 0, or among the new ones behind it. They ' +
    'are a small part of the bytes in a large fleet.',
  request: { query: liveQuery },
  responses: {
    200: {
      description: 'Events with this as their data.',
      content: { 'text/event-stream': { schema: z.union([liveTick, liveDelta]) } },
    },
    ...refusals,
  },
});

export function liveRoutes(live: Live) {
  return newRoutes().openapi(getLive, (c) => {
    const { outgoing, viewer } = c.env;
    if (outgoing === null) throw new Problem(501, 'there is no live channel without a running hub');
    if (live.isFull) {
      const headers = { 'Retry-After': '10' };
      throw new Problem(503, 'too many pages are already watching the hub; close some', { headers });
    }
    live.add(outgoing, viewer, c.req.valid('query').deltas === 'true');
    return RESPONSE_ALREADY_SENT;
  });
}
