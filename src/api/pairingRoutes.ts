// The API about pairing links: make one, watch it, burn it.

import { createRoute } from '@hono/zod-openapi';
import type { Fleet } from '../model/fleet.ts';
import { json, jsonBody, newRoutes, refusals } from './apiRoute.ts';
import { owned, ownedLater } from './problem.ts';
import { pairing, pairingParams, pairingRequest, pairingState } from './schemas/pairing.ts';

const makePairing = createRoute({
  method: 'post',
  path: '/api/v1/pairings',
  summary: 'Make a one-time pairing link',
  request: { body: jsonBody(pairingRequest) },
  responses: { 200: json(pairing, 'The link. The hub does not show it again.'), ...refusals },
});

const getPairing = createRoute({
  method: 'get',
  path: '/api/v1/pairings/{id}',
  summary: 'What became of a link',
  request: { params: pairingParams },
  responses: { 200: json(pairingState, 'Its state.'), ...refusals },
});

const cancelPairing = createRoute({
  method: 'delete',
  path: '/api/v1/pairings/{id}',
  summary: 'Cancel a link: its token stops working',
  request: { params: pairingParams },
  responses: { 200: json(pairingState, 'Its state.'), ...refusals },
});

export function pairingRoutes(fleet: Fleet) {
  return newRoutes()
    .openapi(makePairing, async (c) => {
      const options = c.req.valid('json');
      const made = await ownedLater(409, fleet.pair(options));
      return c.json(made, 200);
    })
    .openapi(getPairing, (c) => {
      const { id } = c.req.valid('param');
      const state = owned(404, () => fleet.pairing(id));
      return c.json(state, 200);
    })
    .openapi(cancelPairing, async (c) => {
      const { id } = c.req.valid('param');
      const state = await ownedLater(404, fleet.cancelPairing(id));
      return c.json(state, 200);
    });
}
