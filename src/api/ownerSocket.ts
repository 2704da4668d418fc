// hub.sock in the data directory: the owner API on a Unix socket that only the hub's owner can open, for the commands on this machine.

import { chmodSync, lstatSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { UserError } from '../base/userError.ts';
import { CONTROL } from '../limits/ownerBounds.ts';
import type { ApiBindings } from './apiRoute.ts';
import type { LazyApi } from './lazyApi.ts';
import { PROBLEM_TYPE, problemBody } from './problem.ts';
import type { Answer } from './requestListener.ts';

export interface OwnerSocket {
  readonly path: string;
  /** Removes the socket; requests under way are cut. Harmless twice. */
  close(): Promise<void>;
}

/** What a command says to a hub that has another set of them. */
export const OTHER_VERSION = 'the running hub does not know this command; is it of another version?';

/** sun_path with its closing zero holds 108 bytes on Linux, 104 on the BSDs and macOS. */
const PATH_MAX_BYTES = process.platform === 'linux' ? 107 : 103;

/** Throws UserError when the path is too long for a socket. */
export function ownerSocketPath(dataDir: string): string {
  const path = join(dataDir, 'hub.sock');
  if (Buffer.byteLength(path) > PATH_MAX_BYTES) {
    throw new UserError(`the path ${path} is too long for a socket; choose a shorter --data-dir`);
  }
  return path;
}

/** With the data directory's lock in hand. Rejects with UserError when the socket cannot be made. */
export async function serveOwnerSocket(dataDir: string, api: LazyApi): Promise<OwnerSocket> {
  const path = ownerSocketPath(dataDir);
  const answer = lazyAnswer(api);
  const server = createServer((incoming, outgoing) => {
    const refusal = refusalOf(incoming);
    if (refusal !== null) return refuse(outgoing, refusal);
    answer().then(
      (toApp) => toApp(incoming, outgoing, { viewer: null }),
      (error: unknown) => {
        api.onFault(error);
        refuse(outgoing, { status: 500, detail: 'the hub failed at this; see its log' });
      },
    );
  });
  server.maxConnections = CONTROL.connectionsMax;
  server.requestTimeout = CONTROL.requestTimeoutMs;
  removeStale(path);
  try {
    await listen(server, path);
  } catch (error) {
    throw new UserError(`cannot make the socket ${path}: ${(error as Error).message}`);
  }
  server.on('error', api.onFault);
  return { path, close: () => close(server) };
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

/** What is not for the app: commands of before there was one, and bodies of a length that nobody has judged. */
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

/** The socket exists with mode 0600 from its first moment. */
function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const umask = process.umask(0o177);
    try {
      server.once('error', reject);
      server.listen(path, () => {
        server.off('error', reject);
        chmodSync(path, 0o600);
        resolve();
      });
    } finally {
      process.umask(umask);
    }
  });
}

/** With the lock in hand, a socket that is there was left by a dead hub. */
function removeStale(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) throw new UserError(`${path} is in the way: it is not a socket`);
  rmSync(path, { force: true });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
