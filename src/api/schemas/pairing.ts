// Pairing links, and the phone’s app.

import { z } from '@hono/zod-openapi';
import { PAIRING } from '../../limits/owner.ts';
import { nodeId, text, time } from './fields.ts';

export const pairingRequest = z
  .strictObject({
    name: text.min(1).nullable().default(null),
    ttlMs: z.number().int().min(PAIRING.ttlMinMs).max(PAIRING.ttlMaxMs).default(PAIRING.ttlDefaultMs),
  })
  .openapi('PairingRequest');

export const pairing = z
  .object({
    id: z.string(),
    link: z.string(),
    webSocketLink: z
      .string()
      .nullable()
      .describe('The same token by the web server of --public-websocket; null without one.'),
    bothWaysLink: z
      .string()
      .nullable()
      .describe(
        'The same token by both, first as `link`; null as that. A device of an older version takes the first way alone.',
      ),
    expiresAt: time,
    fingerprint: z.string().describe("Of the hub's key, as the phone's app shows it before it pairs."),
  })
  .openapi('Pairing');

export const phoneApp = z
  .object({
    name: z.string(),
    bytes: z.number().int(),
    sha256: z.string().describe('In hexadecimal digits.'),
  })
  .openapi('PhoneApp');

export const pairingState = z
  .object({
    id: z.string(),
    expiresAt: time,
    state: z.enum(['open', 'used', 'expired', 'cancelled']),
    nodeId: z.string().nullable(),
    nodeName: z.string().nullable(),
    nodeConnected: z.boolean(),
  })
  .openapi('PairingState');

export const pairingParams = z.object({
  id: nodeId.openapi({ param: { name: 'id', in: 'path' } }),
});
