// The route at which an app describes itself, made from the schemas of its routes (OpenAPI 3.1).

import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { version } from '../base/version.ts';
import { type ApiEnv, json, refusals } from './apiRoute.ts';

const getDescription = createRoute({
  method: 'get',
  path: '/api/v1/openapi.json',
  summary: 'This description',
  responses: { 200: json(z.looseObject({ openapi: z.string() }), 'OpenAPI 3.1.'), ...refusals },
});

/** The description is made when it is asked for first, of all the routes that are there then. */
export function describeItself<E extends ApiEnv>(app: OpenAPIHono<E>): void {
  let description: { openapi: string } | null = null;
  app.openapi(getDescription, (c) => {
    description ??= describe(app) as { openapi: string };
    return c.json(description, 200);
  });
}

function describe<E extends ApiEnv>(app: OpenAPIHono<E>): object {
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Restunnel',
      version: version(),
      description:
        "What an owner can see of a hub and do to it. On the dashboard's port, reads need nothing on loopback; changes and the live " +
        'channel need Authorization: Bearer with the token of dashboard.token in the data directory, or the token of a browser ' +
        'session. The Unix socket hub.sock in the data directory needs no token: only its owner can open it. ' +
        'Every refusal is problem JSON (RFC 9457) with one sentence.',
    },
  });
}
