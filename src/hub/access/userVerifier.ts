// Whether a name and a password belong to a user. A password that was right once costs one BLAKE2b hash from then on; guesses are
// rationed, so that wrong ones cannot burn the CPU (guessRations.ts). Pure: the users, the slow check, time and the key are arguments.

import { LRUCache } from 'lru-cache';
import sodium from 'sodium-native';
import { USERS } from '../../limits/owner.ts';
import type { User } from '../../model/userAccounts.ts';
import { GuessRations } from './guessRations.ts';
import { DECOY_HASH } from './passwords.ts';

export interface VerifierOptions {
  /** As of now: a change of a user counts from the next question on. */
  readonly find: (name: string) => { readonly user: User; readonly hash: string } | null;
  /** The slow one: passwords.ts's checkPassword. */
  readonly check: (hash: string, password: string) => Promise<boolean>;
  readonly nowMs: () => number;
  /** 32 fresh random bytes. Without them, what it remembers of passwords is worth nothing. */
  readonly key: Uint8Array;
}

export class UserVerifier {
  readonly #options: VerifierOptions;
  /** By user name: the digest of the hash and the password that fit it. */
  readonly #right = new LRUCache<string, Uint8Array>({ max: USERS.rememberedMax });
  /** Digests of what did not fit: a client that goes on with a wrong password costs nothing more. */
  readonly #wrong = new LRUCache<string, true>({ max: USERS.rememberedMax });
  /** Checks under way or waiting, by digest: many first connections of one client cost one check. */
  readonly #checks = new Map<string, Promise<boolean>>();
  /** Those of each source. */
  readonly #checksOf = new Map<string, number>();
  readonly #rations: GuessRations;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: VerifierOptions) {
    this.#options = options;
    // Nobody without the key can tell which names share a bucket.
    this.#rations = new GuessRations((...words) => this.#digest(...words), options.nowMs());
  }

  /**
   * The user, or null: unknown, a wrong password, or too many guesses lately, which look the same from outside.
   * @param source where the client is: access.ts, loginSource()
   */
  async verify(name: string, password: string, source: string): Promise<User | null> {
    if (Buffer.byteLength(password) > USERS.passwordMaxBytes) return null;
    const known = this.#options.find(name);
    const hash = known?.hash ?? DECOY_HASH;
    const digest = this.#digest(hash, name, password);
    const right = this.#right.get(name);
    if (known !== null && right !== undefined && sodium.sodium_memcmp(right, digest)) {
      this.#rations.trust(source);
      return known.user;
    }
    const key = Buffer.from(digest).toString('base64');
    if (this.#wrong.has(key)) return null;
    const fits = await (this.#checks.get(key) ?? this.#begin(key, name, hash, password, source));
    if (!fits || known === null) return null;
    // It may have been changed while we looked.
    const now = this.#options.find(name);
    if (now === null || now.hash !== hash) return null;
    this.#right.set(name, digest);
    this.#rations.trust(source);
    return now.user;
  }

  /** One check at a time: each wants a core and 64 MiB. */
  #begin(key: string, name: string, hash: string, password: string, source: string): Promise<boolean> {
    const ofSource = this.#checksOf.get(source) ?? 0;
    if (this.#checks.size >= USERS.checksMax || ofSource >= USERS.sourceChecksMax)
      return Promise.resolve(false);
    this.#checksOf.set(source, ofSource + 1);
    const check = this.#queue
      .then(() => this.#check(key, name, hash, password, source))
      .finally(() => this.#ended(key, source));
    this.#queue = check.catch(() => false);
    this.#checks.set(key, check);
    return check;
  }

  #ended(key: string, source: string): void {
    this.#checks.delete(key);
    const left = (this.#checksOf.get(source) ?? 0) - 1;
    if (left > 0) this.#checksOf.set(source, left);
    else this.#checksOf.delete(source);
  }

  /** A right password gives back what it took: only guesses run out. */
  async #check(key: string, name: string, hash: string, password: string, source: string): Promise<boolean> {
    const ration = this.#rations.take(name, source, this.#options.nowMs());
    if (ration === null) return false;
    const fits = await this.#options.check(hash, password);
    if (fits) ration.giveBack();
    else this.#wrong.set(key, true);
    return fits;
  }

  /** The hash is part of it: after a change of password nothing that was remembered counts. */
  #digest(hash: string, name: string, password: string): Uint8Array {
    const digest = new Uint8Array(32);
    const words = JSON.stringify([hash, name, password]);
    sodium.crypto_generichash(digest, Buffer.from(words), this.#options.key);
    return digest;
  }
}
