// The API about clients' sticky sessions: which there are, ending one, and reporting a host that blocks one, or a node.

import { createRoute, z } from '@hono/zod-openapi';
import type { Fleet } from '../model/fleet.ts';
import { json, jsonBody, newRoutes, refusals } from './apiRoute.ts';
import { ownedLater } from './problem.ts';
import { ban, banReport, clientSession, clientSessionParams, clientSessionQuery } from './schemas/sticky.ts';

const listSessions = createRoute({
  method: 'get',
  path: '/api/v1/sessions',
  summary: 'Sticky sessions of clients',
  responses: {
    200: json(
      z.array(clientSession).readonly(),
      'The sticky sessions; not all of them when there are very many.',
    ),
    ...refusals,
  },
});

const endSession = createRoute({
  method: 'delete',
  path: '/api/v1/sessions/{name}',
  summary: 'End a sticky session: its next connection begins a new one',
  request: { params: clientSessionParams, query: clientSessionQuery },
  responses: { 200: json(clientSession, 'The session as it was.'), ...refusals },
});

const postReport = createRoute({
  method: 'post',
  path: '/api/v1/report',
  summary:
    'Report a host that blocks a node: the node rests for that host, and the sticky session moves to another',
  request: { body: jsonBody(banReport) },
  responses: { 200: json(ban, 'Which node rests, and until when.'), ...refusals },
});

export function stickyRoutes(fleet: Fleet) {
  return newRoutes()
    .openapi(listSessions, async (c) => c.json(await ownedLater(404, fleet.sessions()), 200))
    .openapi(endSession, async (c) => {
      const { user } = c.req.valid('query');
      const { name } = c.req.valid('param');
      return c.json(await ownedLater(404, fleet.endSession(user, name)), 200);
    })
    .openapi(postReport, async (c) => {
      return c.json(await ownedLater(404, fleet.report(c.req.valid('json'))), 200);
    });
}
