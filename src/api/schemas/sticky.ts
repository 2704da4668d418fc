// Sticky sessions, and nodes that rest for a host.

import { z } from '@hono/zod-openapi';
import { ROUTING } from '../../limits/routing.ts';
import { nodeId, rate, text, time } from './fields.ts';

const user = text
  .default('')
  .openapi({ description: 'The user it belongs to; absent means clients without a user name.' });
const sessionName = z.string().regex(/^[A-Za-z0-9_]{1,64}$/);

export const clientSession = z
  .object({
    user: z.string(),
    name: z.string(),
    nodeId: z.string(),
    strict: z.boolean(),
    ttlMs: rate.describe('How long it lives after its last connection.'),
    unusedMs: rate,
  })
  .openapi('ClientSession');

export const clientSessionParams = z.object({
  name: sessionName.openapi({ param: { name: 'name', in: 'path' } }),
});

export const clientSessionQuery = z.object({ user });

export const banReport = z
  .strictObject({
    session: sessionName.nullable().default(null).describe('The sticky session whose node is blocked.'),
    user,
    node: nodeId.nullable().default(null).describe('Or the blocked node, by its id or its name.'),
    host: z
      .string()
      .regex(/^(?:[^\s/@:[\]]{1,255}|[0-9A-Fa-f:.]{2,45})$/)
      .describe('The host that blocks it, as clients ask for it, without scheme and port.'),
    restMs: z.number().int().min(1_000).max(ROUTING.restMaxMs).default(ROUTING.restDefaultMs),
  })
  .openapi('BanReport');

export const ban = z
  .object({
    nodeId: z.string(),
    host: z.string(),
    until: time.describe('The node rests for the host until then.'),
  })
  .openapi('Ban');
