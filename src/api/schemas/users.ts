// The proxy’s users.

import { z } from '@hono/zod-openapi';
import { isPasswordHash } from '../../hub/access/passwords.ts';
import { LISTING, USERS } from '../../limits/owner.ts';
import { text, time } from './fields.ts';

const userStreams = z.number().int().min(1).max(USERS.streamsMax).nullable();
const userTags = z.array(text.min(1)).min(1).max(LISTING.tagsMax).readonly().nullable();

const userLimits = z
  .object({
    streams: userStreams.describe('Open at once; null means no limit.'),
    tags: userTags.describe('Only nodes that carry one of these; null means any node.'),
  })
  .openapi('UserLimits');

export const proxyUser = z
  .object({ name: z.string(), limits: userLimits, createdAt: time, changedAt: time })
  .openapi('User');

const password = {
  password: z.string().min(1).max(USERS.passwordMaxBytes).exactOptional().describe('The hub keeps its hash.'),
  passwordHash: z
    .string()
    .refine(isPasswordHash, 'not an argon2id hash of the cost that restunnel uses')
    .exactOptional()
    .describe('Or the hash itself, as `restunnel users` makes it.'),
};

export const newUser = z
  .strictObject({
    name: text.min(1),
    ...password,
    limits: z
      .strictObject({ streams: userStreams.default(null), tags: userTags.default(null) })
      .default({ streams: null, tags: null }),
  })
  .openapi('NewUser', { required: ['name'] });

export const userChange = z
  .strictObject({
    ...password,
    limits: z
      .strictObject({ streams: userStreams.exactOptional(), tags: userTags.exactOptional() })
      .openapi({ required: [] })
      .exactOptional(),
  })
  .openapi('UserChange', { required: [] });

export const userParams = z.object({
  name: text.min(1).openapi({ param: { name: 'name', in: 'path' } }),
});
