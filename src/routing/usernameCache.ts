// Parsed user names: a crawler sends the same name with every connection, and it is parsed once. Pure.

import { ROUTING } from '../limits/routing.ts';
import type { RoutingRequest } from './request.ts';
import { type BadUsername, parseUsername } from './username.ts';

/** Two generations of equal size: a name in use stays, one out of use is gone two generations later. */
export class UsernameCache {
  #young = new Map<string, RoutingRequest | BadUsername>();
  #old = new Map<string, RoutingRequest | BadUsername>();

  /** The same object for the same name, as long as the cache holds it. */
  parse(username: string): RoutingRequest | BadUsername {
    const known = this.#young.get(username);
    if (known !== undefined) return known;
    const parsed = this.#old.get(username) ?? parseUsername(username);
    if (this.#young.size >= ROUTING.usernamesMax / 2) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(username, parsed);
    return parsed;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }
}
