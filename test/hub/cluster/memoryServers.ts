// NATS' servers in memory, for tests of what a hub writes to them and reads back.

import { type RecordKind, writeRecord } from '../../../src/cluster/records.ts';
import { ClusterAway } from '../../../src/hub/cluster/natsConnection.ts';
import type { Buckets } from '../../../src/hub/cluster/recordStore.ts';
import type { Entry } from '../../../src/hub/cluster/recordWatch.ts';

/** `answered` is called between a write and its answer. */
export class MemoryServers {
  readonly kept = new Map<string, { record: unknown; revision: number }>();
  revision = 0;
  answered: () => Promise<void> = async () => {};

  write(key: string, record: unknown): number {
    this.kept.set(key, { record, revision: ++this.revision });
    return this.revision;
  }

  isAway = false;

  get buckets(): Buckets {
    if (this.isAway) throw new ClusterAway('it is away');
    const write = async (key: string, record: unknown, revision: number) => {
      if ((this.kept.get(key)?.revision ?? 0) !== revision) return null;
      const written = this.write(key, record);
      await this.answered();
      return written;
    };
    const store = {
      read: async (_kind: RecordKind, key: string) => {
        const kept = this.kept.get(key);
        return kept === undefined || kept.record === null ? null : kept;
      },
      create: (_kind: RecordKind, key: string, record: unknown) => write(key, record, 0),
      update: (_kind: RecordKind, key: string, record: unknown, revision: number) =>
        write(key, record, revision),
      remove: (key: string, revision: number) => write(key, null, revision),
      readBytes: async (key: string) => this.kept.get(key) ?? null,
      createBytes: (key: string, bytes: Uint8Array) => write(key, bytes, 0),
      updateBytes: (key: string, bytes: Uint8Array, revision: number) => write(key, bytes, revision),
    };
    return {
      state: store,
      tokens: store,
      presence: store,
      leases: store,
      sticky: store,
    } as unknown as Buckets;
  }

  /** As the watch brings it. */
  entry(key: string): Entry {
    const { record, revision } = this.kept.get(key)!;
    const kind = key.startsWith('user') ? 'user' : 'node';
    return { key, value: record === null ? null : writeRecord(kind, record as never), revision };
  }
}
