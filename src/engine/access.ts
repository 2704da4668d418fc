// Who a client is and what its user name asks for. As long as no users are kept, any name is a request for routing. With users, control
// checks a name and its password once; then the answer is known here. Used by the front.

import { hash, randomBytes } from 'node:crypto';
import { ACCESS } from '../limits/bounds.ts';
import type { FailureName } from '../model/failures.ts';
import { anyNode, type RoutingRequest } from '../routing/request.ts';
import { BadUsername } from '../routing/username.ts';
import { UsernameCache } from '../routing/usernameCache.ts';

/** What the front has to know of a user. */
export interface KnownUser {
  readonly name: string;
  /** Only nodes with one of these tags; null: any. */
  readonly tags: readonly string[] | null;
  /** Open at once; null: no limit. */
  readonly streamsMax: number | null;
}

/** Why a client is turned away; `detail` continues the failure's sentence. */
export interface Refusal {
  readonly failure: FailureName;
  readonly detail: string;
}

/** Waits for control's word. */
export const ASKED = 'asked';
export type Judgement = RoutingRequest | Refusal | typeof ASKED;

export const NO_CREDENTIALS: Refusal = { failure: 'authRequired', detail: '' };
const WRONG_CREDENTIALS: Refusal = { failure: 'authRequired', detail: 'these are not right' };
const TOO_MANY: Refusal = {
  failure: 'hubBusy',
  detail: 'too many clients wait for their password to be checked',
};

export function isRefusal(judgement: Judgement): judgement is Refusal {
  return typeof judgement === 'object' && 'failure' in judgement;
}

interface Question {
  readonly digest: string;
  readonly username: string;
  /** Which users there were. */
  readonly users: number;
  readonly answer: (judgement: RoutingRequest | Refusal) => void;
}

export class Access {
  readonly #ask: (query: number, name: string, password: string) => void;
  readonly #usernames = new UsernameCache();
  readonly #anybody = anyNode();
  readonly #key = randomBytes(16).toString('base64');
  /** Users whose password was right, by a digest of both. */
  readonly #known = new Map<string, KnownUser>();
  readonly #questions = new Map<number, Question>();
  #nextQuery = 1;
  /** Grows with every change of a user. */
  #users = 0;
  /** Clients have to say who they are. */
  required = false;

  /** `ask` control about a name and a password; its word comes to answer(). */
  constructor(ask: (query: number, name: string, password: string) => void) {
    this.#ask = ask;
  }

  /** The users are others now, or there are some or none at all. */
  changed(required: boolean): void {
    this.required = required;
    this.#known.clear();
    this.#users++;
  }

  /**
   * @param username undefined: the client gave none
   * @param answer is called, later, when the judgement is ASKED
   */
  judge(
    username: string | undefined,
    password: string | undefined,
    answer: (judgement: RoutingRequest | Refusal) => void,
  ): Judgement {
    if (username === undefined) return this.required ? NO_CREDENTIALS : this.#anybody;
    const request = this.#usernames.parse(username);
    if (request instanceof BadUsername) return { failure: 'badUsername', detail: request.detail };
    if (!this.required) return this.#restricted(request, null);
    if (password === undefined || request.user === '') return NO_CREDENTIALS;
    const digest = hash('sha256', JSON.stringify([this.#key, request.user, password]), 'base64');
    const known = this.#known.get(digest);
    if (known !== undefined) return this.#restricted(request, known);
    if (this.#questions.size >= ACCESS.questionsMax) return TOO_MANY;
    const query = this.#nextQuery++;
    this.#questions.set(query, { digest, username, users: this.#users, answer });
    this.#ask(query, request.user, password);
    return ASKED;
  }

  /** Control's word; null: no such user, another password, or too many guesses. */
  answer(query: number, user: KnownUser | null): void {
    const question = this.#questions.get(query);
    if (question === undefined) return;
    this.#questions.delete(query);
    if (user === null) {
      question.answer(WRONG_CREDENTIALS);
      return;
    }
    if (question.users === this.#users) this.#remember(question.digest, user);
    question.answer(this.#restricted(this.#usernames.parse(question.username) as RoutingRequest, user));
  }

  #remember(digest: string, user: KnownUser): void {
    if (this.#known.size >= ACCESS.knownMax) this.#known.delete(this.#known.keys().next().value!);
    this.#known.set(digest, user);
  }

  /** A remembered request may be from before its user was changed, or the first one was made. */
  #restricted(request: RoutingRequest, user: KnownUser | null): RoutingRequest {
    const tags = user?.tags ?? null;
    request.streamsMax = user?.streamsMax ?? null;
    if (request.allowedTags !== tags) {
      request.allowedTags = tags;
      request.candidates = null;
    }
    return request;
  }
}
