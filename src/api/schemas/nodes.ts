// Nodes, and what an owner may change on one.

import { z } from '@hono/zod-openapi';
import { LISTING } from '../../limits/owner.ts';
import { NETWORKS, NODE_STATES, NODE_WAYS, VIA_KINDS } from '../../model/fleet.ts';
import { allBut, count, nodeId, rate, text, time } from './fields.ts';
import { traffic } from './traffic.ts';

const amount = z.number().positive().nullable();
const wholeAmount = z.number().int().positive().nullable();

const limits = {
  mbitPerSecond: amount.describe('In each direction; null means no limit, as in all limits.'),
  streams: wholeAmount.describe('Open at once.'),
  monthlyBytes: wholeAmount.describe('Both directions together, in a calendar month of the hub’s time zone.'),
  hours: text.nullable().describe('HH:MM-HH:MM in the hub’s time zone; may pass midnight.'),
};

export const nodeLimits = z.object(limits).openapi('NodeLimits');

const nodeFields = {
  id: z.string(),
  name: z.string(),
  state: z.enum(NODE_STATES),
  connected: z.boolean(),
  revoked: z.boolean(),
  createdAt: time,
  lastSeenAt: time,
  revokedAt: time.nullable(),
  tags: z.array(z.string()).readonly(),
  country: z.string().nullable().describe('ISO 3166-1 alpha-2, as the owner set it.'),
  paused: z.boolean(),
  limits: nodeLimits,
  rotateSchedule: z
    .string()
    .nullable()
    .describe('"every 30m", "every 6h" or "daily 04:30", in the hub’s time zone.'),
  platform: z.string().nullable(),
  network: z.enum(NETWORKS).nullable(),
  version: z.string().nullable(),
  batteryPercent: z.number().nullable(),
  charging: z.boolean().nullable(),
  publicAddress: z.string().nullable(),
  canRotate: z
    .boolean()
    .nullable()
    .describe('Whether it can get a new address on request; null: it has not said.'),
  keyShared: z
    .boolean()
    .describe(
      'Another device has come with the same key within the last hour: one of the two is a copy, and is sent away.',
    ),
  way: z
    .enum(NODE_WAYS)
    .nullable()
    .describe(
      'How it comes: over TCP as it is, inside a WebSocket, or its lanes differ; null: not connected.',
    ),
  via: z
    .enum(VIA_KINDS)
    .nullable()
    .describe('The kind of proxy through which it dials, as it says itself; null: none.'),
  lanes: count,
  roundTripMs: z.number().nullable(),
  streams: count,
  downBytesPerSecond: rate,
  upBytesPerSecond: rate,
  today: traffic,
  month: traffic,
  hubs: z
    .array(z.string())
    .readonly()
    .exactOptional()
    .describe('Names of the cluster’s hubs to which it is connected; absent where there is no cluster.'),
};

export const nodeView = z.object(nodeFields).openapi('Node', { required: allBut(nodeFields, 'hubs') });

export const nodeChange = z
  .strictObject({
    name: text.min(1).exactOptional(),
    tags: z.array(text.min(1)).max(LISTING.tagsMax).readonly().exactOptional(),
    country: text.nullable().exactOptional(),
    paused: z.boolean().exactOptional(),
    limits: z
      .strictObject({
        mbitPerSecond: limits.mbitPerSecond.exactOptional(),
        streams: limits.streams.exactOptional(),
        monthlyBytes: limits.monthlyBytes.exactOptional(),
        hours: limits.hours.exactOptional(),
      })
      .openapi({ required: [] })
      .exactOptional(),
    rotateSchedule: text.nullable().exactOptional(),
  })
  .openapi('NodeChange', { required: [] });

export const rotation = z
  .object({
    nodeId: z.string(),
    oldAddress: z.string().nullable(),
    newAddress: z.string().nullable(),
    tookMs: rate,
  })
  .openapi('Rotation');

export const nodeParams = z.object({
  id: nodeId.openapi({ param: { name: 'id', in: 'path' }, description: 'Its id or its name.' }),
});

export const nodesQuery = z.object({
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(LISTING.nodesMax)
    .exactOptional()
    .openapi({ param: { required: false }, description: 'How many nodes to answer with at most.' }),
  cursor: text.exactOptional().openapi({
    param: { required: false },
    description: 'From the link to the next page; absent means the first page.',
  }),
});
