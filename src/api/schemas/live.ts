// The live channel: whole ticks, or what changed.

import { z } from '@hono/zod-openapi';
import { eventRecord } from './events.ts';
import { count, rate, time } from './fields.ts';
import { liveFigures } from './hub.ts';
import { nodeView } from './nodes.ts';

export const liveTick = z
  .object({
    at: time,
    hub: z.object(liveFigures),
    nodes: z.array(nodeView).readonly(),
    events: z.array(eventRecord).readonly().describe('Oldest first.'),
  })
  .openapi('LiveTick');

export const liveQuery = z.object({
  deltas: z
    .enum(['true', 'false'])
    .default('false')
    .openapi({ description: '`true`: `delta` events in place of `tick` events.' }),
});

const numbers = z.array(count).readonly().describe('Of the nodes that the entries of this group are about.');
const rates = z.array(rate).readonly();

type NodeShape = typeof nodeView.shape;
const someFields = Object.fromEntries(
  Object.entries(nodeView.shape).map(([name, field]) => [name, field.exactOptional()]),
) as { [Name in keyof NodeShape]: z.ZodExactOptional<NodeShape[Name]> };

export const liveDelta = z
  .object({
    at: time,
    hub: z.object(liveFigures),
    nodes: z.array(nodeView).readonly().describe('New ones, which get the next numbers.'),
    changed: z
      .array(z.object({ number: count, ...someFields }))
      .readonly()
      .describe('Fields of a node that have changed, apart from those of the groups.'),
    moving: z.object({ numbers, streams: rates, downBytesPerSecond: rates, upBytesPerSecond: rates }),
    roundTrips: z.object({ numbers, ms: z.array(z.number().nullable()).readonly() }),
    moved: z
      .object({ numbers, downBytes: rates, upBytes: rates })
      .describe('To add to `today` and to `month` of the node, every few seconds.'),
    events: z.array(eventRecord).readonly().describe('Oldest first.'),
  })
  .openapi('LiveDelta');
