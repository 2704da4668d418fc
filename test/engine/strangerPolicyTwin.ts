// The policy towards strangers said naively: lists and searches instead of sets by weight.

import { STRANGER } from '../../src/limits/bounds.ts';

interface Entry {
  conn: number;
  key: string;
}

export class StrangerPolicyTwin {
  #entries: Entry[] = [];
  #known: string[] = [];
  /** When an address came to the number of sockets it has, or became known or unknown with it. */
  readonly #since = new Map<string, number>();
  #clock = 0;

  get count(): number {
    return this.#entries.length;
  }

  add(conn: number, key: string): number {
    const own = this.#of(key);
    let victim = 0;
    if (own.length >= STRANGER.socketsPerAddressMax) victim = own[0]!.conn;
    else if (this.count >= STRANGER.socketsMax) victim = this.victim();
    this.remove(victim);
    this.#entries.push({ conn, key });
    this.#touch(key);
    return victim;
  }

  remove(conn: number): void {
    const entry = this.#entries.find((each) => each.conn === conn);
    if (entry === undefined) return;
    this.#entries = this.#entries.filter((each) => each !== entry);
    this.#touch(entry.key);
  }

  admitted(conn: number): void {
    const key = this.#entries.find((each) => each.conn === conn)?.key;
    if (key === undefined) return;
    this.#known = [...this.#known.filter((each) => each !== key), key];
    this.#touch(key);
    if (this.#known.length > STRANGER.knownAddressesMax) this.#touch(this.#known.shift()!);
  }

  victim(): number {
    const counts = new Map<string, number>();
    for (const { key } of this.#entries) counts.set(key, (counts.get(key) ?? 0) + 1);
    const unknown = [...counts.keys()].filter((key) => !this.#known.includes(key));
    const candidates = unknown.length > 0 ? unknown : [...counts.keys()];
    candidates.sort((a, b) => counts.get(b)! - counts.get(a)! || this.#since.get(a)! - this.#since.get(b)!);
    return candidates.length === 0 ? 0 : this.#of(candidates[0]!)[0]!.conn;
  }

  #of(key: string): Entry[] {
    return this.#entries.filter((entry) => entry.key === key);
  }

  #touch(key: string): void {
    this.#since.set(key, ++this.#clock);
  }
}
