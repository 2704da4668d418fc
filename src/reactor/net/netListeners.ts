// The listening sockets of a net reactor: servers of node:net on an IP literal or on a path.

import { chmodSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { isPort } from '../../base/hostPort.ts';
import { IpAddress } from '../../base/ipAddress.ts';
import { ENGINE } from '../../limits/engine.ts';
import { ERRNO, errnoOfCode } from '../errno.ts';
import type { ListenerId, ListenHandler } from '../reactor.ts';
import type { NetTurn } from './netTurn.ts';
import { plainAddress } from './nodeAddress.ts';

/** The system chooses how often it probes, and how often in vain, before the connection is dead. */
export const SOCKET = {
  allowHalfOpen: true,
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: (ENGINE.keepAliveIdleS * 1_000) as number,
} as const;

/** Name of a Unix socket before it is moved to its path. */
const HIDDEN_NAME = 's';

interface Listener {
  readonly server: Server;
  readonly handler: ListenHandler;
  listening: boolean;
}

type OnConnection = (socket: Socket, listener: ListenerId, handler: ListenHandler) => void;

export class NetListeners {
  readonly #turn: NetTurn;
  readonly #onConnection: OnConnection;
  readonly #listeners = new Map<ListenerId, Listener>();
  #last = 0;

  constructor(turn: NetTurn, onConnection: OnConnection) {
    this.#turn = turn;
    this.#onConnection = onConnection;
  }

  listen(address: string, port: number, handler: ListenHandler): ListenerId {
    const id = ++this.#last;
    if (this.#turn.stopped) return id;
    const server = createServer({ ...SOCKET, pauseOnConnect: true });
    const listener: Listener = { server, handler, listening: false };
    this.#listeners.set(id, listener);
    server.on('error', (error: NodeJS.ErrnoException) => this.#fail(id, listener, errnoOfCode(error.code)));
    server.on('connection', (socket) => {
      if (this.#listeners.has(id)) this.#onConnection(socket, id, handler);
      else socket.destroy();
    });
    if (address.startsWith('/')) this.#listenOnPath(id, listener, address);
    else this.#listenOnAddress(id, listener, IpAddress.parse(address), port);
    return id;
  }

  #listenOnAddress(id: ListenerId, listener: Listener, address: IpAddress | null, port: number): void {
    if (address === null || !isPort(port)) {
      this.#turn.answerLater(() => this.#fail(id, listener, ERRNO.EINVAL));
      return;
    }
    const { server } = listener;
    server.on('listening', () => {
      listener.listening = true;
      const bound = server.address();
      if (bound === null || typeof bound === 'string') return;
      this.#reportListening(id, listener, plainAddress(bound.address), bound.port);
    });
    const backlog = ENGINE.listenBacklog;
    server.listen({ host: address.toString(), port, backlog, ipv6Only: !address.isIPv4 });
  }

  /** First in a folder that nobody else may enter: node has no way to set the mode between bind() and listen(). */
  #listenOnPath(id: ListenerId, listener: Listener, path: string): void {
    const { server } = listener;
    const folder = `${path}.${process.pid}`;
    const removeFolder = () => rmSync(folder, { recursive: true, force: true });
    server.on('listening', () => {
      listener.listening = true;
      try {
        chmodSync(join(folder, HIDDEN_NAME), 0o600);
        renameSync(join(folder, HIDDEN_NAME), path);
      } catch (error) {
        listener.listening = false;
        server.close(() => {});
        this.#fail(id, listener, errnoOfCode((error as NodeJS.ErrnoException).code));
        return;
      } finally {
        removeFolder();
      }
      this.#reportListening(id, listener, path, 0);
    });
    try {
      mkdirSync(folder, { mode: 0o700 });
      server.once('error', removeFolder);
      server.listen({ path: join(folder, HIDDEN_NAME), backlog: ENGINE.listenBacklog });
    } catch (error) {
      const errno = errnoOfCode((error as NodeJS.ErrnoException).code);
      this.#turn.answerLater(() => this.#fail(id, listener, errno));
    }
  }

  #reportListening(id: ListenerId, listener: Listener, address: string, port: number): void {
    this.#turn.call(() => {
      if (this.#listeners.has(id)) listener.handler.onListening(id, address, port);
    });
  }

  #fail(id: ListenerId, listener: Listener, errno: number): void {
    if (!this.#listeners.has(id)) return;
    if (!listener.listening) this.#listeners.delete(id);
    this.#turn.call(() => {
      if (listener.listening) listener.handler.onAcceptFailed(id, errno);
      else listener.handler.onListenFailed(id, errno);
    });
  }

  unlisten(id: ListenerId): void {
    const listener = this.#listeners.get(id);
    if (listener === undefined) return;
    this.#listeners.delete(id);
    listener.server.close(() => {});
  }

  unlistenAll(): void {
    for (const id of [...this.#listeners.keys()]) this.unlisten(id);
  }
}
