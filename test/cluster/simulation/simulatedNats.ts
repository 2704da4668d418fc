// NATS with its key-value store for a simulation: answers take their time and get lost, connections end, watches bring everything late and in
// its order. What a client asked may come into force after the client has given up.

import type { NatsConnection } from '@nats-io/transport-node';
import { type RecordKind, type Records, readRecord, writeRecord } from '../../../src/cluster/records.ts';
import { ClusterAway } from '../../../src/hub/cluster/natsConnection.ts';
import type { Buckets, RecordStore } from '../../../src/hub/cluster/recordStore.ts';
import type { Entry, Watch } from '../../../src/hub/cluster/recordWatch.ts';
import { CLUSTER } from '../../../src/limits/cluster.ts';
import type { Random } from '../../tunnel/simulation.ts';
import type { Owner, VirtualTime } from './virtualTime.ts';

/** What one hub can reach, and the words of the others that it hears. */
export interface Network {
  isCut: boolean;
  /** Since when, unless it is cut. */
  wholeAtMs: number;
}

type BucketName = keyof Buckets;
const BUCKETS: readonly BucketName[] = ['state', 'tokens', 'presence', 'leases', 'sticky'];

export class SimulatedBucket {
  readonly entries = new Map<string, Entry>();
  revision = 0;
  readonly heard = new Set<(entry: Entry) => void>();

  write(key: string, value: Uint8Array | null): number {
    const entry = { key, value, revision: ++this.revision };
    this.entries.set(key, entry);
    for (const hear of this.heard) hear(entry);
    return entry.revision;
  }

  get(key: string): Entry | null {
    const entry = this.entries.get(key);
    return entry === undefined || entry.value === null ? null : entry;
  }

  /** null: somebody else was first. 0: there must be none. */
  compareAndSet(key: string, value: Uint8Array | null, revision: number): number | null {
    return (this.get(key)?.revision ?? 0) === revision ? this.write(key, value) : null;
  }
}

export class SimulatedNats {
  readonly buckets = Object.fromEntries(BUCKETS.map((name) => [name, new SimulatedBucket()])) as Record<
    BucketName,
    SimulatedBucket
  >;
  isUp = true;
  upAtMs = 0;
  readonly connections = new Set<SimulatedConnection>();
  readonly time: VirtualTime;
  readonly random: Random;

  constructor(time: VirtualTime, random: Random) {
    this.time = time;
    this.random = random;
  }

  /** One way of a message. */
  latencyMs(): number {
    return this.random.below(this.random.chance(20) ? 400 : 20) + 1;
  }

  connect(network: Network): Promise<SimulatedConnection> {
    return new Promise((resolve, reject) => {
      this.time.after(this.latencyMs(), () => {
        if (network.isCut) {
          const late = () => reject(new ClusterAway('it does not answer'));
          this.time.after(CLUSTER.connectTimeoutMs, late);
        } else if (!this.isUp) reject(new ClusterAway('none of its servers takes connections'));
        else resolve(new SimulatedConnection(this, network));
      });
    });
  }

  /** Its connections end; what it has written stays. */
  stop(): void {
    this.isUp = false;
    for (const connection of this.connections) {
      this.time.after(this.latencyMs(), () => connection.end('the connection has ended'), connection.owner);
    }
  }

  start(): void {
    if (!this.isUp) this.upAtMs = this.time.nowMs;
    this.isUp = true;
  }
}

export class SimulatedConnection {
  readonly #nats: SimulatedNats;
  readonly #network: Network;
  /** Whoever has made it. */
  readonly owner: Owner;
  readonly #ended: Promise<Error | undefined>;
  #resolve: (error: Error | undefined) => void = () => {};
  readonly #failing = new Set<(why: string) => void>();
  #isClosed = false;

  constructor(nats: SimulatedNats, network: Network) {
    this.#nats = nats;
    this.#network = network;
    this.owner = nats.time.owner;
    this.#ended = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    nats.connections.add(this);
    this.#ping();
  }

