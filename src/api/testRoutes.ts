// The API's test page: fetch a URL through a node and tell how it went.

import { createRoute } from '@hono/zod-openapi';
import type { OwnUser } from '../hub/access/proxyUsers.ts';
import { DASHBOARD } from '../limits/owner.ts';
import type { Fleet } from '../model/fleet.ts';
import { json, jsonBody, newRoutes, refusals } from './apiRoute.ts';
import { owned, Problem } from './problem.ts';
import { testFetchRequest, testFetchResult } from './schemas/testFetch.ts';
import { readTestUrl, testFetch } from './testFetch.ts';

const postTestFetch = createRoute({
  method: 'post',
  path: '/api/v1/test-fetch',
  summary: 'Fetch a page through a node, as a client of the HTTP proxy would',
  request: { body: jsonBody(testFetchRequest) },
  responses: {
    200: json(testFetchResult, 'How it went, also when the page could not be fetched.'),
    ...refusals,
  },
});

export function testRoutes(fleet: Fleet, ownUser: OwnUser) {
  let running = 0;
  return newRoutes().openapi(postTestFetch, async (c) => {
    const { node, url: text } = c.req.valid('json');
    const url = owned(400, () => readTestUrl(text));
    const found = node === null ? null : owned(404, () => fleet.node(node));
    if (running >= DASHBOARD.testFetchesMax) {
      const headers = { 'Retry-After': '5' };
      throw new Problem(429, 'enough tests are running already; wait for one to end', { headers });
    }
    running += 1;
    try {
      const { addresses } = fleet.status();
      const nodeId = found?.id ?? null;
      const outcome = await testFetch({ proxy: addresses.http, nodeId, ownUser, url });
      return c.json({ url: url.href, nodeId, nodeName: found?.name ?? null, ...outcome }, 200);
    } finally {
      running -= 1;
    }
  });
}
