// The dashboard's password, kept as a scrypt hash alone. Guesses are few and cost the same whether right or wrong.

import { scrypt, scryptSync, timingSafeEqual } from 'node:crypto';
import { Bucket } from '../base/tokenBucket.ts';
import { DASHBOARD } from '../limits/owner.ts';

/** 32 MiB and some 60 ms for a guess (RFC 7914; OWASP's choice for interactive logins). */
const COST = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 2 ** 20 };

export class Password {
  /** Also the part of the browser sessions' key that changes with the password. */
  readonly hash: Uint8Array;
  readonly #salt: Uint8Array;
  readonly #guesses: Bucket;

  constructor(password: string, salt: Uint8Array, nowMs: number) {
    this.#salt = salt;
    this.hash = scryptSync(password.normalize('NFC'), salt, DASHBOARD.secretBytes, COST);
    this.#guesses = new Bucket(DASHBOARD.allGuessesBurst, nowMs);
  }

  /** null: no more guesses for now, of all addresses together; remotes.ts counts those of one. */
  check(guess: string, nowMs: number): Promise<boolean> | null {
    if (!this.#guesses.take(DASHBOARD.allGuessesPerSecond, DASHBOARD.allGuessesBurst, nowMs)) return null;
    return new Promise((resolve, reject) => {
      scrypt(guess.normalize('NFC'), this.#salt, DASHBOARD.secretBytes, COST, (error, hash) => {
        if (error === null) resolve(timingSafeEqual(hash, this.hash));
        else reject(error);
      });
    });
  }
}
