// A bucket of records in NATS: read, compare-and-set, watch.

import { JetStreamApiError, jetstreamManager } from '@nats-io/jetstream';
import { type KV, Kvm, type KvWatchEntry } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';
import { UserError } from '../../base/userError.ts';
import { type RecordKind, type Records, readRecord, writeRecord } from '../../cluster/records.ts';
import { CLUSTER, CLUSTER_STICKY } from '../../limits/cluster.ts';
import { ClusterAway, reasonOf } from './natsConnection.ts';

export interface Kept<Record> {
  readonly record: Record;
  readonly revision: number;
}

/** What a watch brings; `value` null: it was removed. */
export interface Entry {
  readonly key: string;
  readonly value: Uint8Array | null;
  readonly revision: number;
}

export interface Watch {
  readonly entries: AsyncIterable<Entry>;
  stop(): void;
}

/** JetStream error codes: the stream has another last sequence for the key. */
const OVERTAKEN = new Set([10_071, 10_164]);

export class RecordStore {
  readonly #kv: KV;
  readonly #stream: string;
  readonly #nats: NatsConnection;

  constructor(nats: NatsConnection, kv: KV, bucket: string) {
    this.#nats = nats;
    this.#kv = kv;
    this.#stream = `KV_${bucket}`;
  }

  /** null: there is none. Rejects with ClusterAway, and UserError for a record that this program must leave alone. */
  async read<Kind extends RecordKind>(kind: Kind, key: string): Promise<Kept<Records[Kind]> | null> {
    const kept = await this.readBytes(key);
    if (kept === null) return null;
    const read = readRecord(kind, kept.record);
    if (read.state === 'good') return { record: read.record, revision: kept.revision };
    throw new UserError(
      read.state === 'newer'
        ? `the cluster's record ${key} was written by a newer restunnel (version ${read.version}): update this one`
        : `the cluster's record ${key} is damaged: ${read.why}`,
    );
  }

  async readBytes(key: string): Promise<Kept<Uint8Array> | null> {
    const entry = await inSentences(() => this.#kv.get(key));
    return entry === null || entry.operation !== 'PUT'
      ? null
      : { record: entry.value, revision: entry.revision };
  }

  /** The new revision; null: there is one already. */
  create<Kind extends RecordKind>(kind: Kind, key: string, record: Records[Kind]): Promise<number | null> {
    return unlessOvertaken(() => this.#kv.create(key, writeRecord(kind, record)));
  }

  /** `revision`: of the record that was read. The new one; null: somebody else was first. */
  update<Kind extends RecordKind>(
    kind: Kind,
    key: string,
    record: Records[Kind],
    revision: number,
  ): Promise<number | null> {
    return this.updateBytes(key, writeRecord(kind, record), revision);
  }

  updateBytes(key: string, bytes: Uint8Array, revision: number): Promise<number | null> {
    return unlessOvertaken(() => this.#kv.update(key, bytes, revision, CLUSTER.answerTimeoutMs));
  }

  async removeBytes(key: string): Promise<void> {
    await inSentences(() => this.#kv.delete(key));
  }

  createBytes(key: string, bytes: Uint8Array): Promise<number | null> {
    return unlessOvertaken(() => this.#kv.create(key, bytes));
  }

  async put<Kind extends RecordKind>(kind: Kind, key: string, record: Records[Kind]): Promise<number> {
    return inSentences(() => this.#kv.put(key, writeRecord(kind, record)));
  }

  /** Whether it was still that one. */
  async remove(key: string, revision: number): Promise<boolean> {
    const removed = await unlessOvertaken(async () => {
      await this.#kv.delete(key, { previousSeq: revision });
      return 1;
    });
    return removed !== null;
  }

  /** All that is there, removed keys left out. */
  async all(filter: string): Promise<Entry[]> {
    const found: Entry[] = [];
    await inSentences(async () => {
      for await (const entry of await this.#kv.history({ key: filter })) {
        if (entry.operation === 'PUT') found.push(entryOf(entry));
      }
    });
    return found;
  }

  /** What is there, then what comes; from a revision on, where one is given. */
  async watch(fromRevision: number): Promise<Watch> {
    const watch = await inSentences(() =>
      this.#kv.watch(fromRevision > 0 ? { resumeFromRevision: fromRevision } : {}),
    );
    return { entries: entriesOf(watch), stop: () => watch.stop() };
  }

  /** The newest revision, and how many keys there are. */
  async state(): Promise<{ lastRevision: number; keys: number }> {
    return inSentences(async () => {
      const manager = await jetstreamManager(this.#nats, {
        timeout: CLUSTER.answerTimeoutMs,
        checkAPI: false,
      });
      const { state } = await manager.streams.info(this.#stream);
      return { lastRevision: state.last_seq, keys: state.messages };
    });
  }
}

export interface Buckets {
  readonly state: RecordStore;
  readonly tokens: RecordStore;
  readonly presence: RecordStore;
  /** What each hub may use of monthly quotas. */
  readonly leases: RecordStore;
  /** Where sticky sessions are that several hubs agree on. */
  readonly sticky: RecordStore;
}

/** Rejects with ClusterAway. Whether the buckets are there shows at the first question. */
export async function openBuckets(nats: NatsConnection, cluster: string): Promise<Buckets> {
  const manager = new Kvm(nats);
  const open = async (bucket: string) =>
    new RecordStore(nats, await inSentences(() => manager.open(bucket, { ...OPEN })), bucket);
  return {
    state: await open(`${cluster}_state`),
    tokens: await open(`${cluster}_tokens`),
    presence: await open(`${cluster}_presence`),
    leases: await open(`${cluster}_leases`),
    sticky: await open(`${cluster}_sticky`),
  };
}

/** Reading from a follower could miss what was just written. The library writes into what it is given. */
const OPEN = { timeout: CLUSTER.answerTimeoutMs, allow_direct: false };

/** What is there already stays. Rejects with ClusterAway. */
export async function makeBuckets(nats: NatsConnection, cluster: string, replicas: number): Promise<Buckets> {
  const manager = new Kvm(nats);
  const common = { replicas, history: 1, maxValueSize: 65_536, ...OPEN };
  await inSentences(async () => {
    await manager.create(`${cluster}_state`, common);
    await manager.create(`${cluster}_tokens`, { ...common, ttl: CLUSTER.tokensTtlMs });
    await manager.create(`${cluster}_presence`, { ...common, ttl: CLUSTER.presenceTtlMs });
    await manager.create(`${cluster}_leases`, common);
    await manager.create(`${cluster}_sticky`, { ...common, ttl: CLUSTER_STICKY.entriesTtlMs });
  });
  return openBuckets(nats, cluster);
}

async function unlessOvertaken(work: () => Promise<number>): Promise<number | null> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof JetStreamApiError && OVERTAKEN.has(error.code)) return null;
    throw sentenceOf(error);
  }
}

async function inSentences<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw sentenceOf(error);
  }
}

function sentenceOf(error: unknown): Error {
  return error instanceof UserError ? error : new ClusterAway(reasonOf(error));
}

async function* entriesOf(watch: AsyncIterable<KvWatchEntry>): AsyncIterable<Entry> {
  for await (const entry of watch) yield entryOf(entry);
}

function entryOf({ key, operation, value, revision }: KvWatchEntry): Entry {
  return { key, value: operation === 'PUT' ? value : null, revision };
}
