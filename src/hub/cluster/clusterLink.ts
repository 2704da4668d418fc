// The hub's link to its cluster: it connects for ever, brings what changed into the local copy, says that the hub is there, and knows
// whether the copy is in step. The copy is in step once it has the newest revision that the servers have.

import type { NatsConnection } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import { META_KEY, type PresenceRecord } from '../../cluster/records.ts';
import { CLUSTER } from '../../limits/cluster.ts';
import { ClusterAway, reasonOf } from './natsConnection.ts';
import type { Buckets } from './recordStore.ts';
import type { Entry, Watch } from './recordWatch.ts';

/** `away`: the cluster cannot be reached. `catchingUp`: it can, or nobody has tried yet, and the copy may be old. */
export type LinkState = 'away' | 'catchingUp' | 'inStep';

export interface LinkParts {
  /** The cluster's, on its servers. */
  readonly name: string;
  readonly hubId: string;
  readonly log: Logger;
  /** One connection, which stays lost once it is lost; to the server `last`, "host:port", only if no other takes it. Rejects with ClusterAway. */
  connect(last: string | null): Promise<NatsConnection>;
  openBuckets(nats: NatsConnection): Promise<Buckets>;
  /** Public, of the cluster, base64url; null: not known yet, and the first that is seen is kept. */
  clusterKey(): string | null;
  firstSeen(clusterKey: string): Promise<void>;
  /** The watch of all that there is begins: apply() comes. */
  begins(): void;
  /** In their order. Rejects when the store takes nothing. */
  apply(entries: readonly Entry[]): Promise<void>;
  heardToken(entry: Entry): void;
  /** null: the hub is not ready to say where it is. */
  presence(appliedRevision: number): PresenceRecord | null;
  changed(state: LinkState, why: string): void;
  /** Every few seconds, in step. */
  beat(): void;
  /** A new connection; the watch ends with it. */
  connected(nats: NatsConnection, buckets: Buckets): Promise<Watch>;
}

export class ClusterLink {
  state: LinkState = 'catchingUp';
  /** Why it is away. */
  why = 'it has not been tried yet';
  /** When the copy was last known to be in step, on the clock of performance.now(); null: not since the start. */
  agreedAtMs: number | null = null;
  appliedRevision = 0;
  readonly #parts: LinkParts;
  #buckets: Buckets | null = null;
  #nats: NatsConnection | null = null;
  /** The server that could do nothing the last time, "host:port": its partners may still agree without it. */
  #useless: string | null = null;
  #closed = false;
  #wake: () => void = () => {};
  readonly #waiting = new Set<() => void>();
  #running: Promise<void> = Promise.resolve();

