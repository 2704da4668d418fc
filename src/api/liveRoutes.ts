// The API's live channel: hands the response over to live.ts, which writes to its socket itself and knows when that is full. Added by api.ts.

import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { createRoute } from '@hono/zod-openapi';
import { type Api, refusals } from './apiRoute.ts';
import type { Live } from './liveChannel.ts';
import { Problem } from './problem.ts';
import { liveTick } from './schemas.ts';

const getLive = createRoute({
  method: 'get',
  path: '/api/v1/live',
  summary: 'What changes, once a second, as server-sent events',
  description:
    'The first event is `state`: every node. Then `tick` events hold what is another than before. Who is too slow for some gets a `state` ' +
    'again, with the events it missed; an event may come twice and is known by its number.',
  responses: {
    200: {
      description: 'Events whose data is this.',
      content: { 'text/event-stream': { schema: liveTick } },
    },
    ...refusals,
  },
});

export function addLiveRoute(api: Api, live: Live): void {
  api.openapi(getLive, (c) => {
    if (live.isFull) {
      throw new Problem(503, 'too many pages watch the hub already; close some', { 'Retry-After': '10' });
    }
    live.add(c.env.outgoing, c.env.session?.id ?? null);
    return RESPONSE_ALREADY_SENT;
  });
}
