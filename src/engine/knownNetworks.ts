// The networks from which devices were admitted, the last ones: what a hub knows of strangers before it looks at their keys. Pure.

export class KnownNetworks {
  readonly #max: number;
  /** Longest ago first. */
  readonly #keys = new Set<string>();

  constructor(max: number) {
    this.#max = max;
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  add(key: string): void {
    this.#keys.delete(key);
    this.#keys.add(key);
    if (this.#keys.size <= this.#max) return;
    for (const longestAgo of this.#keys) {
      this.#keys.delete(longestAgo);
      return;
    }
  }
}
