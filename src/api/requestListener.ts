// Lets an app answer what a server of node:http hears. Loaded with the app, at the first request.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import type { Hono } from 'hono';
import type { ApiBindings } from './apiRoute.ts';

/** `bindings` as the app's routes take them; `outgoing` is added. */
export type Answer<B extends ApiBindings> = (
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  bindings: Omit<B, 'outgoing'>,
) => void;

export function requestListener<B extends ApiBindings>(
  // biome-ignore lint/suspicious/noExplicitAny: whatever its routes are, for a listener they are all the same
  app: Hono<{ Bindings: B }, any>,
): Answer<B> {
  const bindingsOf = new WeakMap<object, B>();
  const listener = getRequestListener(
    (request, { incoming }) => app.fetch(request, bindingsOf.get(incoming)),
    {
      overrideGlobalObjects: false,
    },
  );
  return (incoming, outgoing, bindings) => {
    bindingsOf.set(incoming, { ...bindings, outgoing } as B);
    void listener(incoming, outgoing);
  };
}
