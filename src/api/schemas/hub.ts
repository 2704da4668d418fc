// The hub itself.

import { z } from '@hono/zod-openapi';
import { count, rate, time } from './fields.ts';
import { connectFigures } from './traffic.ts';

/** What changes from second to second. */
export const liveFigures = {
  stopping: z
    .boolean()
    .describe('Whether the hub takes no new streams and waits for the open ones to end before it stops.'),
  nodesConnected: count,
  nodesPaired: count,
  streams: count,
  clients: count,
  downBytesPerSecond: rate,
  upBytesPerSecond: rate,
  connectsPerSecond: rate,
  failuresPerSecond: rate,
};

export const hubStatus = z
  .object({
    version: z.string(),
    startedAt: time,
    addresses: z.object({
      tunnel: z.string(),
      tunnelWebSocket: z
        .string()
        .optional()
        .describe('Where a web server passes on tunnels inside a WebSocket.'),
      socks: z.string(),
      http: z.string(),
      dashboard: z.string(),
    }),
    publicKey: z.string(),
    io: z.string(),
    workers: count,
    ...liveFigures,
    strangers: count,
    connects: connectFigures,
    datagrams: z
      .object({ up: count, down: count, dropped: count })
      .describe(
        'UDP since the hub started. The hub dropped some because it had no room, or because they were malformed.',
      ),
    residentBytes: count,
    heldBytes: count.describe('What waits in the hub for clients that read slowly.'),
    heldMaxBytes: count.describe('How much of that --memory allows.'),
    cpuPercent: rate,
  })
  .openapi('HubStatus');

export const backup = z.object({ path: z.string(), bytes: count }).openapi('Backup');
