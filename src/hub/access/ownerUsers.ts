// The proxy's users as their owner changes them: the store's table, and an event for every change.

import type { NewUser, OwnerUsers, User, UserChange } from '../../model/userAccounts.ts';
import type { Users } from '../store/userTable.ts';

export class NotedUsers implements OwnerUsers {
  readonly #users: Users;
  readonly #note: (text: string) => void;

  /** `note` takes an event's sentence. */
  constructor(users: Users, note: (text: string) => void) {
    this.#users = users;
    this.#note = note;
  }

  list(): User[] {
    return this.#users.list();
  }

  add({ name, passwordHash, limits }: NewUser): User {
    const user = this.#users.add(name, passwordHash, limits, Date.now());
    this.#note(`the user ${name} was added (${limitsText(user)})`);
    return user;
  }

  change(name: string, { passwordHash, limits = {} }: UserChange): User {
    const hash = passwordHash === undefined ? {} : { hash: passwordHash };
    const user = this.#users.change(name, { ...hash, limits }, Date.now());
    const password = passwordHash === undefined ? '' : 'a new password; ';
    this.#note(`the user ${name} was changed (${password}${limitsText(user)})`);
    return user;
  }

  remove(name: string): User {
    const user = this.#users.remove(name);
    this.#note(`the user ${name} was removed`);
    return user;
  }
}

function limitsText({ limits: { streams, tags } }: User): string {
  const many =
    streams === null ? 'no limit of streams' : `at most ${streams} ${streams === 1 ? 'stream' : 'streams'}`;
  return `${many}; ${tags === null ? 'any node' : `only nodes tagged ${tags.join(' or ')}`}`;
}
