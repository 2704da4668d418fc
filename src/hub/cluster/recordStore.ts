// A bucket of records in NATS: read, compare-and-set, watch.

import {
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import { headers, type NatsConnection } from '@nats-io/transport-node';
import { UserError } from '../../base/userError.ts';
import { type RecordKind, type Records, readRecord, writeRecord } from '../../cluster/records.ts';
import { CLUSTER, CLUSTER_STICKY } from '../../limits/cluster.ts';
import { ClusterAway, reasonOf } from './natsConnection.ts';
import { type Entry, openWatch, type Watch, WatchEnded } from './recordWatch.ts';

export interface Kept<Record> {
  readonly record: Record;
  readonly revision: number;
  /** By the servers' clock. */
  readonly writtenAtMs?: number;
}

/** JetStream error codes: the stream has another last sequence for the key. */
const OVERTAKEN = new Set([10_071, 10_164]);

/** For questions, for watches, which have less time, and for writing. */
interface Managers {
  readonly asking: JetStreamManager;
  readonly watching: JetStreamManager;
  readonly writing: JetStreamClient;
}

export class RecordStore {
  readonly #nats: NatsConnection;
  readonly #managers: Managers;
  readonly #kv: KV;
  readonly #bucket: string;

  constructor(nats: NatsConnection, managers: Managers, kv: KV, bucket: string) {
    this.#nats = nats;
    this.#managers = managers;
    this.#kv = kv;
    this.#bucket = bucket;
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
      : { record: entry.value, revision: entry.revision, writtenAtMs: entry.created.getTime() };
  }

  /** The new revision; null: there is one already. */
  create<Kind extends RecordKind>(kind: Kind, key: string, record: Records[Kind]): Promise<number | null> {
    return this.createBytes(key, writeRecord(kind, record));
  }

  async createBytes(key: string, bytes: Uint8Array): Promise<number | null> {
    const revision = await this.#swap(key, 0, bytes);
    if (revision !== null) return revision;
    // A key that was removed has a last revision as well.
    const entry = await inSentences(() => this.#kv.get(key));
    return entry === null || entry.operation === 'PUT' ? null : this.#swap(key, entry.revision, bytes);
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
    return this.#swap(key, revision, bytes);
  }

  /** The revision from which on it is gone; null: somebody else was first. */
  remove(key: string, revision: number): Promise<number | null> {
    return this.#swap(key, revision, null);
  }

  async removeBytes(key: string): Promise<void> {
    await writing(() => this.#kv.delete(key));
  }

  /**
   * Compare-and-set. Several NATS 2.9 servers compare the revision of a *key* before they agree, so of two writers at once both may win.
   * The last revision of the whole *bucket* they compare while they write, so that has to be the same as well.
   * @param bytes null: removes the key
   */
  async #swap(key: string, revision: number, bytes: Uint8Array | null): Promise<number | null> {
    for (let attempt = 1; attempt <= CLUSTER.swapAttemptsMax; attempt++) {
      const { lastRevision } = await this.state();
      const written = await unlessOvertaken(() => this.#write(key, bytes, revision, lastRevision));
      if (written !== null) return written;
      const entry = await inSentences(() => this.#kv.get(key));
      if ((entry?.revision ?? 0) !== revision) return null;
    }
    throw new ClusterAway('others write there without a pause');
  }

  async #write(
    key: string,
    bytes: Uint8Array | null,
    lastSubjectSequence: number,
    lastSequence: number,
  ): Promise<number> {
    const fields = headers();
    if (bytes === null) fields.set('KV-Operation', 'DEL');
    const { seq } = await this.#managers.writing.publish(
      `$KV.${this.#bucket}.${key}`,
      bytes ?? new Uint8Array(),
      { headers: fields, expect: { lastSequence, lastSubjectSequence }, timeout: CLUSTER.answerTimeoutMs },
    );
    return seq;
  }

  async put<Kind extends RecordKind>(kind: Kind, key: string, record: Records[Kind]): Promise<number> {
    return writing(() => this.#kv.put(key, writeRecord(kind, record)));
  }

  /** All that is there, removed keys left out. `filter`: of keys, as NATS has it. */
  async all(filter: string): Promise<Entry[]> {
    const found: Entry[] = [];
    await inSentences(async () => {
      const watch = await openWatch(this.#watched, { filter, fromRevision: 0 });
      let left = watch.pending;
      if (left > 0) {
        for await (const entry of watch.entries) {
          if (entry.value !== null) found.push(entry);
          if (--left === 0) break;
        }
      }
      watch.stop();
    });
    return found;
  }

  /**
   * What is there, then what comes; from a revision on, where one is given. It goes on when the server that it came from has died; its
   * entries end with ClusterAway when it cannot.
   */
  async watch(fromRevision: number): Promise<Watch> {
    const open = (from: number) =>
      inSentences(() => openWatch(this.#watched, { filter: '>', fromRevision: from }));
    let watch = await open(fromRevision);
    let isStopped = false;
    async function* entries(): AsyncIterable<Entry> {
      for (let last = 0; ; watch = await open(last === 0 ? fromRevision : last + 1)) {
        try {
          for await (const entry of watch.entries) {
            last = entry.revision;
            yield entry;
          }
          return;
        } catch (error) {
          if (isStopped || !(error instanceof WatchEnded)) throw error;
        }
      }
    }
    return {
      entries: entries(),
      stop: () => {
        isStopped = true;
        watch.stop();
      },
    };
  }

  get #watched() {
    return { nats: this.#nats, manager: this.#managers.watching, bucket: this.#bucket };
  }

  /** The newest revision, and how many keys there are. */
  async state(): Promise<{ lastRevision: number; keys: number }> {
    return inSentences(async () => {
      const { state } = await this.#managers.asking.streams.info(`KV_${this.#bucket}`);
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
  const kvs = new Kvm(jetstream(nats, ANSWER));
  const managerOf = (timeout: number) =>
    inSentences(() => jetstreamManager(nats, { timeout, checkAPI: false }));
  const managers = {
    asking: await managerOf(CLUSTER.answerTimeoutMs),
    watching: await managerOf(CLUSTER.watchTimeoutMs),
    writing: jetstream(nats, ANSWER),
  };
  const open = async (bucket: string) =>
    new RecordStore(nats, managers, await inSentences(() => kvs.open(bucket, { ...OPEN })), bucket);
  return {
    state: await open(`${cluster}_state`),
    tokens: await open(`${cluster}_tokens`),
    presence: await open(`${cluster}_presence`),
    leases: await open(`${cluster}_leases`),
    sticky: await open(`${cluster}_sticky`),
  };
}

const ANSWER = { timeout: CLUSTER.answerTimeoutMs };

/** Reading from a follower could miss what was just written. */
const OPEN = { ...ANSWER, allow_direct: false };

/** What is there already stays. Rejects with ClusterAway. */
export async function makeBuckets(nats: NatsConnection, cluster: string, replicas: number): Promise<Buckets> {
  const manager = new Kvm(jetstream(nats, ANSWER));
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

async function unlessOvertaken(write: () => Promise<number>): Promise<number | null> {
  try {
    return await write();
  } catch (error) {
    if (error instanceof JetStreamApiError && OVERTAKEN.has(error.code)) return null;
    throw writeFailure(error);
  }
}

async function writing<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    throw writeFailure(error);
  }
}

/** What the servers have refused was not written; of what they did not answer, nobody knows. */
function writeFailure(error: unknown): Error {
  if (error instanceof UserError) return error;
  const isRefused = error instanceof JetStreamApiError || (error as Error).name === 'NoRespondersError';
  return new ClusterAway(reasonOf(error), !isRefused);
}

async function inSentences<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof UserError ? error : new ClusterAway(reasonOf(error));
  }
}
