// Parsed user names: a crawler's name, which comes with every connection, costs a look into a map. Pure. Kept by the front.

import { ROUTING } from '../limits/bounds.ts';
import { type BadUsername, parseUsername, type RoutingRequest } from './request.ts';

/** Two generations of equal size: a name that is used stays, one that is not goes within two of them. */
export class Usernames {
  #young = new Map<string, RoutingRequest | BadUsername>();
  #old = new Map<string, RoutingRequest | BadUsername>();

  /** The same object for the same name, as long as it is remembered. */
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
