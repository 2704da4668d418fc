// The API about the browser's own session: get one, give the password, log out. Added by api.ts.

import { randomBytes } from 'node:crypto';
import { createRoute } from '@hono/zod-openapi';
import { remoteOf } from '../dashboard/remotes.ts';
import { DASHBOARD } from '../limits/ownerBounds.ts';
import { type Api, type ApiParts, json, jsonBody, refusals } from './apiRoute.ts';
import { Problem } from './problem.ts';
import { login, session as sessionSchema } from './schemas.ts';

const getSession = createRoute({
  method: 'get',
  path: '/api/v1/session',
  summary: 'The token of this session; a session begins here',
  responses: { 200: json(sessionSchema, 'The token, and a cookie beside it.'), ...refusals },
});

const postLogin = createRoute({
  method: 'post',
  path: '/api/v1/login',
  summary: 'Give the password',
  request: { body: jsonBody(login) },
  responses: { 200: json(sessionSchema, 'A new session that has given it.'), ...refusals },
});

const postLogout = createRoute({
  method: 'post',
  path: '/api/v1/logout',
  summary: 'End this session',
  responses: { 204: { description: 'It has ended, and what it watched, too.' }, ...refusals },
});

export function addSessionRoutes(api: Api, { sessions, password, remotes, live }: ApiParts): void {
  const hasPassword = password !== null;

  api.openapi(getSession, (c) => {
    let session = c.env.session;
    if (session === null) {
      session = sessions.make(false, Date.now(), randomBytes(DASHBOARD.secretBytes));
      c.header('Set-Cookie', sessions.setCookie(session));
    }
    return c.json({ hasPassword, token: sessions.token(session) }, 200);
  });

  api.openapi(postLogin, async (c) => {
    if (password === null) throw new Problem(409, 'the dashboard has no password');
    const guess = remotes.takeGuess(remoteOf(c.env.incoming), performance.now())
      ? password.check(c.req.valid('json').password, performance.now())
      : null;
    if (guess === null) {
      throw new Problem(429, 'too many passwords were tried; wait a minute', { 'Retry-After': '60' });
    }
    if (!(await guess)) throw new Problem(403, 'this is not the password');
    // A new one: a session that somebody else may have planted in the browser never becomes a trusted one.
    const session = sessions.make(true, Date.now(), randomBytes(DASHBOARD.secretBytes));
    c.header('Set-Cookie', sessions.setCookie(session));
    return c.json({ hasPassword, token: sessions.token(session) }, 200);
  });

  api.openapi(postLogout, (c) => {
    const { session } = c.env;
    if (session !== null) {
      sessions.end(session, Date.now());
      live.endOf(session.id);
    }
    c.header('Set-Cookie', sessions.clearCookie());
    return c.body(null, 204);
  });
}
