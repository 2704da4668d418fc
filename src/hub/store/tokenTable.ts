// One-time pairing tokens in the store. They are kept as hashes: reading the file gives nobody a token to use.

import type { DatabaseSync } from 'node:sqlite';
import sodium from 'sodium-native';
import { inDurableTransaction, inSentences } from '../../base/sqliteFile.ts';
import { UserError } from '../../base/userError.ts';
import { CONTROL, PAIRING } from '../../limits/owner.ts';
import { PROTOCOL } from '../../limits/wire.ts';
import { ownersName } from '../fleet/nodeName.ts';

export interface OpenToken {
  /** null: the device brings its own. */
  readonly name: string | null;
  readonly expiresAtMs: number;
}

export class Tokens {
  readonly #path: string;
  readonly #database: DatabaseSync;

  constructor(path: string, database: DatabaseSync) {
    this.#path = path;
    this.#database = database;
  }

  /** `random`: 32 fresh random bytes, which become the token. Throws UserError for a name that is too long, and when too many links are open. */
  create(options: { name?: string | null; ttlMs: number; nowMs: number; random: Uint8Array }): {
    token: Uint8Array;
    expiresAtMs: number;
  } {
    const { name = null, ttlMs, nowMs, random } = options;
    if (random.length !== PROTOCOL.tokenBytes) throw new RangeError('a token has 32 bytes');
    if (!(ttlMs >= PAIRING.ttlMinMs && ttlMs <= PAIRING.ttlMaxMs))
      throw new RangeError('ttlMs out of bounds');
    const expiresAtMs = Math.floor(nowMs + ttlMs);
    return inDurableTransaction(this.#path, this.#database, () => {
      this.#run('DELETE FROM tokens WHERE expires_at <= ?', nowMs);
      const sql = 'SELECT count(*) AS n FROM tokens WHERE used_at IS NULL AND cancelled_at IS NULL';
      const live = this.#get(sql);
      if (Number(live?.n) >= CONTROL.liveTokensMax) {
        throw new UserError(
          `there are already ${CONTROL.liveTokensMax} open pairing links; let some expire first`,
        );
      }
      this.#run(
        'INSERT INTO tokens (hash, name, created_at, expires_at) VALUES (?, ?, ?, ?)',
        tokenHash(random),
        name === null ? null : ownersName(name),
        nowMs,
        expiresAtMs,
      );
      return { token: new Uint8Array(random), expiresAtMs };
    });
  }

  /** Whether there was a live token to cancel. */
  cancel(token: Uint8Array, nowMs: number): boolean {
    return inDurableTransaction(this.#path, this.#database, () => {
      const sql =
        'UPDATE tokens SET cancelled_at = ? WHERE hash = ? AND used_at IS NULL AND cancelled_at IS NULL';
      return this.#run(sql, nowMs, tokenHash(token)) > 0;
    });
  }

  /** Forgets tokens that are past their time, used or not. How many. */
  prune(nowMs: number): number {
    return inSentences(this.#path, () => this.#run('DELETE FROM tokens WHERE expires_at <= ?', nowMs));
  }

  /** Uses the token up if it is live: its row's name, or null for "none given". Null when it is not live. */
  burn(token: Uint8Array, usedBy: string, nowMs: number): { name: string | null } | null {
    const row = this.#get(
      `UPDATE tokens SET used_by = ?, used_at = ?
       WHERE hash = ? AND ${LIVE} RETURNING name`,
      usedBy,
      nowMs,
      tokenHash(token),
      nowMs,
      usedBy,
    );
    return row === undefined ? null : { name: row.name as string | null };
  }

  isLive(token: Uint8Array, nodeId: string, nowMs: number): boolean {
    const sql = `SELECT 1 FROM tokens WHERE hash = ? AND ${LIVE}`;
    return this.#get(sql, tokenHash(token), nowMs, nodeId) !== undefined;
  }

  /** What the device may still use; null: not live, or another's. */
  find(hash: Uint8Array, nodeId: string, nowMs: number): OpenToken | null {
    const row = inSentences(this.#path, () =>
      this.#get(`SELECT name, expires_at FROM tokens WHERE hash = ? AND ${LIVE}`, hash, nowMs, nodeId),
    );
    return row === undefined
      ? null
      : { name: row.name as string | null, expiresAtMs: Number(row.expires_at) };
  }

  #get(sql: string, ...values: (string | number | Uint8Array)[]): Record<string, unknown> | undefined {
    return this.#database.prepare(sql).get(...values);
  }

  /** How many rows changed. */
  #run(sql: string, ...values: (string | number | Uint8Array | null)[]): number {
    return Number(this.#database.prepare(sql).run(...values).changes);
  }
}

/** With the time and the node that shows it: one that was claimed in a cluster is the claimer's before it is used. */
const LIVE =
  'used_at IS NULL AND cancelled_at IS NULL AND expires_at > ? AND (used_by IS NULL OR used_by = ?)';

/** BLAKE2b-256. */
export function tokenHash(token: Uint8Array): Uint8Array {
  const hash = new Uint8Array(32);
  sodium.crypto_generichash(hash, token);
  return hash;
}
