// The dashboard's routes about a browser's own session: get one, give the password, log out.

import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { createRoute, z } from '@hono/zod-openapi';
import { type ApiBindings, json, jsonBody, newRoutes, refusals } from '../api/apiRoute.ts';
import type { Live } from '../api/liveChannel.ts';
import { Problem } from '../api/problem.ts';
import { DASHBOARD } from '../limits/owner.ts';
import type { BrowserSession, BrowserSessions } from './browserSessions.ts';
import type { Password } from './password.ts';
import { type Remotes, remoteOf } from './remotes.ts';

/** What the dashboard's listener hands over with every request. */
export interface SiteBindings extends ApiBindings {
  readonly incoming: IncomingMessage;
  /** Of the request's cookie. */
  readonly session: BrowserSession | null;
}

export interface LoginParts {
  readonly sessions: BrowserSessions;
  readonly password: Password | null;
  readonly remotes: Remotes;
  readonly live: Live;
}

const sessionToken = z
  .object({
    hasPassword: z.boolean(),
    token: z
      .string()
      .describe('Send it back as X-Restunnel-Token with every change and with the live channel.'),
  })
  .openapi('Session');

const login = z
  .strictObject({ password: z.string().min(1).max(DASHBOARD.passwordMaxBytes) })
  .openapi('Login');

const getSession = createRoute({
  method: 'get',
  path: '/api/v1/session',
  summary: 'The token of this browser session; starts one if there is none',
  responses: { 200: json(sessionToken, 'The token, with a cookie.'), ...refusals },
});

const postLogin = createRoute({
  method: 'post',
  path: '/api/v1/login',
  summary: 'Log in with the password',
  request: { body: jsonBody(login) },
  responses: {
    200: json(sessionToken, 'A new browser session that may see and change everything.'),
    ...refusals,
  },
});

const postLogout = createRoute({
  method: 'post',
  path: '/api/v1/logout',
  summary: 'End this browser session',
  responses: {
    204: { description: 'The browser session has ended, and its live channels with it.' },
    ...refusals,
  },
});

export function loginRoutes({ sessions, password, remotes, live }: LoginParts) {
  const hasPassword = password !== null;
  const api = newRoutes<{ Bindings: SiteBindings }>();

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
      const headers = { 'Retry-After': '60' };
      throw new Problem(429, 'too many passwords were tried; wait a minute', { headers });
    }
    if (!(await guess)) throw new Problem(403, 'the password is wrong');
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
  return api;
}
