// Bytes, connects, streams and their history.

import { z } from '@hono/zod-openapi';
import { FAILURES, type FailureName } from '../../model/failures.ts';
import { HISTORY_RANGES, STREAM_PROTOCOLS, STREAM_STATES } from '../../model/fleet.ts';
import { count, nodeId, rate, time } from './fields.ts';

const FAILURE_NAMES = Object.keys(FAILURES) as [FailureName, ...FailureName[]];

export const traffic = z.object({ downBytes: rate, upBytes: rate }).openapi('Traffic');

export const connectFigures = z
  .object({
    since: time,
    succeeded: count,
    failed: count,
    failures: z
      .partialRecord(z.enum(FAILURE_NAMES), count)
      .describe('By cause; a cause that never came is absent.'),
    connectMs: z.object({ p50: rate, p90: rate, p99: rate }).nullable(),
  })
  .openapi('ConnectFigures');

export const liveStream = z
  .object({
    nodeId: z.string(),
    target: z.string().nullable().describe('null unless the hub was started with --show-targets.'),
    protocol: z.enum(STREAM_PROTOCOLS),
    state: z.enum(STREAM_STATES),
    ageMs: rate,
  })
  .openapi('Stream');

export const streamsQuery = z.object({
  node: nodeId
    .exactOptional()
    .openapi({ param: { required: false }, description: 'An id or a name; absent means the whole hub.' }),
});

export const historyQuery = z.object({
  node: nodeId
    .exactOptional()
    .openapi({ param: { required: false }, description: 'An id or a name; absent means the whole hub.' }),
  range: z.enum(HISTORY_RANGES).default('10m'),
});

export const history = z
  .object({
    range: z.enum(HISTORY_RANGES),
    stepMs: z.number().positive(),
    points: z
      .array(
        z.object({
          at: time,
          downBytes: rate,
          upBytes: rate,
          succeeded: count,
          failed: count,
          streams: count,
        }),
      )
      .readonly()
      .describe('Oldest first, without gaps.'),
  })
  .openapi('History');