  /** As the client does: two that nobody answers are too many. */
  #ping(unanswered = 0): void {
    this.#nats.time.after(CLUSTER.pingIntervalMs, () => {
      if (this.#isClosed) return;
      const missed = this.#network.isCut ? unanswered + 1 : 0;
      if (missed > CLUSTER.pingsUnansweredMax) this.end('it does not answer');
      else this.#ping(missed);
    });
  }

  closed(): Promise<Error | undefined> {
    return this.#ended;
  }

  getServer(): string {
    return 'h1:4222';
  }

  isClosed(): boolean {
    return this.#isClosed;
  }

  async close(): Promise<void> {
    this.end('the connection has ended');
  }

  end(why: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#nats.connections.delete(this);
    for (const fail of this.#failing) fail(why);
    this.#resolve(new ClusterAway(why));
  }

  /** `work` is done at the server, whatever becomes of whoever asked. */
  ask<Answer>(work: () => Answer, isWrite = false): Promise<Answer> {
    const { time } = this.#nats;
    return new Promise((resolve, reject) => {
      if (this.#isClosed) {
        reject(new ClusterAway('the connection has ended'));
        return;
      }
      const fail = (why: string) => reject(new ClusterAway(why, isWrite));
      this.#failing.add(fail);
      const done = (settle: () => void) => {
        this.#failing.delete(fail);
        settle();
      };
      time.after(CLUSTER.answerTimeoutMs, () => done(() => fail('it does not answer')));
      // Made here, it belongs to whoever asks.
      const answers: { value: Answer }[] = [];
      const look = () => {
        if (this.#isClosed) return;
        const answer = this.#network.isCut ? undefined : answers[0];
        if (answer === undefined) time.after(this.#nats.latencyMs(), look);
        else done(() => resolve(answer.value));
      };
      time.after(this.#nats.latencyMs(), look);
      this.#arrive(() => answers.push({ value: work() }));
    });
  }

  /** TCP brings it once the network is whole again, as long as both ends are there. */
  #arrive(work: () => void): void {
    const { time } = this.#nats;
    const arrive = () => {
      if (!this.#nats.isUp) return;
      if (!this.#network.isCut) work();
      else if (!this.#isClosed) time.after(50, arrive, time.world);
    };
    time.after(this.#nats.latencyMs(), arrive, time.world);
  }

  buckets(): Promise<Buckets> {
    const all = BUCKETS.map((name) => [name, new SimulatedStore(this, this.#nats.buckets[name])]);
    return this.ask(() => Object.fromEntries(all) as unknown as Buckets);
  }

  /** Brings everything late, and in order. */
  watch(bucket: SimulatedBucket, fromRevision: number): Promise<Watch> {
    const { owner } = this;
    const { time } = this.#nats;
    const queue: Entry[] = [];
    let wake: () => void = () => {};
    let isOver = false;
    let lastMs = 0;
    const arrived: Entry[] = [];
    const flush = () => {
      if (isOver || this.#isClosed || arrived.length === 0) return;
      if (this.#network.isCut) {
        time.after(50, flush, owner);
        return;
      }
      queue.push(...arrived.splice(0));
      wake();
    };
    const deliver = (entry: Entry) => {
      arrived.push(entry);
      if (arrived.length === 1) flush();
    };
    const hear = (entry: Entry) => {
      lastMs = Math.max(lastMs, time.nowMs + this.#nats.latencyMs());
      time.after(lastMs - time.nowMs, () => deliver(entry), owner);
    };
    const over = () => {
      isOver = true;
      bucket.heard.delete(hear);
      wake();
    };
    void this.#ended.then(over);
    async function* entries(): AsyncIterable<Entry> {
      for (;;) {
        const next = queue.shift();
        if (next !== undefined) yield next;
        else if (isOver) return;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    }
    return this.ask(() => {
      const there = [...bucket.entries.values()].sort((one, other) => one.revision - other.revision);
      for (const entry of there) if (entry.revision >= fromRevision) hear(entry);
      bucket.heard.add(hear);
      return { entries: entries(), stop: over };
    });
  }

  get asNats(): NatsConnection {
    return this as unknown as NatsConnection;
  }
}

/** As RecordStore, over one connection. */
class SimulatedStore implements Pick<RecordStore, keyof RecordStore> {
  readonly #connection: SimulatedConnection;
  readonly #bucket: SimulatedBucket;

  constructor(connection: SimulatedConnection, bucket: SimulatedBucket) {
    this.#connection = connection;
    this.#bucket = bucket;
  }

  async read<Kind extends RecordKind>(kind: Kind, key: string) {
    const kept = await this.readBytes(key);
    if (kept === null) return null;
    const read = readRecord(kind, kept.record);
    if (read.state !== 'good') throw new Error(`a hub has written a record that is ${read.state}`);
    return { record: read.record, revision: kept.revision };
  }

  readBytes(key: string) {
    return this.#connection.ask(() => {
      const entry = this.#bucket.get(key);
      return entry === null ? null : { record: entry.value!, revision: entry.revision };
    });
  }

  create<Kind extends RecordKind>(kind: Kind, key: string, record: Records[Kind]) {
    return this.createBytes(key, writeRecord(kind, record));
  }

  update<Kind extends RecordKind>(kind: Kind, key: string, record: Records[Kind], revision: number) {
    return this.updateBytes(key, writeRecord(kind, record), revision);
  }

  createBytes(key: string, bytes: Uint8Array) {
    return this.#connection.ask(() => this.#bucket.compareAndSet(key, bytes, 0), true);
  }

  updateBytes(key: string, bytes: Uint8Array, revision: number) {
    return this.#connection.ask(() => this.#bucket.compareAndSet(key, bytes, revision), true);
  }

  async removeBytes(key: string) {
    await this.#connection.ask(() => this.#bucket.write(key, null), true);
  }

  put<Kind extends RecordKind>(kind: Kind, key: string, record: Records[Kind]) {
    return this.#connection.ask(() => this.#bucket.write(key, writeRecord(kind, record)), true);
  }

  remove(key: string, revision: number) {
    return this.#connection.ask(() => this.#bucket.compareAndSet(key, null, revision), true);
  }

  all() {
    return this.#connection.ask(() =>
      [...this.#bucket.entries.values()].filter(({ value }) => value !== null),
    );
  }

  watch(fromRevision: number) {
    return this.#connection.watch(this.#bucket, fromRevision);
  }

  state() {
    return this.#connection.ask(() => {
      return { lastRevision: this.#bucket.revision, keys: this.#bucket.entries.size };
    });
  }
}
