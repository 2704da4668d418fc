// The addresses of this machine's interfaces, which the target policy refuses. They change: a phone moves between networks.

import { networkInterfaces } from 'node:os';
import { withoutZone } from '../base/ipAddress.ts';

/** IP literals of both families, without zones. Throws where the system does not list them, as without a free descriptor. */
export function ownAddresses(): string[] {
  const addresses = new Set<string>();
  for (const list of Object.values(networkInterfaces())) {
    for (const { address } of list ?? []) addresses.add(withoutZone(address));
  }
  return [...addresses];
}

/** The addresses of this machine, where the system may fail to list them. */
export class KnownAddresses {
  #known: readonly string[] = [];
  #failing = false;
  readonly #onTrouble: (error: unknown) => void;
  readonly #read: () => string[];

  /** @param onTrouble called with the error of the first list that fails, and with null when a later one succeeds */
  constructor(onTrouble: (error: unknown) => void, read = ownAddresses) {
    this.#onTrouble = onTrouble;
    this.#read = read;
  }

  /** As they are now, or as they were last while the system does not list them; empty: it never has. */
  look(): readonly string[] {
    try {
      this.#known = this.#read();
      if (this.#failing) this.#onTrouble(null);
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) this.#onTrouble(error);
      this.#failing = true;
    }
    return this.#known;
  }
}
