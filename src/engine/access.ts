// Who a client is, and what its user name asks for. Without users on the hub, any name is a routing request. With users, control checks a name
// and its password once; the answer is remembered here.

import { hash, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { isLoopback } from '../base/ipAddress.ts';
import { Questions, type Timers } from '../base/questions.ts';
import { sourceKey } from '../base/sourceKey.ts';
import { ACCESS } from '../limits/clients.ts';
import type { FailureName } from '../model/failures.ts';
import type { ConnId } from '../reactor/reactor.ts';
import { anyNode, type RoutingRequest } from '../routing/request.ts';
import { BadUsername } from '../routing/username.ts';
import { UsernameCache } from '../routing/usernameCache.ts';

/** What the front knows of a user. */
export interface KnownUser {
  readonly name: string;
  /** Only nodes with one of these tags; null: any. */
  readonly tags: readonly string[] | null;
  /** Streams open at once; null: no limit. */
  readonly streamsMax: number | null;
}

/** Why a client is refused; `detail` continues the failure's sentence. */
export interface Refusal {
  readonly failure: FailureName;
  readonly detail: string;
}

/** Control checks the password. */
export const ASKED = 'asked';
export type UserCheck = RoutingRequest | Refusal | typeof ASKED;

export const NO_CREDENTIALS: Refusal = { failure: 'authRequired', detail: '' };
const WRONG_CREDENTIALS: Refusal = { failure: 'authRequired', detail: 'these are not right' };
const TOO_MANY: Refusal = {
  failure: 'hubBusy',
  detail: 'too many clients wait for their password to be checked',
};
const UNCHECKED: Refusal = { failure: 'hubBusy', detail: 'the password could not be checked in time' };

export function isRefusal(check: UserCheck): check is Refusal {
  return typeof check === 'object' && 'failure' in check;
}

export interface AccessOptions {
  /** Has control check a name and a password; its word comes to answer(). */
  readonly ask: (query: number, name: string, password: string, source: string) => void;
  /** Hears once of a name that is no route. */
  readonly tellStray: (username: string) => void;
  /** The remote address of a client; '' on a Unix socket. */
  readonly addressOf: (conn: ConnId) => string;
  /** Those of the reactor: Node's own do not run on an engine thread. */
  readonly timers: Timers;
}

export class Access {
  readonly #options: AccessOptions;
  readonly #usernames = new UsernameCache();
  readonly #anybody = anyNode();
  /** Names that are no routes, of which control has heard. */
  readonly #strayNames = new Set<string>();
  readonly #key = randomBytes(16).toString('base64');
  /** Users whose password was right, by a digest of both. */
  readonly #known = new LRUCache<string, KnownUser>({ max: ACCESS.knownMax });
  readonly #questions: Questions<KnownUser | null>;
  /** Open questions of each source. */
  readonly #questionsOf = new Map<string, number>();
  /** Of users whose limit several hubs share: streams that they may have open at this one. */
  #streamsHere: ReadonlyMap<string, number> = new Map();
  /** Grows with every change of a user. */
  #usersVersion = 0;
  /** Clients need a name and a password. */
  required = false;

  constructor(options: AccessOptions) {
    this.#options = options;
    this.#questions = new Questions({
      openMax: ACCESS.questionsMax,
      timeoutMs: ACCESS.questionTimeoutMs,
      tooBusy: UNCHECKED.detail,
      timers: options.timers,
    });
  }

  /** A user was added, changed or removed. `required`: there is one at least. */
  usersChanged(required: boolean): void {
    this.required = required;
    this.#known.clear();
    this.#usersVersion++;
  }

  /** A hub of a cluster may use so much of its users' limits; none of those that are absent is shared. */
  shareStreams(streamsHere: ReadonlyMap<string, number>): void {
    this.#streamsHere = streamsHere;
  }

  /**
   * @param username undefined: the client gave none
   * @param answer is called later when this returns ASKED
   */
  checkUser(
    username: string | undefined,
    password: string | undefined,
    conn: ConnId,
    answer: (check: RoutingRequest | Refusal) => void,
  ): UserCheck {
    if (username === undefined) return this.required ? NO_CREDENTIALS : this.#anybody;
    const request = this.#usernames.parse(username);
    if (request instanceof BadUsername) {
      if (this.required || request.meansRoute) return { failure: 'badUsername', detail: request.detail };
      return this.#nobodysRoute(username);
    }
    if (!this.required) return this.#restricted(request, null);
    if (password === undefined || request.user === '') return NO_CREDENTIALS;
    const digest = hash('sha256', JSON.stringify([this.#key, request.user, password]), 'base64');
    const known = this.#known.get(digest);
    if (known !== undefined) return this.#restricted(request, known);
    const source = loginSource(this.#options.addressOf(conn));
    const ofSource = this.#questionsOf.get(source) ?? 0;
    if (this.#questions.size >= ACCESS.questionsMax || ofSource >= ACCESS.sourceQuestionsMax) return TOO_MANY;
    this.#questionsOf.set(source, ofSource + 1);
    const usersVersion = this.#usersVersion;
    this.#questions.ask(
      (query) => this.#options.ask(query, request.user, password, source),
      (said) => {
        this.#answered(source);
        answer(
          said instanceof Error ? UNCHECKED : this.#checked(said[0] ?? null, request, digest, usersVersion),
        );
      },
    );
    return ASKED;
  }

  #answered(source: string): void {
    const left = (this.#questionsOf.get(source) ?? 0) - 1;
    if (left > 0) this.#questionsOf.set(source, left);
    else this.#questionsOf.delete(source);
  }

  /** Control's word. null: no such user, a wrong password, or too many guesses. */
  answer(query: number, user: KnownUser | null): void {
    this.#questions.answer(query, [user]);
  }

  /** @param usersVersion when control was asked: a change since then may concern this user */
  #checked(
    user: KnownUser | null,
    request: RoutingRequest,
    digest: string,
    usersVersion: number,
  ): RoutingRequest | Refusal {
    if (user === null) return WRONG_CREDENTIALS;
    if (usersVersion === this.#usersVersion) this.#known.set(digest, user);
    return this.#restricted(request, user);
  }

  /** Some clients send what their system calls them, unasked (Java: `www-data`). It asks for nothing, so any node will do. */
  #nobodysRoute(username: string): RoutingRequest {
    if (this.#strayNames.size < ACCESS.strayNamesMax && !this.#strayNames.has(username)) {
      this.#strayNames.add(username);
      this.#options.tellStray(username);
    }
    return this.#anybody;
  }

  /** The request may be an old one, from before a change of its user. */
  #restricted(request: RoutingRequest, user: KnownUser | null): RoutingRequest {
    const tags = user?.tags ?? null;
    request.streamsMax = this.#streamsOf(user);
    if (request.allowedTags !== tags) {
      request.allowedTags = tags;
      request.candidates = null;
    }
    return request;
  }

  #streamsOf(user: KnownUser | null): number | null {
    const streamsMax = user?.streamsMax ?? null;
    if (user === null || streamsMax === null) return null;
    return Math.min(streamsMax, this.#streamsHere.get(user.name) ?? streamsMax);
  }
}

/** Who counts as one when passwords are guessed: an address, an IPv6 /64, or all of this machine, which has 2^24 addresses of its own. */
export function loginSource(address: string): string {
  return address === '' || isLoopback(address) ? 'local' : sourceKey(address);
}
