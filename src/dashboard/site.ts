// What the dashboard answers with: its pages, the owner API and the login. Loaded when the first request has been let in.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { newRoutes } from '../api/apiRoute.ts';
import { describeItself } from '../api/description.ts';
import type { OwnerApi } from '../api/ownerApi.ts';
import { tellProblems } from '../api/problemAnswers.ts';
import { requestListener } from '../api/requestListener.ts';
import type { BrowserSession } from './browserSessions.ts';
import { type LoginParts, loginRoutes, type SiteBindings } from './loginRoutes.ts';
import { answerPage, loadPages, type PageFile } from './pages.ts';

export interface Site {
  pageOf(method: string, url: string): PageFile | null;
  answerPage(page: PageFile, incoming: IncomingMessage, outgoing: ServerResponse): void;
  /** `session`: of the request's cookie. */
  answerApi(incoming: IncomingMessage, outgoing: ServerResponse, session: BrowserSession | null): void;
}

export function makeSite(api: OwnerApi, parts: LoginParts, onFault: (error: unknown) => void): Site {
  const pages = loadPages();
  const answer = requestListener<SiteBindings>(makeApp(api, parts, onFault));
  return {
    pageOf(method, url) {
      if (method !== 'GET' && method !== 'HEAD') return null;
      return pages.get(url.split('?', 1)[0]!) ?? null;
    },
    answerPage,
    answerApi(incoming, outgoing, session) {
      answer(incoming, outgoing, { incoming, session, viewer: session?.id ?? null });
    },
  };
}

/** The owner API and the routes about browser sessions, which describe themselves together. */
export function makeApp(api: OwnerApi, parts: LoginParts, onFault: (error: unknown) => void) {
  const app = newRoutes<{ Bindings: SiteBindings }>();
  // Before the API, which has a description of its own.
  describeItself(app);
  app.route('/', loginRoutes(parts)).route('/', api);
  tellProblems(app, onFault);
  return app;
}
