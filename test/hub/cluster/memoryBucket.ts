// A bucket of a cluster in memory: answers come in any order, watchers hear everything in the order in which it was written, and it can be
// away for some hubs.

import { type Bucket, ClusterAwayError, type Entry } from '../../../src/hub/cluster/bucket.ts';

type Heard = (key: string, value: Uint8Array | null, revision: number) => void;

export class MemoryBucket {
  readonly entries = new Map<string, Entry>();
  readonly away = new Set<string>();
  /** The servers' clock. */
  wallMs: number | undefined;
  #revision = 0;
  readonly #watchers = new Map<string, { heard: Heard; behind: Parameters<Heard>[] }>();
  readonly #turns: () => number;

  /** @param turns how many turns of the event loop an answer takes */
  constructor(turns: () => number = () => 1) {
    this.#turns = turns;
  }

  /** As one hub reaches it. */
  for(hub: string): Bucket {
    return {
      get: (key) => this.#ask(hub, () => this.entries.get(key) ?? null),
      update: (key, value, revision) =>
        this.#ask(hub, () => {
          if ((this.entries.get(key)?.revision ?? 0) !== revision) return null;
          this.entries.set(key, { value, revision: ++this.#revision, writtenAtMs: this.wallMs });
          this.#tell(key, value);
          return this.#revision;
        }),
      remove: (key) =>
        this.#ask(hub, () => {
          this.entries.delete(key);
          this.#revision++;
          this.#tell(key, null);
        }),
    };
  }

  watch(hub: string, heard: Heard): void {
    this.#watchers.set(hub, { heard, behind: [] });
  }

  /** A hub that was away reaches the cluster again, and hears what it has missed. */
  comeBack(hub: string): void {
    this.away.delete(hub);
    const watcher = this.#watchers.get(hub);
    for (const heard of watcher?.behind.splice(0) ?? []) watcher?.heard(...heard);
  }

  async #ask<Answer>(hub: string, does: () => Answer): Promise<Answer> {
    for (let turn = this.#turns(); turn > 0; turn--) await new Promise(setImmediate);
    if (this.away.has(hub)) throw new ClusterAwayError();
    const answer = does();
    for (let turn = this.#turns(); turn > 0; turn--) await new Promise(setImmediate);
    return answer;
  }

  #tell(key: string, value: Uint8Array | null): void {
    for (const [hub, watcher] of this.#watchers) {
      if (this.away.has(hub)) watcher.behind.push([key, value, this.#revision]);
      else watcher.heard(key, value, this.#revision);
    }
  }
}
