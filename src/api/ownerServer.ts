// The HTTP server of the owner API on this machine, whatever it listens on: what it refuses before the API sees it.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { CONTROL } from '../limits/owner.ts';
import type { ApiBindings } from './apiRoute.ts';
import type { LazyApi } from './lazyApi.ts';
import { PROBLEM_TYPE, problemBody } from './problem.ts';
import type { Answer } from './requestListener.ts';

/** What the hub's commands reach it by. */
export interface OwnerSocket {
  /** Of the socket, or the name of Windows' pipe. */
  readonly path: string;
  /** Removes the socket; requests under way are cut. Harmless twice. */
  close(): Promise<void>;
}

/** What a command says to a hub that has another set of them. */
export const OTHER_VERSION = 'the running hub does not know this command; is it of another version?';

/** Makes servers that listen nowhere yet; all of them share what answers. */
export function ownerServers(api: LazyApi): () => Server {
  const answer = lazyAnswer(api);
  const serve = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const refusal = refusalOf(incoming);
    if (refusal !== null) {
      refuse(outgoing, refusal);
      return;
    }
    answer().then(
      (toApp) => toApp(incoming, outgoing, { viewer: null }),
      (error: unknown) => {
        api.onFault(error);
        refuse(outgoing, { status: 500, detail: 'the hub failed at this; see its log' });
      },
    );
  };
  return () => {
    const server = createServer(serve);
    server.maxConnections = CONTROL.connectionsMax;
    server.requestTimeout = CONTROL.requestTimeoutMs;
    return server;
  };
}

function lazyAnswer(api: LazyApi): () => Promise<Answer<ApiBindings>> {
  let answer: Promise<Answer<ApiBindings>> | null = null;
  return () => {
    answer ??= Promise.all([api.app(), import('./requestListener.ts')]).then(([app, { requestListener }]) =>
      requestListener<ApiBindings>(app),
    );
    return answer;
  };
}

interface Refusal {
  readonly status: number;
  readonly detail: string;
}

/** Requests the app must not see: those of commands older than the app, and bodies whose length nobody has checked. */
function refusalOf({ method, url = '', headers }: IncomingMessage): Refusal | null {
  if (method === 'POST' && !url.startsWith('/api/')) return { status: 400, detail: OTHER_VERSION };
  if (headers['transfer-encoding'] !== undefined) {
    return { status: 411, detail: 'a body needs its Content-Length here' };
  }
  if (Number(headers['content-length'] ?? 0) > CONTROL.requestBodyMaxBytes) {
    return { status: 413, detail: `a body has at most ${CONTROL.requestBodyMaxBytes} bytes here` };
  }
  return null;
}

/** What is left of a refused request is not read: the connection ends with the answer. */
function refuse(outgoing: ServerResponse, { status, detail }: Refusal): void {
  // `error` is where commands of before there was an API look for the sentence.
  const body = JSON.stringify({ ...JSON.parse(problemBody(status, detail)), error: detail });
  outgoing.writeHead(status, {
    'Content-Type': PROBLEM_TYPE,
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  });
  outgoing.end(body);
}