  constructor(parts: LinkParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Rejects with ClusterAway. */
  get buckets(): Buckets {
    if (this.#buckets === null || this.state === 'away') throw new ClusterAway(this.why);
    return this.#buckets;
  }

  /** Resolves when the state is not `catchingUp`, or after `ms`. */
  async settled(ms: number): Promise<void> {
    const endMs = performance.now() + ms;
    while (this.state === 'catchingUp' && !this.#closed && performance.now() < endMs) {
      await this.#nextChange(endMs - performance.now());
    }
  }

  /** Resolves once the copy has this revision, or after `ms`. */
  async applied(revision: number, ms: number): Promise<boolean> {
    const endMs = performance.now() + ms;
    while (this.appliedRevision < revision && !this.#closed && performance.now() < endMs) {
      await this.#nextChange(endMs - performance.now());
    }
    return this.appliedRevision >= revision;
  }

  #nextChange(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#waiting.add(done);
    });
  }

  #tell(): void {
    for (const done of [...this.#waiting]) done();
  }

  // --- The connection -----------------------------------------------------------------------------------------------------------------

  async #run(): Promise<void> {
    while (!this.#closed) {
      try {
        await this.#connectOnce();
      } catch (error) {
        this.#become('away', error instanceof ClusterAway ? error.why : reasonOf(error));
      }
      this.#buckets = null;
      if (!this.#closed) await this.#pause(CLUSTER.reconnectWaitMs * (1 + Math.random()));
    }
  }

  /** Resolves when the connection has ended. */
  async #connectOnce(): Promise<void> {
    const nats = await this.#parts.connect(this.#useless);
    this.#nats = nats;
    this.#useless = null;
    const ended = nats.closed().then((error) => {
      if (this.state === 'away') return;
      this.#become('away', error instanceof Error ? reasonOf(error) : 'the connection has ended');
    });
    let watches: Watch[] = [];
    try {
      const buckets = await this.#parts.openBuckets(nats);
      await this.#checkKey(buckets);
      if (this.#closed) return;
      this.#buckets = buckets;
      if (this.state === 'away') this.#become('catchingUp', '');
      // All of it: servers that have lost their power or come out of a backup count their revisions from an older one.
      this.appliedRevision = 0;
      this.#parts.begins();
      const state = await buckets.state.watch(0);
      watches = [state, await buckets.tokens.watch(0)];
      watches.push(await this.#parts.connected(nats, buckets));
      void this.#follow(state, nats);
      void this.#followTokens(watches[1]!);
      await this.#beatUntil(ended, buckets);
    } catch (error) {
      this.#useless = nats.getServer();
      this.#become('away', error instanceof ClusterAway ? error.why : reasonOf(error));
    } finally {
      for (const watch of watches) watch.stop();
      await nats.close();
    }
  }

  async #checkKey(buckets: Buckets): Promise<void> {
    const meta = await buckets.state.read('meta', META_KEY);
    const { name } = this.#parts;
    if (meta === null) throw new ClusterAway(`there is no cluster ${name} on these servers`);
    const known = this.#parts.clusterKey();
    if (known === null) await this.#parts.firstSeen(meta.record.key);
    else if (known !== meta.record.key) {
      throw new ClusterAway(`the key of the cluster ${name} there is not the one that this hub joined`);
    }
  }

  async #follow(watch: Watch, nats: NatsConnection): Promise<void> {
    const waiting: Entry[] = [];
    let isDraining = false;
    const drain = async () => {
      if (isDraining) return;
      isDraining = true;
      try {
        while (waiting.length > 0) {
          const batch = waiting.splice(0, CLUSTER.batchMax);
          await this.#parts.apply(batch);
          this.appliedRevision = Math.max(this.appliedRevision, batch.at(-1)!.revision);
          this.#tell();
        }
      } catch (error) {
        // The next connection brings them again.
        this.#parts.log.warn({ err: error }, 'what the cluster says could not be taken over');
        void nats.close();
      } finally {
        isDraining = false;
      }
    };
    try {
      for await (const entry of watch.entries) {
        if (nats.isClosed()) return;
        waiting.push(entry);
        void drain();
      }
    } catch (error) {
      this.#parts.log.debug({ err: error }, 'the watch of the cluster has ended');
    }
    if (!nats.isClosed()) void nats.close();
  }

  async #followTokens(watch: Watch): Promise<void> {
    try {
      for await (const entry of watch.entries) this.#parts.heardToken(entry);
    } catch (error) {
      this.#parts.log.debug({ err: error }, 'the watch of the tokens has ended');
    }
  }

  // --- Every few seconds --------------------------------------------------------------------------------------------------------------

  async #beatUntil(ended: Promise<void>, buckets: Buckets): Promise<void> {
    let isOver = false;
    void ended.then(() => {
      isOver = true;
      this.#wake();
    });
    let stalled = 0;
    let before = -1;
    while (!isOver && !this.#closed) {
      const isInStep = await this.#beat(buckets);
      if (isInStep) this.#parts.beat();
      stalled = isInStep || this.appliedRevision !== before ? 0 : stalled + 1;
      before = this.appliedRevision;
      // The watch has died in silence.
      if (stalled >= CLUSTER.stalledBeatsMax) return;
      if (!isOver && !this.#closed) await this.#pause(CLUSTER.beatEveryMs);
    }
  }

  /** Whether the copy has all that there is. Rejects with ClusterAway when this server cannot say. */
  async #beat(buckets: Buckets): Promise<boolean> {
    const startMs = performance.now();
    await this.say(buckets);
    const { lastRevision } = await buckets.state.state();
    if (this.state === 'away') this.#become('catchingUp', '');
    const isInStep = await this.applied(lastRevision, CLUSTER.beatEveryMs);
    if (!isInStep || this.#buckets === null) return false;
    this.agreedAtMs = startMs;
    this.#become('inStep', '');
    return true;
  }

  /** Says that the hub is there. */
  async say(buckets = this.#buckets): Promise<void> {
    const presence = this.#parts.presence(this.appliedRevision);
    if (presence !== null && buckets !== null) {
      await buckets.presence.put('presence', `hub.${this.#parts.hubId}`, presence);
    }
  }

  #become(state: LinkState, why: string): void {
    if (this.#closed) return;
    const isNew = state !== this.state || (state === 'away' && why !== this.why);
    this.state = state;
    this.why = why;
    if (isNew) this.#parts.changed(state, why);
    this.#tell();
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Harmless twice. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wake();
    this.#tell();
    await this.#nats?.close();
    await this.#running;
  }
}
