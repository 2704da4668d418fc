// hub.sock in the data directory: the owner API on a Unix socket that only the hub's owner can open, for the commands on this machine.

import { chmodSync, lstatSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { socketPathTrouble } from '../base/socketPath.ts';
import { UserError } from '../base/userError.ts';
import { CONTROL } from '../limits/owner.ts';
import type { LazyApi } from './lazyApi.ts';
import { serveOwnerPipe } from './ownerPipe.ts';
import { type OwnerSocket, ownerServers } from './ownerServer.ts';

/** Throws UserError when the path is too long for a socket. */
export function ownerSocketPath(dataDir: string, platform: NodeJS.Platform = process.platform): string {
  const path = join(dataDir, 'hub.sock');
  const reason = socketPathTrouble(path, platform);
  if (reason !== null) throw new UserError(`${reason}; choose a shorter --data-dir`);
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
  if (process.platform === 'win32') return serveOwnerPipe(dataDir, api, { checkMs });
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
  readonly #makeServer: () => Server;
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
    this.#makeServer = ownerServers(api);
  }

  async open(): Promise<void> {
    const server = this.#makeServer();
    await listen(server, this.path);
    server.on('error', this.#api.onFault);
    this.#servers.add(server);
    server.once('close', () => this.#servers.delete(server));
    this.#file = lstatSync(this.path);
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
