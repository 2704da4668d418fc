// Who may use the proxy: tells the front whether to ask for names, and answers its questions about passwords.

import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Logger } from 'pino';
import type { HostPort } from '../../base/hostPort.ts';
import { isLoopback } from '../../base/ipAddress.ts';
import { UserError } from '../../base/userError.ts';
import type { FromFront, ToFront } from '../../engine/messages.ts';
import { checkPassword } from './passwords.ts';
import type { UserBook } from './userBook.ts';
import { UserVerifier } from './userVerifier.ts';

type Bind = readonly [flag: string, address: HostPort];

/** The hub itself, as a client of its own proxy: the dashboard's test page. Kept nowhere, new in each run. */
export interface OwnUser {
  readonly name: string;
  readonly password: string;
}

const OWN_NAME = 'x';

export function makeOwnUser(): OwnUser {
  return { name: OWN_NAME, password: randomBytes(32).toString('base64url') };
}

export class ProxyUsers {
  readonly #users: UserBook;
  readonly #log: Logger;
  readonly #toFront: (message: ToFront) => void;
  readonly #verifier: UserVerifier;
  /** A proxy that others can reach asks for names even when there is nobody left to ask for. */
  readonly #open: Bind | null;
  readonly #own: OwnUser;

  constructor(options: {
    users: UserBook;
    own: OwnUser;
    binds: readonly Bind[];
    toFront: (message: ToFront) => void;
    log: Logger;
  }) {
    this.#users = options.users;
    this.#own = options.own;
    this.#log = options.log;
    this.#toFront = options.toFront;
    this.#open = options.binds.find(([, { host }]) => !isLoopback(host)) ?? null;
    this.#verifier = new UserVerifier({
      find: (name) => options.users.find(name),
      check: checkPassword,
      nowMs: () => performance.now(),
      key: randomBytes(32),
    });
  }

  /** Throws UserError when anybody could use the proxy: it binds another address than loopback, and there are no users. */
  checkBinds(): void {
    if (this.#open === null || this.#users.any()) return;
    const [flag, { host }] = this.#open;
    throw new UserError(
      `${flag} binds ${host}, which others can reach, so its clients must log in: ` +
        'add a user first with: restunnel users add NAME',
      2,
    );
  }

  /** Before the proxy listens. */
  start(): void {
    this.#tell();
    this.#users.watch(() => this.#tell());
  }

  #tell(): void {
    this.#toFront({ type: 'users', required: this.#open !== null || this.#users.any() });
  }

  /** Never rejects. */
  async answer({
    query,
    name,
    password,
    source,
  }: Extract<FromFront, { type: 'authenticate' }>): Promise<void> {
    if (name === this.#own.name && timingSafeEqual(digest(password), digest(this.#own.password))) {
      this.#toFront({ type: 'user', query, user: { name, tags: null, streamsMax: null } });
      return;
    }
    try {
      const user = await this.#verifier.verify(name, password, source);
      const known = user === null ? null : { name, tags: user.limits.tags, streamsMax: user.limits.streams };
      this.#toFront({ type: 'user', query, user: known });
    } catch (error) {
      this.#log.error({ err: error }, 'a password could not be checked');
      this.#toFront({ type: 'user', query, user: null });
    }
  }
}

/** Of one length, so that a comparison takes one time. */
function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}
