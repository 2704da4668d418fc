// What the dashboard answers with: its pages and its API. Loaded by server.ts when the first request has been let in.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import type { ApiParts } from '../api/apiRoute.ts';
import { makeApi } from '../api/ownerApi.ts';
import type { Session } from './browserSessions.ts';
import { answerPage, loadPages, type PageFile } from './pages.ts';

export type SiteParts = ApiParts;

export interface Site {
  pageOf(method: string, url: string): PageFile | null;
  answerPage(page: PageFile, incoming: IncomingMessage, outgoing: ServerResponse): void;
  /** `session`: of the request's cookie. */
  answerApi(incoming: IncomingMessage, outgoing: ServerResponse, session: Session | null): void;
}

export function makeSite(parts: SiteParts): Site {
  const api = makeApi(parts);
  const pages = loadPages();
  const sessionOf = new WeakMap<IncomingMessage, Session>();
  const toApi = getRequestListener(
    (request, { incoming, outgoing }) =>
      api.fetch(request, {
        incoming: incoming as IncomingMessage,
        outgoing: outgoing as ServerResponse,
        session: sessionOf.get(incoming as IncomingMessage) ?? null,
      }),
    { overrideGlobalObjects: false },
  );
  return {
    pageOf(method, url) {
      if (method !== 'GET' && method !== 'HEAD') return null;
      return pages.get(url.split('?', 1)[0]!) ?? null;
    },
    answerPage,
    answerApi(incoming, outgoing, session) {
      if (session !== null) sessionOf.set(incoming, session);
      void toApi(incoming, outgoing);
    },
  };
}
