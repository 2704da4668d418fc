// The room for strangers said naively: lists and searches instead of sets by weight.

import { networkKey } from '../../src/base/sourceKey.ts';
import { STRANGER } from '../../src/limits/strangers.ts';

interface Entry {
  conn: number;
  key: string;
}

export class StrangerPolicyTwin {
  #entries: Entry[] = [];
  readonly #knownSocketsMax: number;
  readonly #networks = new Set<string>();
  /** Addresses that count as known while they have sockets. */
  readonly #known = new Set<string>();
  /** When an address came to the number of sockets it has, or became known or unknown with it. */
  readonly #since = new Map<string, number>();
  #clock = 0;

  constructor(knownSocketsMax: number) {
    this.#knownSocketsMax = knownSocketsMax;
  }

  get count(): number {
    return this.#entries.length;
  }

  add(conn: number, key: string): number {
    const own = this.#of(key);
    if (own.length === 0) {
      if (this.#networks.has(networkKey(key))) this.#known.add(key);
      else this.#known.delete(key);
    }
    const isKnown = this.#known.has(key);
    const perAddress = isKnown ? STRANGER.knownSocketsPerAddressMax : STRANGER.socketsPerAddressMax;
    const max = isKnown ? this.#knownSocketsMax : STRANGER.socketsMax;
    let victim = 0;
    if (own.length >= perAddress) victim = own[0]!.conn;
    else if (this.#where(isKnown).length >= max) victim = this.#victimOf(isKnown);
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
    this.#networks.add(networkKey(key));
    if (this.#known.has(key)) return;
    this.#known.add(key);
    this.#touch(key);
  }

  victim(): number {
    return this.#victimOf(false) || this.#victimOf(true);
  }

  #victimOf(isKnown: boolean): number {
    const counts = new Map<string, number>();
    for (const { key } of this.#where(isKnown)) counts.set(key, (counts.get(key) ?? 0) + 1);
    const keys = [...counts.keys()];
    keys.sort((a, b) => counts.get(b)! - counts.get(a)! || this.#since.get(a)! - this.#since.get(b)!);
    return keys.length === 0 ? 0 : this.#of(keys[0]!)[0]!.conn;
  }

  #where(isKnown: boolean): Entry[] {
    return this.#entries.filter(({ key }) => this.#known.has(key) === isKnown);
  }

  #of(key: string): Entry[] {
    return this.#entries.filter((entry) => entry.key === key);
  }

  #touch(key: string): void {
    this.#since.set(key, ++this.#clock);
  }
}
