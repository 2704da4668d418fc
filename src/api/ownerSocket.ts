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

/**
 * With the data directory's lock in hand. Makes the socket again when something removes it, and looks for that every `checkMs`.
 * Rejects with UserError when the socket cannot be made.
 */
export async function serveOwnerSocket(
  dataDir: string,
  api: LazyApi,
  { checkMs = CONTROL.socketCheckMs as number } = {},
): Promise<OwnerSocket> {
  const path = ownerSocketPath(dataDir);
  removeStale(path);
  const socket = new WatchedSocket(path, api);
  try {
    await socket.open();
  } catch (error) {
    throw new UserError(`cannot make the socket ${path}: ${(error as Error).message}`);
  }
  socket.watch(checkMs);
  return socket;
}

class WatchedSocket implements OwnerSocket {
  readonly path: string;
  readonly #api: LazyApi;
  readonly #answer: () => Promise<Answer<ApiBindings>>;
  /** The last one listens; those before it answer what they had accepted. */
  readonly #servers = new Set<Server>();
  /** Of the file that was made last. */
  #file = { dev: 0, ino: 0 };
  #watch: NodeJS.Timeout | null = null;
  #opening = false;
  /** One line in the log for each time that the socket cannot be made again. */
  #isTold = false;

  constructor(path: string, api: LazyApi) {
    this.path = path;
    this.#api = api;
    this.#answer = lazyAnswer(api);
  }

  async open(): Promise<void> {
    const server = createServer((incoming, outgoing) => this.#serve(incoming, outgoing));
    server.maxConnections = CONTROL.connectionsMax;
    server.requestTimeout = CONTROL.requestTimeoutMs;
    await listen(server, this.path);
    server.on('error', this.#api.onFault);
    this.#servers.add(server);
    server.once('close', () => this.#servers.delete(server));
    this.#file = lstatSync(this.path);
  }

  #serve(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const refusal = refusalOf(incoming);
    if (refusal !== null) {
      refuse(outgoing, refusal);
      return;
    }
    this.#answer().then(
      (toApp) => toApp(incoming, outgoing, { viewer: null }),
      (error: unknown) => {
        this.#api.onFault(error);
        refuse(outgoing, { status: 500, detail: 'the hub failed at this; see its log' });
      },
    );
  }

  watch(everyMs: number): void {
    this.#watch = setInterval(() => void this.#check(), everyMs);
    this.#watch.unref();
  }

  /** Without the socket, a command takes the hub for one that hangs. */
  async #check(): Promise<void> {
    if (this.#opening) return;
    this.#opening = true;
    try {
      if (this.#isThere()) return;
      // Closing removes whatever is at the path; requests under way go on.
      removeStale(this.path);
      for (const server of this.#servers) server.close();
      if (this.#watch !== null) await this.open();
      // Closed meanwhile: what was opened would outlive the hub.
      if (this.#watch === null) await Promise.all([...this.#servers].map(close));
      this.#isTold = false;
    } catch (error) {
      if (!this.#isTold) this.#api.onFault(error);
      this.#isTold = true;
    } finally {
      this.#opening = false;
    }
  }

  #isThere(): boolean {
    const file = lstatSync(this.path, { throwIfNoEntry: false });
    return file !== undefined && file.ino === this.#file.ino && file.dev === this.#file.dev;
  }

  async close(): Promise<void> {
    if (this.#watch !== null) clearInterval(this.#watch);
    this.#watch = null;
    await Promise.all([...this.#servers].map(close));
  }
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
