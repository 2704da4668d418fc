// A key-value bucket of the cluster, as what several hubs agree on sees it: values that are changed by compare-and-set, and a watch.

/** The cluster cannot be reached now. The change may or may not have happened. */
export class ClusterAwayError extends Error {
  override readonly name = 'ClusterAwayError';

  constructor() {
    super('the cluster cannot be reached');
  }
}

export interface Entry {
  readonly value: Uint8Array;
  readonly revision: number;
  /** By the clock of the servers, which hubs with a wrong one do not set. */
  readonly writtenAtMs?: number | undefined;
}

/** Methods reject with ClusterAwayError. */
export interface Bucket {
  /** null: there is none. */
  get(key: string): Promise<Entry | null>;
  /**
   * Writes the value if the entry still has this revision; 0: if there is none.
   * @returns the new revision; null: somebody else was faster
   */
  update(key: string, value: Uint8Array, revision: number): Promise<number | null>;
  remove(key: string): Promise<void>;
}

/**
 * Changes an entry until nobody else is faster. `change` returns null when nothing is to be changed. Rejects with ClusterAwayError.
 * @returns the revision of the entry then; 0: there is none
 */
export async function changeEntry(
  bucket: Bucket,
  key: string,
  change: (value: Uint8Array | null, writtenAtMs?: number) => Uint8Array | null,
): Promise<number> {
  for (;;) {
    const entry = await bucket.get(key);
    const value = change(entry?.value ?? null, entry?.writtenAtMs);
    if (value === null) return entry?.revision ?? 0;
    const revision = await bucket.update(key, value, entry?.revision ?? 0);
    if (revision !== null) return revision;
  }
}
