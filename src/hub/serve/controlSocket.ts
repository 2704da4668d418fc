// How `restunnel pair` and `restunnel nodes` reach the hub that runs in a data directory: JSON over HTTP on a Unix socket in there that
// only the hub's owner can open. The hub serves; the commands call.

import { chmodSync, lstatSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { type DataDirLock, lockDataDir } from '../../base/dataDirLock.ts';
import { UserError } from '../../base/userError.ts';
import { CONTROL } from '../../limits/ownerBounds.ts';

/** Takes the request's JSON, gives what is to be the answer's. A UserError thrown reaches the caller as one. */
export type ControlHandler = (body: unknown) => unknown | Promise<unknown>;

export interface ControlServer {
  readonly path: string;
  /** Removes the socket; requests under way are cut. The directory stays locked. Harmless twice. */
  stopServing(): Promise<void>;
  /** The same, and lets go of the directory. */
  close(): Promise<void>;
}

/** Of the servers that are not closed: a lock that nobody refers to is collected as garbage, and released by that. */
const held = new Set<DataDirLock>();

/** callControl's answer when no hub runs in the directory. */
export const NOT_RUNNING = Symbol('no hub is running');

/** sun_path with its closing zero holds 108 bytes on Linux, 104 on the BSDs and macOS. */
const PATH_MAX_BYTES = process.platform === 'linux' ? 107 : 103;

/**
 * Serves POST /NAME for each handler. `onFault` hears of errors that are no UserError. Rejects with UserError when another hub serves
 * this directory already, or its path is too long for a socket.
 */
export async function serveControl(
  dataDir: string,
  handlers: Record<string, ControlHandler>,
  onFault: (error: unknown) => void = () => {},
): Promise<ControlServer> {
  const path = socketPath(dataDir);
  const server = createServer((incoming, response) => {
    void respond(incoming, response, handlers, onFault);
  });
  server.maxConnections = CONTROL.connectionsMax;
  server.requestTimeout = CONTROL.requestTimeoutMs;
  const lock = lockDataDir(dataDir, 'hub');
  try {
    removeStale(path);
    await listen(server, path);
  } catch (error) {
    lock.release();
    throw error instanceof UserError ? error : cannotServe(path, error);
  }
  held.add(lock);
  server.on('error', onFault);
  const stopServing = () => close(server);
  return {
    path,
    stopServing,
    async close() {
      await stopServing();
      if (held.delete(lock)) lock.release();
    },
  };
}

/**
 * Asks the hub in this directory. NOT_RUNNING when there is none. Rejects with UserError for what the hub refuses, and when it does not
 * answer.
 */
export async function callControl(
  dataDir: string,
  name: string,
  body: unknown,
  timeoutMs: number = CONTROL.requestTimeoutMs,
): Promise<unknown | typeof NOT_RUNNING> {
  const path = socketPath(dataDir);
  const content = Buffer.from(JSON.stringify(body ?? null));
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        socketPath: path,
        path: `/${encodeURIComponent(name)}`,
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': content.length },
        agent: false,
        signal: AbortSignal.timeout(timeoutMs),
      },
      (incoming) => {
        readAll(incoming, CONTROL.responseBodyMaxBytes)
          .then((bytes) => resolve(readAnswer(incoming.statusCode ?? 0, bytes)))
          .catch((error: unknown) => reject(cannotAsk(dataDir, error)));
      },
    );
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(NOT_RUNNING);
      else reject(cannotAsk(dataDir, error));
    });
    outgoing.end(content);
  });
}

function socketPath(dataDir: string): string {
  const path = join(dataDir, 'hub.sock');
  if (Buffer.byteLength(path) > PATH_MAX_BYTES) {
    throw new UserError(`the path ${path} is too long for a socket; choose a shorter --data-dir`);
  }
  return path;
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

async function respond(
  incoming: IncomingMessage,
  response: ServerResponse,
  handlers: Record<string, ControlHandler>,
  onFault: (error: unknown) => void,
): Promise<void> {
  try {
    const handler = findHandler(incoming, handlers);
    const bytes = await readAll(incoming, CONTROL.requestBodyMaxBytes);
    const answer = await handler(parseJson(bytes));
    send(response, 200, answer ?? null);
  } catch (error) {
    if (error instanceof UserError) {
      send(response, 400, { error: error.message, exitCode: error.exitCode });
    } else {
      onFault(error);
      send(response, 500, { error: 'the hub failed at this; see its log', exitCode: 1 });
    }
  }
}

function findHandler(incoming: IncomingMessage, handlers: Record<string, ControlHandler>): ControlHandler {
  const name = (incoming.url ?? '').slice(1);
  const handler = incoming.method === 'POST' && Object.hasOwn(handlers, name) ? handlers[name] : undefined;
  if (handler === undefined) {
    throw new UserError('the running hub does not know this command; is it of another version?');
  }
  return handler;
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    throw new UserError('the request is not JSON');
  }
}

function readAnswer(status: number, bytes: Buffer): unknown {
  const answer = parseJson(bytes);
  if (status === 200) return answer;
  const { error, exitCode } = Object(answer) as { error?: unknown; exitCode?: unknown };
  throw new UserError(String(error), typeof exitCode === 'number' ? exitCode : 1);
}

async function readAll(incoming: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) throw new UserError(`a message of more than ${maxBytes} bytes is too long`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The connection ends with the answer: what is left of a refused request is not read. */
function send(response: ServerResponse, status: number, answer: unknown): void {
  const content = Buffer.from(JSON.stringify(answer));
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': content.length,
    connection: 'close',
  });
  response.end(content);
}

function cannotServe(path: string, error: unknown): UserError {
  return new UserError(`cannot make the socket ${path}: ${(error as Error).message}`);
}

function cannotAsk(dataDir: string, error: unknown): UserError {
  if (error instanceof UserError) return error;
  const { name, code, message } = error as NodeJS.ErrnoException;
  const why = name === 'AbortError' || name === 'TimeoutError' ? 'no answer in time' : (code ?? message);
  return new UserError(`the hub in ${dataDir} cannot be asked: ${why}`);
}
