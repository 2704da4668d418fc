// How an app tells its errors: as problems.

import type { Env, Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { UserError } from '../base/userError.ts';
import { NOTHING_HERE, PROBLEM_TYPE, Problem, problemBody } from './problem.ts';

/** Makes an app answer every error with a problem; `onFault` hears of those that are nobody's to mend. */
export function tellProblems<E extends Env>(app: Hono<E>, onFault: (error: unknown) => void): void {
  app.notFound((c) => tell(c.req.method, new Problem(404, NOTHING_HERE)));
  app.onError((error, c) => {
    if (error instanceof Problem) return tell(c.req.method, error);
    if (error instanceof HTTPException && error.status < 500) {
      return tell(c.req.method, new Problem(error.status, error.message.toLowerCase()));
    }
    // Nothing that a route expects, yet nobody's fault in here: the disk, or workers that are too busy.
    if (error instanceof UserError) {
      const { message, exitCode } = error;
      return tell(c.req.method, new Problem(503, message, { exitCode }));
    }
    onFault(error);
    return tell(c.req.method, new Problem(500, 'the hub failed at this; see its log'));
  });
}

function tell(method: string, { status, message, headers, exitCode }: Problem): Response {
  const body = method === 'HEAD' ? null : problemBody(status, message, exitCode);
  return new Response(body, {
    status: status as ContentfulStatusCode,
    headers: { 'Content-Type': PROBLEM_TYPE, ...headers },
  });
}
