// The ports of the tunnel and the proxies, which the front opens on the main thread's order, and the Unix socket of --socks-socket.

import { formatHostPort } from '../../base/hostPort.ts';
import { UserError } from '../../base/userError.ts';
import type { Bind, FromFront, ListenerName, ToFront } from '../../engine/messages.ts';
import { codeOfErrno } from '../../reactor/errno.ts';
import { makeWayForSocket, removeSocket } from './socksSocket.ts';

/** A port that could not be bound, as node:net tells it, with the listener's name. */
class BindError extends Error {
  readonly code: string;
  readonly port: number;
  readonly role: ListenerName;

  constructor(role: ListenerName, port: number, errno: number) {
    super(`cannot bind the ${role} port ${port}`);
    this.code = codeOfErrno(errno);
    this.port = port;
    this.role = role;
  }
}

interface Opening {
  readonly port: number;
  readonly resolve: (address: string) => void;
  readonly reject: (error: BindError) => void;
}

export class HubListeners {
  readonly #toFront: (message: ToFront) => void;
  readonly #opening = new Map<ListenerName, Opening>();
  /** Path of the Unix socket that is ours to remove. */
  #socket: string | null = null;

  constructor(toFront: (message: ToFront) => void) {
    this.#toFront = toFront;
  }

  /** Resolves with the address as really bound, "host:port". Rejects with an error that has code, port and role. */
  open(name: ListenerName, bind: Bind): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#opening.set(name, { port: bind.port, resolve, reject });
      this.#toFront({ type: 'listen', name, bind });
    });
  }

  /** Throws UserError. */
  async openSocket(path: string): Promise<void> {
    await makeWayForSocket(path);
    try {
      await this.open('socksSocket', { host: path, port: 0 });
    } catch (error) {
      throw new UserError(`--socks-socket ${path}: cannot listen there (${(error as BindError).code})`);
    }
    this.#socket = path;
  }

  opened({ name, address, port }: Extract<FromFront, { type: 'listening' }>): void {
    this.#opening.get(name)?.resolve(formatHostPort({ host: address, port }));
  }

  failed({ name, errno }: Extract<FromFront, { type: 'listenFailed' }>): void {
    const opening = this.#opening.get(name);
    opening?.reject(new BindError(name, opening.port, errno));
  }

  /** Once the front has ended. */
  removeSocket(): void {
    if (this.#socket !== null) removeSocket(this.#socket);
    this.#socket = null;
  }
}
