// The API's test page: fetch a URL through a node and tell how it went. Added by api.ts.

import { createRoute } from '@hono/zod-openapi';
import { DASHBOARD } from '../limits/ownerBounds.ts';
import { type Api, type ApiParts, json, jsonBody, refusals } from './apiRoute.ts';
import { owned, Problem } from './problem.ts';
import { testFetchRequest, testFetchResult } from './schemas.ts';
import { readTestUrl, testFetch } from './testFetch.ts';

const postTestFetch = createRoute({
  method: 'post',
  path: '/api/v1/test-fetch',
  summary: 'Fetch a page through a node, as a client of the HTTP proxy would',
  request: { body: jsonBody(testFetchRequest) },
  responses: {
    200: json(testFetchResult, 'How it went; a page that could not be fetched is an answer, too.'),
    ...refusals,
  },
});

export function addTestRoute(api: Api, { fleet, ownUser }: ApiParts): void {
  let running = 0;
  api.openapi(postTestFetch, async (c) => {
    const { node, url: text } = c.req.valid('json');
    const url = owned(400, () => readTestUrl(text));
    const found = node === null ? null : owned(404, () => fleet.node(node));
    if (running >= DASHBOARD.testFetchesMax) {
      throw new Problem(429, 'enough tests are running already; wait for one to end', { 'Retry-After': '5' });
    }
    running += 1;
    try {
      const outcome = await testFetch({
        proxy: fleet.status().addresses.http,
        nodeId: found?.id ?? null,
        ownUser,
        url,
      });
      return c.json(
        { url: url.href, nodeId: found?.id ?? null, nodeName: found?.name ?? null, ...outcome },
        200,
      );
    } finally {
      running -= 1;
    }
  });
}
