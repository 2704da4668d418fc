// The API about clients' sticky sessions: which there are, end one, and report a host that blocks one, or a node. Added by api.ts.

import { createRoute, z } from '@hono/zod-openapi';
import type { Fleet } from '../model/fleet.ts';
import { type Api, json, jsonBody, refusals } from './apiRoute.ts';
import { asProblem } from './problem.ts';
import { ban, banReport, clientSession, clientSessionParams, clientSessionQuery } from './schemas.ts';

const listSessions = createRoute({
  method: 'get',
  path: '/api/v1/sessions',
  summary: 'Sticky sessions of clients',
  responses: { 200: json(z.array(clientSession).readonly(), 'The sessions, up to a bound.'), ...refusals },
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
    'A host blocks a session’s node, or a node: it rests for that host, and the session goes on with another',
  request: { body: jsonBody(banReport) },
  responses: { 200: json(ban, 'Which node rests, and until when.'), ...refusals },
});

export function addStickyRoutes(api: Api, fleet: Fleet): void {
  api.openapi(listSessions, async (c) => c.json(await toldBusy(fleet.sessions()), 200));
  api.openapi(endSession, async (c) => {
    const { user } = c.req.valid('query');
    const ended = await toldBusy(fleet.endSession(user, c.req.valid('param').name));
    return c.json(ended, 200);
  });
  api.openapi(postReport, async (c) => c.json(await toldBusy(fleet.report(c.req.valid('json'))), 200));
}

async function toldBusy<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw asProblem(404, error);
  }
}
