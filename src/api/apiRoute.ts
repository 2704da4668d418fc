// What the API's routes have in common: what a request brings along, and how a route describes itself.

import type { ServerResponse } from 'node:http';
import { OpenAPIHono, type z } from '@hono/zod-openapi';
import { PROBLEM_TYPE, Problem } from './problem.ts';
import { problem } from './schemas/problem.ts';

/** What a listener hands over with every request. */
export interface ApiBindings {
  /** Node's response, for the live channel, which writes to it itself; null where there is no connection. */
  readonly outgoing: ServerResponse | null;
  /** Names who opens a live channel, so that it can be ended with their browser session; null: nobody in particular. */
  readonly viewer: string | null;
}

export interface ApiEnv {
  Bindings: ApiBindings;
}

/** An app without routes; a request that does not fit its schema is refused with what is wrong, and where. */
export function newRoutes<E extends ApiEnv = ApiEnv>() {
  return new OpenAPIHono<E>({
    defaultHook: (result) => {
      if (result.success) return;
      const { path, message } = result.error.issues[0]!;
      const where = path.map((part) => `${String(part)}: `).join('');
      throw new Problem(400, `the request is invalid: ${where}${message}`);
    },
  });
}

/** Every answer that refuses the request. */
export const refusals = {
  default: {
    description: 'Why the hub refused it, in one sentence.',
    content: { [PROBLEM_TYPE]: { schema: problem } },
  },
} as const;

export function json<S extends z.ZodType>(schema: S, description: string) {
  return { description, content: { 'application/json': { schema } } } as const;
}

/** A body that has to be there. */
export function jsonBody<S extends z.ZodType>(schema: S) {
  return { required: true, content: { 'application/json': { schema } } } as const;
}
