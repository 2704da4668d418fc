// The dashboard's password: read once from the owner's file, kept as a scrypt hash alone. Guesses are few and cost the same whether right
// or wrong. Made at start by server.ts, asked by apiSession.ts.

import { scrypt, scryptSync, timingSafeEqual } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { Bucket } from '../engine/bucket.ts';
import { DASHBOARD } from '../limits.ts';
import { UserError } from '../userError.ts';

/** 32 MiB and some 60 ms for a guess (RFC 7914; OWASP's choice for interactive logins). */
const COST = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 2 ** 20 };

export class Password {
  /** Also the part of the sessions' key that changes with the password. */
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

/** The first line of the file. Throws UserError when others may read it, when it holds no password, or a short one. */
export function readPasswordFile(path: string): string {
  const bytes = Buffer.alloc(DASHBOARD.passwordMaxBytes + 2);
  let length: number;
  try {
    const fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const stat = fstatSync(fd);
      if (!stat.isFile()) throw new UserError(`--dashboard-password-file: ${path} is not a file`);
      if (process.platform !== 'win32' && (stat.mode & 0o077) !== 0) {
        throw new UserError(`${path} may be read by other users of this machine; run: chmod 600 ${path}`);
      }
      length = readSync(fd, bytes, 0, bytes.length, 0);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`cannot read the password file ${path}: ${(error as Error).message}`);
  }
  const password = bytes.toString('utf8', 0, length).split(/\r?\n/, 1)[0]!;
  bytes.fill(0);
  if (Buffer.byteLength(password) > DASHBOARD.passwordMaxBytes) {
    throw new UserError(`the password in ${path} is longer than ${DASHBOARD.passwordMaxBytes} bytes`);
  }
  if (password.length < DASHBOARD.passwordMinCharacters) {
    throw new UserError(
      `the password in ${path} is too short: its first line needs ${DASHBOARD.passwordMinCharacters} characters at least`,
    );
  }
  return password;
}
