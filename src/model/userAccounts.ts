// The proxy's users as their owner sees and changes them. Types only; times are ISO 8601.

export interface UserLimits {
  /** Streams of this user at once; null: no limit of their own. */
  readonly streams: number | null;
  /** Only nodes that carry one of these tags; null: any node. */
  readonly tags: readonly string[] | null;
}

export interface User {
  readonly name: string;
  readonly limits: UserLimits;
  readonly createdAt: string;
  readonly changedAt: string;
}

/** Passwords come as argon2id hashes (hub/access/passwords.ts). */
export interface NewUser {
  readonly name: string;
  readonly passwordHash: string;
  readonly limits: UserLimits;
}

/** What is absent stays. */
export interface UserChange {
  readonly passwordHash?: string;
  readonly limits?: Partial<UserLimits>;
}

/** All but list() reject with UserError for what the owner can mend: a name in use, no such user, a limit out of bounds. */
export interface OwnerUsers {
  /** By name. */
  list(): User[];
  add(user: NewUser): Promise<User>;
  change(name: string, change: UserChange): Promise<User>;
  /** The user as it was. */
  remove(name: string): Promise<User>;
}
