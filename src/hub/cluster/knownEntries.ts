// What this hub has taken over of the cluster's entries: tells what is news from what is known, and from what is older than that. Servers that
// were put back from a backup, or lost their power all at once, no longer have the last of what they had confirmed. Pure.

import { crc32 } from 'node:zlib';
import type { Entry } from './recordWatch.ts';

interface Known {
  readonly revision: number;
  /** null: this hub has written it itself, and does not compare it. */
  readonly digest: number | null;
}

export class KnownEntries {
  readonly #known = new Map<string, Known>();
  /** What the watch has brought instead of something newer, by key. */
  readonly #older = new Map<string, Entry>();
  /** Keys that the watch has brought. */
  readonly #seen = new Set<string>();

  /** A watch of all that there is begins. */
  begin(): void {
    this.#older.clear();
    this.#seen.clear();
  }

  /** The entry comes by the watch. One that is older may be a server's that lags: then the newer one comes as well. */
  isNews(entry: Entry): boolean {
    const { key, value, revision } = entry;
    this.#seen.add(key);
    this.#older.delete(key);
    const known = this.#known.get(key);
    if (known === undefined || revision > known.revision) return true;
    const isSame = known.digest === null || known.digest === digestOf(value);
    if (revision < known.revision || !isSame) this.#older.set(key, entry);
    return false;
  }

  /** Than what this hub has. */
  isNewer({ key, revision }: Pick<Entry, 'key' | 'revision'>): boolean {
    return revision > (this.#known.get(key)?.revision ?? 0);
  }

  /** It is in the hub's copy now. */
  took({ key, value, revision }: Entry): void {
    this.#keep(key, { revision, digest: digestOf(value) });
  }

  /** The same, of what this hub has written itself. */
  wrote({ key, revision }: Pick<Entry, 'key' | 'revision'>): void {
    this.#keep(key, { revision, digest: null });
  }

  #keep(key: string, known: Known): void {
    if (known.revision > (this.#known.get(key)?.revision ?? 0)) this.#known.set(key, known);
  }

  /**
   * All of the watch has come: keys of which the servers have something older. From now on what they write is news; so it is where they have
   * nothing any more, not even that it was removed.
   */
  takeOlder(): string[] {
    const keys = [...this.#older.keys()];
    for (const key of keys) this.#known.delete(key);
    for (const key of this.#known.keys()) if (!this.#seen.has(key)) this.#known.delete(key);
    this.#older.clear();
    return keys;
  }

  /** Whether the watch has brought it, be it as removed. */
  isThere(key: string): boolean {
    return this.#seen.has(key);
  }
}

/** Of two histories with one revision of a key; a removed one is -1. */
function digestOf(value: Uint8Array | null): number {
  return value === null ? -1 : crc32(value);
}
