// One page fetched through a node.

import { z } from '@hono/zod-openapi';
import { DASHBOARD } from '../../limits/owner.ts';
import { nodeId, rate } from './fields.ts';

export const testFetchRequest = z
  .strictObject({
    node: nodeId.nullable().default(null).describe('An id or a name; null lets the hub choose.'),
    url: z.string().min(1).max(DASHBOARD.testFetchUrlMaxBytes).default('https://icanhazip.com'),
  })
  .openapi('TestFetchRequest');

export const TEST_STEPS = ['proxy', 'stream', 'tls', 'firstByte', 'whole'] as const;

export const testFetchResult = z
  .object({
    ok: z.boolean(),
    error: z.string().nullable().describe('Why it ended early, in a sentence.'),
    url: z.string(),
    nodeId: z.string().nullable(),
    nodeName: z.string().nullable(),
    status: z.number().int().nullable(),
    address: z.string().nullable().describe('The first IP address in the body.'),
    body: z.string().describe('Its first bytes.'),
    totalMs: rate,
    steps: z
      .array(
        z.object({
          step: z.enum(TEST_STEPS),
          ms: rate.describe('Time of this step alone.'),
        }),
      )
      .readonly()
      .describe('Completed steps, in order.'),
  })
  .openapi('TestFetchResult');
