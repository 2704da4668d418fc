// A bucket of NATS for what hubs agree on by compare-and-set.

import { type Bucket, ClusterAwayError } from './bucket.ts';
import { ClusterAway } from './natsConnection.ts';
import type { RecordStore } from './recordStore.ts';

/** `store`: the bucket on the connection of the moment; throws ClusterAway without one. */
export function natsBucket(store: () => RecordStore): Bucket {
  return {
    get: (key) =>
      asking(async () => {
        const kept = await store().readBytes(key);
        if (kept === null) return null;
        const { record: value, revision, writtenAtMs } = kept;
        return { value, revision, writtenAtMs };
      }),
    update: (key, value, revision) =>
      asking(() =>
        revision === 0 ? store().createBytes(key, value) : store().updateBytes(key, value, revision),
      ),
    remove: (key) => asking(() => store().removeBytes(key)),
  };
}

async function asking<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  try {
    return await ask();
  } catch (error) {
    throw error instanceof ClusterAway ? new ClusterAwayError() : error;
  }
}
