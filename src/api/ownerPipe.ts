// The owner API on a named pipe, for Windows, where a Unix socket's mode would mean nothing: both ends prove that they can read hub.pipe.
// libuv makes the first instance of the pipe or none, so nobody else's pipe of the name is in its place.

import type { Server as HttpServer } from 'node:http';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { UserError } from '../base/userError.ts';
import { CONTROL } from '../limits/owner.ts';
import type { LazyApi } from './lazyApi.ts';
import { type OwnerSocket, ownerServers } from './ownerServer.ts';
import { newPipeSecret, readPipeFile, removePipeFile, writePipeFile } from './pipeFile.ts';
import { proveCommand, proveHub } from './pipeHandshake.ts';
import type { PipeSecret } from './pipeProof.ts';

/** Where a pipe of that name is. Tests have Unix sockets there. */
export type PipePath = (name: string) => string;
const windowsPath: PipePath = (name) => `\\\\.\\pipe\\${name}`;

/** With the data directory's lock in hand. Rejects with UserError when there can be no pipe. */
export async function serveOwnerPipe(
  dataDir: string,
  api: LazyApi,
  { checkMs = CONTROL.socketCheckMs as number, pathOf = windowsPath } = {},
): Promise<OwnerSocket> {
  const secret = newPipeSecret();
  const pipe = new OwnerPipe(dataDir, secret, pathOf(secret.name), api);
  try {
    await pipe.open();
  } catch (error) {
    throw new UserError(`cannot make the pipe of ${dataDir}: ${(error as Error).message}`);
  }
  pipe.watch(checkMs);
  return pipe;
}

/** null: no hub listens. Rejects with UserError when something does that is no hub of this directory. */
export async function connectOwnerPipe(dataDir: string, pathOf = windowsPath): Promise<Socket | null> {
  const secret = readPipeFile(dataDir);
  if (secret === null) return null;
  const socket = await connected(pathOf(secret.name));
  if (socket === null) return null;
  if (await proveCommand(socket, secret)) return socket;
  socket.destroy();
  throw new UserError(
    `what answers in the place of the hub in ${dataDir} is another program, or a hub that stops just now`,
  );
}

function connected(path: string): Promise<Socket | null> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(null);
      else reject(error);
    });
  });
}

class OwnerPipe implements OwnerSocket {
  readonly path: string;
  readonly #dataDir: string;
  readonly #secret: PipeSecret;
  readonly #api: LazyApi;
  readonly #http: HttpServer;
  readonly #server: Server;
  readonly #connections = new Set<Socket>();
  #watch: NodeJS.Timeout | null = null;
  #isTold = false;

  constructor(dataDir: string, secret: PipeSecret, path: string, api: LazyApi) {
    this.path = path;
    this.#dataDir = dataDir;
    this.#secret = secret;
    this.#api = api;
    this.#http = ownerServers(api)();
    this.#server = createServer((socket) => void this.#admit(socket));
    this.#server.maxConnections = CONTROL.connectionsMax;
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.path, resolve);
    });
    this.#server.on('error', this.#api.onFault);
    // Whoever finds the file finds the pipe.
    writePipeFile(this.#dataDir, this.#secret);
  }

  async #admit(socket: Socket): Promise<void> {
    this.#connections.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#connections.delete(socket));
    if (await proveHub(socket, this.#secret)) this.#http.emit('connection', socket);
    else socket.destroy();
  }

  /** Without the file, a command takes the hub for one that does not run. */
  watch(everyMs: number): void {
    this.#watch = setInterval(() => this.#check(), everyMs);
    this.#watch.unref();
  }

  #check(): void {
    try {
      if (readPipeFile(this.#dataDir)?.name !== this.#secret.name) writePipeFile(this.#dataDir, this.#secret);
      this.#isTold = false;
    } catch (error) {
      if (!this.#isTold) this.#api.onFault(error);
      this.#isTold = true;
    }
  }

  async close(): Promise<void> {
    if (this.#watch === null) return;
    clearInterval(this.#watch);
    this.#watch = null;
    removePipeFile(this.#dataDir);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#connections) socket.destroy();
    await closed;
  }
}
