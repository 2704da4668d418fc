// A watch of one bucket, which notices its own end: the library's would wait a minute for a NATS server that has died with the watch in it.

import { AckPolicy, DeliverPolicy, type JetStreamManager } from '@nats-io/jetstream';
import { createInbox, type Msg, type NatsConnection, nanos, TimeoutError } from '@nats-io/transport-node';
import { CLUSTER } from '../../limits/cluster.ts';

/** What a watch brings; `value` null: it was removed. */
export interface Entry {
  readonly key: string;
  readonly value: Uint8Array | null;
  readonly revision: number;
}

/** It has missed an entry, or the servers say nothing about the bucket any more: another may begin where it ended. */
export class WatchEnded extends Error {}

export interface Watch {
  readonly entries: AsyncIterable<Entry>;
  stop(): void;
}

export interface WatchedBucket {
  readonly nats: NatsConnection;
  readonly manager: JetStreamManager;
  readonly bucket: string;
}

/** Keys as subjects: NATS 2.9 has one filter. `fromRevision` 0: what is there, then what comes. */
export interface Watched {
  readonly filter: string;
  readonly fromRevision: number;
}

const STATUS = 100;

/** Rejects with the library's errors. */
export async function openWatch(from: WatchedBucket, watched: Watched): Promise<RecordWatch> {
  for (let attempt = 1; ; attempt++) {
    const watch = new RecordWatch(from);
    try {
      await watch.begin(watched);
      return watch;
    } catch (error) {
      watch.stop();
      // NATS 2.9 chooses any server of the stream for a watch, even one that is not there: the next attempt may choose another.
      if (!(error instanceof TimeoutError) || attempt === CLUSTER.watchAttemptsMax) throw error;
    }
  }
}

class RecordWatch implements Watch {
  /** How many entries there were when it began. */
  pending = 0;
  readonly #from: WatchedBucket;
  readonly #stream: string;
  readonly #prefix: string;
  readonly #inbox: string;
  readonly #subscription;
  readonly #waiting: Entry[] = [];
  #name: string | null = null;
  /** Of this watch, counted from 1. */
  #received = 0;
  #heardAtMs = performance.now();
  readonly #timer: NodeJS.Timeout;
  #isOver = false;
  #error: Error | null = null;
  #wake: () => void = () => {};

  constructor(from: WatchedBucket) {
    this.#from = from;
    this.#stream = `KV_${from.bucket}`;
    this.#prefix = `$KV.${from.bucket}.`;
    this.#inbox = createInbox();
    this.#subscription = from.nats.subscribe(this.#inbox, {
      callback: (error, message) => (error === null ? this.#take(message) : this.#end(error)),
    });
    void this.#subscription.closed.then(() => this.#end(new Error('the connection has ended')));
    this.#timer = setInterval(() => this.#checkHeard(), CLUSTER.watchBeatMs).unref();
  }

  async begin({ filter, fromRevision }: Watched): Promise<void> {
    const { name, num_pending } = await this.#from.manager.consumers.add(this.#stream, {
      filter_subject: this.#prefix + filter,
      deliver_subject: this.#inbox,
      ack_policy: AckPolicy.None,
      ...(fromRevision > 0
        ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: fromRevision }
        : { deliver_policy: DeliverPolicy.LastPerSubject }),
      flow_control: true,
      idle_heartbeat: nanos(CLUSTER.watchBeatMs),
      inactive_threshold: nanos(CLUSTER.watchBeatMs * CLUSTER.watchBeatsMissedMax),
      num_replicas: 1,
      mem_storage: true,
    });
    this.#name = name;
    this.pending = num_pending;
    this.#heardAtMs = performance.now();
  }

  get entries(): AsyncIterable<Entry> {
    return this.#entries();
  }

  async *#entries(): AsyncIterable<Entry> {
    for (;;) {
      for (let entry = this.#waiting.shift(); entry !== undefined; entry = this.#waiting.shift()) yield entry;
      if (this.#error !== null) throw this.#error;
      if (this.#isOver) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #take(message: Msg): void {
    if (this.#isOver) return;
    this.#heardAtMs = performance.now();
    if (message.headers?.code === STATUS) {
      this.#takeStatus(message);
      return;
    }
    // $JS.ACK.stream.consumer.delivered.streamSequence.consumerSequence.…, with two more words in front of the stream since 2.10.
    const words = message.reply?.split('.') ?? [];
    const at = words.length > 9 ? 7 : 5;
    const [revision, sequence] = [Number(words[at]), Number(words[at + 1])];
    if (sequence !== this.#received + 1) {
      this.#end(new WatchEnded('an entry was missed'));
      return;
    }
    this.#received = sequence;
    const isPut = (message.headers?.get('KV-Operation') ?? '') === '';
    const key = message.subject.slice(this.#prefix.length);
    this.#waiting.push({ key, value: isPut ? message.data : null, revision });
    this.#wake();
  }

  /** A heartbeat, or a question whether all has arrived so far. */
  #takeStatus(message: Msg): void {
    if (message.reply !== undefined && message.reply !== '') {
      message.respond();
      return;
    }
    const stalled = message.headers?.get('Nats-Consumer-Stalled') ?? '';
    if (stalled !== '') this.#from.nats.publish(stalled);
    const last = Number(message.headers?.get('Nats-Last-Consumer') ?? '');
    if (last > this.#received) this.#end(new WatchEnded('an entry was missed'));
  }

  #checkHeard(): void {
    const silentMs = performance.now() - this.#heardAtMs;
    if (this.#name !== null && silentMs > CLUSTER.watchBeatMs * CLUSTER.watchBeatsMissedMax) {
      this.#end(new WatchEnded('the servers say nothing about the bucket any more'));
    }
  }

  #end(error: Error | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#error = error;
    clearInterval(this.#timer);
    this.#subscription.unsubscribe();
    this.#wake();
    if (this.#name === null || this.#from.nats.isClosed()) return;
    // One that nobody hears goes by itself, a little later.
    this.#from.manager.consumers.delete(this.#stream, this.#name).catch(() => {});
  }

  stop(): void {
    this.#end(null);
  }
}
