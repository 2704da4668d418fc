// The proxy's users in memory as in the store: every login looks here. A change counts once the store has it.

import type { User, UserLimits } from '../../model/userAccounts.ts';
import type { HubStore } from '../store/hubStore.ts';
import type { StoredUser } from '../store/userTable.ts';

export class UserBook {
  readonly #store: HubStore;
  readonly #users = new Map<string, StoredUser>();
  readonly #listeners = new Set<() => void>();

  constructor(store: HubStore, users: readonly StoredUser[]) {
    this.#store = store;
    for (const known of users) this.#users.set(known.user.name, known);
  }

  /** By name. */
  list(): User[] {
    const users = [...this.#users.values()].map(({ user }) => user);
    return users.sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  /** Whether clients must log in at all. */
  any(): boolean {
    return this.#users.size > 0;
  }

  find(name: string): StoredUser | null {
    return this.#users.get(name) ?? null;
  }

  /** Rejects with UserError when the name is taken or not one, or a limit is out of bounds. */
  async add(name: string, hash: string, limits: UserLimits, nowMs: number): Promise<User> {
    return this.#keep(await this.#store.ask('addUser', name, hash, limits, nowMs));
  }

  /** What is absent stays. Rejects with UserError when there is no such user, or a limit is out of bounds. */
  async change(
    name: string,
    change: { hash?: string; limits?: Partial<UserLimits> },
    nowMs: number,
  ): Promise<User> {
    return this.#keep(await this.#store.ask('changeUser', name, change, nowMs));
  }

  #keep(known: StoredUser): User {
    if (this.#store.keepsBooks !== true) this.take([known], []);
    return known.user;
  }

  /** The user as it was. Rejects with UserError when there is none. */
  async remove(name: string): Promise<User> {
    const user = await this.#store.ask('removeUser', name);
    if (this.#store.keepsBooks !== true) this.take([], [name]);
    return user;
  }

  /** As the store has them since a moment ago. */
  take(users: readonly StoredUser[], removed: readonly string[]): void {
    for (const known of users) this.#users.set(known.user.name, known);
    for (const name of removed) this.#users.delete(name);
    this.#tell();
  }

  /** Hears when users were added, changed or removed; the function returned ends it. */
  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
