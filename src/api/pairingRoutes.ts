// The API about pairing links: make one, watch it, burn it. Added by api.ts.

import { createRoute } from '@hono/zod-openapi';
import type { Fleet } from '../model/fleet.ts';
import { type Api, json, jsonBody, refusals } from './apiRoute.ts';
import { owned } from './problem.ts';
import { pairing, pairingParams, pairingRequest, pairingState } from './schemas.ts';

const makePairing = createRoute({
  method: 'post',
  path: '/api/v1/pairings',
  summary: 'Make a one-time pairing link',
  request: { body: jsonBody(pairingRequest) },
  responses: { 200: json(pairing, 'The link, which is not told again.'), ...refusals },
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
  summary: 'Burn its token',
  request: { params: pairingParams },
  responses: { 200: json(pairingState, 'Its state.'), ...refusals },
});

export function addPairingRoutes(api: Api, fleet: Fleet): void {
  api.openapi(makePairing, (c) => {
    const options = c.req.valid('json');
    return c.json(
      owned(409, () => fleet.pair(options)),
      200,
    );
  });
  api.openapi(getPairing, (c) => {
    const { id } = c.req.valid('param');
    return c.json(
      owned(404, () => fleet.pairing(id)),
      200,
    );
  });
  api.openapi(cancelPairing, (c) => {
    const { id } = c.req.valid('param');
    return c.json(
      owned(404, () => fleet.cancelPairing(id)),
      200,
    );
  });
}
