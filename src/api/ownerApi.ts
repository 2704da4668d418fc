// The API as one app: the routes of every topic, the description that is made from them, and how errors are told. Made by server.ts, which
// lets only guarded requests through.

import { OpenAPIHono } from '@hono/zod-openapi';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { UserError } from '../base/userError.ts';
import { version } from '../base/version.ts';
import type { Api, ApiBindings, ApiParts } from './apiRoute.ts';
import { addHubRoutes } from './hubRoutes.ts';
import { addLiveRoute } from './liveRoutes.ts';
import { addSessionRoutes } from './loginRoutes.ts';
import { addNodeRoutes } from './nodeRoutes.ts';
import { addPairingRoutes } from './pairingRoutes.ts';
import { PROBLEM_TYPE, Problem, problemBody } from './problem.ts';
import { addStickyRoutes } from './stickyRoutes.ts';
import { addTestRoute } from './testRoutes.ts';

export function makeApi(parts: ApiParts): Api {
  const api: Api = new OpenAPIHono<{ Bindings: ApiBindings }>({
    defaultHook: (result) => {
      if (result.success) return;
      const { path, message } = result.error.issues[0]!;
      throw new Problem(400, `${path.map((part) => `${String(part)}: `).join('')}${message}`);
    },
  });
  addHubRoutes(api, parts.fleet, () => describe(api));
  addNodeRoutes(api, parts.fleet);
  addStickyRoutes(api, parts.fleet);
  addPairingRoutes(api, parts.fleet);
  addLiveRoute(api, parts.live);
  addTestRoute(api, parts);
  addSessionRoutes(api, parts);
  api.notFound((c) => tell(c.req.method, new Problem(404, 'there is nothing at this path')));
  api.onError((error, c) => {
    if (error instanceof Problem) return tell(c.req.method, error);
    if (error instanceof HTTPException && error.status < 500) {
      return tell(c.req.method, new Problem(error.status, error.message.toLowerCase()));
    }
    // Nothing that a route expects, yet nobody's fault in here: the disk, or workers that are too busy.
    if (error instanceof UserError) return tell(c.req.method, new Problem(503, error.message));
    parts.onFault(error);
    return tell(c.req.method, new Problem(500, 'the hub failed at this; see its log'));
  });
  return api;
}

function tell(method: string, { status, message, headers }: Problem): Response {
  const body = method === 'HEAD' ? null : problemBody(status, message);
  return new Response(body, {
    status: status as ContentfulStatusCode,
    headers: { 'Content-Type': PROBLEM_TYPE, ...headers },
  });
}

function describe(api: Api): object {
  return api.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Restunnel',
      version: version(),
      description:
        'What an owner can see of a hub and do to it. Reads need nothing on loopback; changes and the live channel need ' +
        'Authorization: Bearer with the token of dashboard.token in the data directory, or the token of a session in a browser. ' +
        'Every refusal is problem JSON (RFC 9457) with one sentence.',
    },
  });
}
