// Who may use the proxy: the table of users in the hub's store. While it is empty, nobody is asked for a name.

import type { DatabaseSync } from 'node:sqlite';
import { inSentences } from '../../base/sqliteFile.ts';
import { UserError } from '../../base/userError.ts';
import { USERS } from '../../limits/owner.ts';
import { cleanTags } from '../../model/tags.ts';
import type { User, UserLimits } from '../../model/userAccounts.ts';
import { checkUserName } from '../../model/userName.ts';
import type { IdentityTable } from './identityTable.ts';

export const NO_USER_LIMITS: UserLimits = { streams: null, tags: null };

export interface StoredUser {
  readonly user: User;
  readonly hash: string;
}

interface UserRow {
  readonly name: string;
  readonly hash: string;
  readonly streams: number | null;
  readonly tags: string | null;
  readonly created_at: number;
  readonly changed_at: number;
}

export class Users {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #identity: IdentityTable;

  constructor(path: string, database: DatabaseSync, identity: IdentityTable) {
    this.#path = path;
    this.#database = database;
    this.#identity = identity;
  }

  /** By name. */
  all(): StoredUser[] {
    return inSentences(this.#path, () => {
      const rows = this.#database.prepare('SELECT * FROM users ORDER BY name').all();
      return (rows as unknown as UserRow[]).map(storedUser);
    });
  }

  /** Throws UserError when the name is taken or not one, or a limit is out of bounds. */
  add(name: string, hash: string, limits: UserLimits, nowMs: number): StoredUser {
    checkUserName(name);
    const { streams, tags } = checkedUserLimits(limits);
    return this.#identity.change(() => {
      if (this.#row(name) !== null) throw new UserError(`there is already a user ${name}`);
      const count = this.#database.prepare('SELECT count(*) AS n FROM users').get();
      if (Number(count?.n) >= USERS.usersMax)
        throw new UserError(`there are already ${USERS.usersMax} users, the most a hub can have`);
      this.#database
        .prepare(
          'INSERT INTO users (name, hash, streams, tags, created_at, changed_at) VALUES (?, ?, ?, ?, ?, ?)',
        )
        .run(name, hash, streams, writtenTags(tags), nowMs, nowMs);
      return storedUser(this.#row(name)!);
    });
  }

  /** What is absent stays. Throws UserError when there is no such user, or a limit is out of bounds. */
  change(name: string, change: { hash?: string; limits?: Partial<UserLimits> }, nowMs: number): StoredUser {
    return this.#identity.change(() => {
      const row = this.#row(name);
      if (row === null) throw noSuchUser(name);
      const { streams, tags } = checkedUserLimits({ ...userOf(row).limits, ...change.limits });
      this.#database
        .prepare('UPDATE users SET hash = ?, streams = ?, tags = ?, changed_at = ? WHERE name = ?')
        .run(change.hash ?? row.hash, streams, writtenTags(tags), nowMs, name);
      return storedUser(this.#row(name)!);
    });
  }

  /** The user as it was. Throws UserError when there is none. */
  remove(name: string): User {
    return this.#identity.change(() => {
      const row = this.#row(name);
      if (row === null) throw noSuchUser(name);
      this.#database.prepare('DELETE FROM users WHERE name = ?').run(name);
      return userOf(row);
    });
  }

  #row(name: string): UserRow | null {
    const row = this.#database.prepare('SELECT * FROM users WHERE name = ?').get(name);
    return (row as UserRow | undefined) ?? null;
  }
}

/** Throws UserError. */
export function checkedUserLimits({ streams, tags }: UserLimits): UserLimits {
  if (streams !== null && !(Number.isInteger(streams) && streams >= 1 && streams <= USERS.streamsMax)) {
    throw new UserError(`a user may have 1 to ${USERS.streamsMax} streams at once, or no limit`);
  }
  if (tags !== null && tags.length === 0)
    throw new UserError('a user limited to no tags could use no node; give a tag, or none for no limit');
  return { streams, tags: tags === null ? null : cleanTags(tags) };
}

function writtenTags(tags: readonly string[] | null): string | null {
  return tags === null ? null : tags.join(',');
}

function storedUser(row: UserRow): StoredUser {
  return { user: userOf(row), hash: row.hash };
}

function userOf(row: UserRow): User {
  return {
    name: row.name,
    limits: { streams: row.streams, tags: row.tags === null ? null : row.tags.split(',') },
    createdAt: new Date(row.created_at).toISOString(),
    changedAt: new Date(row.changed_at).toISOString(),
  };
}

export function noSuchUser(name: string): UserError {
  return new UserError(`there is no user ${JSON.stringify(name)}`);
}
