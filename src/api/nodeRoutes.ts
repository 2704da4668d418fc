// The API about nodes: what they are, do and did, and what the owner decides about them.

import { createRoute, z } from '@hono/zod-openapi';
import { LISTING } from '../limits/owner.ts';
import type { Fleet } from '../model/fleet.ts';
import { json, jsonBody, newRoutes, refusals } from './apiRoute.ts';
import { owned, ownedLater } from './problem.ts';
import { nodeChange, nodeParams, nodesQuery, nodeView, rotation } from './schemas/nodes.ts';
import { connectFigures, history, historyQuery, liveStream, streamsQuery } from './schemas/traffic.ts';

const nextPageHeader = z.object({
  Link: z.string().exactOptional().openapi({ description: 'Where the next page is; absent on the last.' }),
});

const listNodes = createRoute({
  method: 'get',
  path: '/api/v1/nodes',
  summary: 'Every node, revoked ones included',
  description:
    'Without `limit` and `cursor`, all nodes: members first, then the revoked, each by name. With one of them, a page, by id: a `Link` ' +
    `header with \`rel="next"\` (RFC 8288) leads to the next one until there is none. A page has ${LISTING.nodesDefault} nodes unless \`limit\` ` +
    'says otherwise. A node that is there all along is on exactly one page, whatever comes, goes or is renamed meanwhile.',
  request: { query: nodesQuery },
  responses: {
    200: { ...json(z.array(nodeView).readonly(), 'The nodes.'), headers: nextPageHeader },
    ...refusals,
  },
});

const getNode = createRoute({
  method: 'get',
  path: '/api/v1/nodes/{id}',
  summary: 'One node',
  request: { params: nodeParams },
  responses: { 200: json(nodeView, 'The node.'), ...refusals },
});

const getConnects = createRoute({
  method: 'get',
  path: '/api/v1/nodes/{id}/connects',
  summary: 'Connects of a node since the hub started: how many succeeded, how fast',
  request: { params: nodeParams },
  responses: { 200: json(connectFigures, 'Counts and times.'), ...refusals },
});

const changeNode = createRoute({
  method: 'patch',
  path: '/api/v1/nodes/{id}',
  summary: 'Change a node: name, tags, country, limits, schedule, pause. Absent fields stay as they are',
  request: { params: nodeParams, body: jsonBody(nodeChange) },
  responses: { 200: json(nodeView, 'The node as it is now.'), ...refusals },
});

const revokeNode = createRoute({
  method: 'post',
  path: '/api/v1/nodes/{id}/revoke',
  summary: 'Revoke a node: cut its sessions and never admit it again',
  request: { params: nodeParams },
  responses: { 200: json(nodeView, 'The node, revoked.'), ...refusals },
});

const rotateNode = createRoute({
  method: 'post',
  path: '/api/v1/nodes/{id}/rotate',
  summary: 'Ask a node for a new public address; answers when the node has one',
  request: { params: nodeParams },
  responses: { 200: json(rotation, 'The new address.'), ...refusals },
});

const listStreams = createRoute({
  method: 'get',
  path: '/api/v1/streams',
  summary: 'Streams that are open now',
  request: { query: streamsQuery },
  responses: {
    200: json(z.array(liveStream).readonly(), 'The streams; not all of them when there are very many.'),
    ...refusals,
  },
});

const getHistory = createRoute({
  method: 'get',
  path: '/api/v1/history',
  summary: 'Traffic, connects and streams over time',
  request: { query: historyQuery },
  responses: { 200: json(history, 'Points in time, oldest first, without gaps.'), ...refusals },
});

function nextPage(limit: number, cursor: string): string {
  const query = new URLSearchParams({ limit: String(limit), cursor });
  return `<${listNodes.path}?${query}>; rel="next"`;
}

export function nodeRoutes(fleet: Fleet) {
  /** The id, whether the node is named by id or by name. */
  const idOf = (node: string): string => owned(404, () => fleet.node(node)).id;

  return newRoutes()
    .openapi(listNodes, (c) => {
      const { limit, cursor } = c.req.valid('query');
      if (limit === undefined && cursor === undefined) return c.json(fleet.nodes(), 200);
      const size = limit ?? LISTING.nodesDefault;
      const { nodes, hasMore } = fleet.nodePage(cursor ?? '', size);
      const last = nodes.at(-1);
      if (hasMore && last !== undefined) c.header('Link', nextPage(size, last.id));
      return c.json(nodes, 200);
    })
    .openapi(getNode, (c) => {
      const { id } = c.req.valid('param');
      const node = owned(404, () => fleet.node(id));
      return c.json(node, 200);
    })
    .openapi(getConnects, (c) => c.json(fleet.connects(idOf(c.req.valid('param').id)), 200))
    .openapi(changeNode, async (c) => {
      const id = idOf(c.req.valid('param').id);
      const change = c.req.valid('json');
      const changed = await ownedLater(409, fleet.change(id, change));
      return c.json(changed, 200);
    })
    .openapi(revokeNode, async (c) => {
      const id = idOf(c.req.valid('param').id);
      const revoked = await ownedLater(409, fleet.revoke(id));
      return c.json(revoked, 200);
    })
    .openapi(rotateNode, async (c) => {
      const id = idOf(c.req.valid('param').id);
      return c.json(await ownedLater(409, fleet.rotate(id)), 200);
    })
    .openapi(listStreams, async (c) => {
      const { node } = c.req.valid('query');
      return c.json(await fleet.streams(node === undefined ? null : idOf(node)), 200);
    })
    .openapi(getHistory, async (c) => {
      const { node, range } = c.req.valid('query');
      return c.json(await fleet.history(node === undefined ? null : idOf(node), range), 200);
    });
}
