// The proxy's users as their owner changes them: the book of users, and an event for every change.

import type { NewUser, OwnerUsers, User, UserChange } from '../../model/userAccounts.ts';
import type { UserBook } from './userBook.ts';

export class NotedUsers implements OwnerUsers {
  readonly #users: UserBook;
  readonly #note: (text: string) => void;

  /** `note` takes an event's sentence. */
  constructor(users: UserBook, note: (text: string) => void) {
    this.#users = users;
    this.#note = note;
  }

  list(): User[] {
    return this.#users.list();
  }

  async add({ name, passwordHash, limits }: NewUser): Promise<User> {
    const user = await this.#users.add(name, passwordHash, limits, Date.now());
    this.#note(`the user ${name} was added (${limitsText(user)})`);
    return user;
  }

  async change(name: string, { passwordHash, limits = {} }: UserChange): Promise<User> {
    const hash = passwordHash === undefined ? {} : { hash: passwordHash };
    const user = await this.#users.change(name, { ...hash, limits }, Date.now());
    const password = passwordHash === undefined ? '' : 'a new password; ';
    this.#note(`the user ${name} was changed (${password}${limitsText(user)})`);
    return user;
  }

  async remove(name: string): Promise<User> {
    const user = await this.#users.remove(name);
    this.#note(`the user ${name} was removed`);
    return user;
  }
}

function limitsText({ limits: { streams, tags } }: User): string {
  const many =
    streams === null ? 'no limit of streams' : `at most ${streams} ${streams === 1 ? 'stream' : 'streams'}`;
  return `${many}; ${tags === null ? 'any node' : `only nodes tagged ${tags.join(' or ')}`}`;
}
