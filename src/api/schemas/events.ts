// What happened at the hub.

import { z } from '@hono/zod-openapi';
import { PICTURE } from '../../limits/cluster.ts';
import { LISTING } from '../../limits/owner.ts';
import { EVENT_KINDS } from '../../model/fleet.ts';
import { allBut, count, nodeId, text, time } from './fields.ts';

const eventFields = {
  number: count.describe('Of its hub; grows with every event, across restarts.'),
  at: time,
  kind: z.enum(EVENT_KINDS),
  nodeId: z.string().nullable(),
  nodeName: z.string().nullable(),
  text: z.string(),
  hub: z
    .string()
    .exactOptional()
    .describe('The hub of the cluster at which it happened; absent where there is no cluster.'),
};

export const eventRecord = z.object(eventFields).openapi('Event', { required: allBut(eventFields, 'hub') });

const kind = z.enum(EVENT_KINDS);
const eventNumber = z.coerce.number().int().min(0).exactOptional();

export const eventsQuery = z.object({
  kind: z
    .preprocess((value) => (typeof value === 'string' ? value.split(',') : value), z.array(kind))
    .exactOptional()
    .openapi({
      param: { name: 'kind', in: 'query', explode: false, style: 'form', required: false },
      type: 'array',
      items: { type: 'string', enum: [...EVENT_KINDS] },
      description: 'One or several, separated by commas.',
    }),
  node: nodeId.exactOptional().openapi({ param: { required: false }, description: 'An id or a name.' }),
  contains: text.exactOptional().openapi({ param: { required: false } }),
  cursor: z
    .string()
    .max(PICTURE.cursorMaxChars)
    .exactOptional()
    .openapi({
      param: { required: false },
      description: 'From a `Link` header.',
    }),
  before: eventNumber.openapi({ description: 'Only events of this hub before this number.' }),
  after: eventNumber.openapi({ description: 'Only events of this hub after this number.' }),
  limit: z.coerce.number().int().min(1).max(LISTING.eventsMax).default(LISTING.eventsDefault),
});
