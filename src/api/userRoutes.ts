// The API about the proxy's users. A password is hashed before anything else sees it; no answer and no log holds one.

import { createRoute, z } from '@hono/zod-openapi';
import { UserError } from '../base/userError.ts';
import { hashPassword } from '../hub/access/passwords.ts';
import type { OwnerUsers } from '../model/userAccounts.ts';
import { json, jsonBody, newRoutes, refusals } from './apiRoute.ts';
import { ownedLater, Problem } from './problem.ts';
import { newUser, proxyUser, userChange, userParams } from './schemas/users.ts';

const listUsers = createRoute({
  method: 'get',
  path: '/api/v1/users',
  summary: 'Users of the proxy',
  description: 'Without users, a proxy on loopback asks nobody for a password.',
  responses: { 200: json(z.array(proxyUser).readonly(), 'The users, by name.'), ...refusals },
});

const addUser = createRoute({
  method: 'post',
  path: '/api/v1/users',
  summary: 'Add a user',
  request: { body: jsonBody(newUser) },
  responses: { 200: json(proxyUser, 'The user.'), ...refusals },
});

const changeUser = createRoute({
  method: 'patch',
  path: '/api/v1/users/{name}',
  summary: 'Change a user: password or limits. Absent fields stay as they are',
  request: { params: userParams, body: jsonBody(userChange) },
  responses: { 200: json(proxyUser, 'The user as it is now.'), ...refusals },
});

const removeUser = createRoute({
  method: 'delete',
  path: '/api/v1/users/{name}',
  summary: 'Remove a user',
  request: { params: userParams },
  responses: { 200: json(proxyUser, 'The user as it was.'), ...refusals },
});

export function userRoutes(users: OwnerUsers) {
  return newRoutes()
    .openapi(listUsers, (c) => c.json(users.list(), 200))
    .openapi(addUser, async (c) => {
      const { name, limits, ...given } = c.req.valid('json');
      const passwordHash = await ownedLater(400, hashOf(given));
      if (passwordHash === null) throw new Problem(400, 'a new user needs a password, or its hash');
      const added = await ownedLater(409, users.add({ name, passwordHash, limits }));
      return c.json(added, 200);
    })
    .openapi(changeUser, async (c) => {
      const { name } = c.req.valid('param');
      const { limits, ...given } = c.req.valid('json');
      const passwordHash = await ownedLater(400, hashOf(given));
      const changed = await ownedLater(
        404,
        users.change(name, {
          ...(passwordHash === null ? {} : { passwordHash }),
          ...(limits === undefined ? {} : { limits }),
        }),
      );
      return c.json(changed, 200);
    })
    .openapi(removeUser, async (c) => {
      const { name } = c.req.valid('param');
      const removed = await ownedLater(404, users.remove(name));
      return c.json(removed, 200);
    });
}

/** null: neither is given. Rejects with UserError for both, and for a password that cannot be used. */
async function hashOf({
  password,
  passwordHash,
}: {
  password?: string;
  passwordHash?: string;
}): Promise<string | null> {
  if (password === undefined) return passwordHash ?? null;
  if (passwordHash !== undefined) throw new UserError('give a password or its hash, not both');
  return hashPassword(password);
}
