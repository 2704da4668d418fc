// A hub as a member of a cluster: its parts, put together. Loaded only with --cluster.

import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { UserError } from '../../base/userError.ts';
import { version } from '../../base/version.ts';
import { type HubList, openHubList } from '../../cluster/hubList.ts';
import { type PresenceRecord, readRecord } from '../../cluster/records.ts';
import { CLUSTER } from '../../limits/cluster.ts';
import type { Fleet } from '../../model/fleet.ts';
import { nodeIdOf } from '../../noise/nodeId.ts';
import type { FleetKeeper } from '../fleet/fleetKeeper.ts';
import type { OwnerFleet } from '../fleet/ownerFleet.ts';
import type { Membership } from '../store/clusterTable.ts';
import type { HubStore } from '../store/hubStore.ts';
import { ClusterLink, type LinkState } from './clusterLink.ts';
import type { MemberOptions } from './clusterOptions.ts';
import { ClusterDoor } from './door.ts';
import { FleetShares } from './fleetShares.ts';
import { LocalCopy } from './localCopy.ts';
import { MemberStore } from './memberStore.ts';
import { ClusterAway, connectNats } from './natsConnection.ts';
import { Outbox } from './outbox.ts';
import { OwnerWrites } from './ownerWrites.ts';
import { PutBack } from './putBack.ts';
import { openBuckets } from './recordStore.ts';
import type { Entry } from './recordWatch.ts';

export interface ClusterMemberParts {
  readonly options: MemberOptions;
  readonly store: HubStore;
  readonly log: Logger;
}

export class ClusterMember {
  /** For all that the owner changes. */
  readonly store: MemberStore;
  readonly #parts: ClusterMemberParts;
  readonly #log: Logger;
  #membership: Membership | null;
  #link: ClusterLink | null = null;
  #door: ClusterDoor | null = null;
  #keeper: FleetKeeper | null = null;
  #copy: LocalCopy | null = null;
  #shares: FleetShares | null = null;
  readonly #timers: NodeJS.Timeout[] = [];
  #hasBeenAway = false;

  /** Rejects with UserError for a hub that is a member of another cluster. */
  static async open(parts: ClusterMemberParts): Promise<ClusterMember> {
    const membership = await parts.store.ask('membership');
    const { name } = parts.options;
    if (membership !== null && membership.name !== name) {
      throw new UserError(
        `this hub is a member of the cluster ${membership.name}, not of ${name}; see: restunnel cluster leave`,
      );
    }
    return new ClusterMember(parts, membership);
  }

  private constructor(parts: ClusterMemberParts, membership: Membership | null) {
    this.#parts = parts;
    this.#log = parts.log;
    this.#membership = membership;
    this.store = new MemberStore(parts.store);
  }

  /** The cluster's public key, 32 bytes; null before the first contact. */
  get clusterKey(): Uint8Array | null {
    return this.#membership?.key ?? null;
  }

  /** What it shares with the others beside devices and users; null before shareFleet(). */
  get shares(): FleetShares | null {
    return this.#shares;
  }

  /** The fleet of all hubs, over this hub's own. Before the start. */
  shareFleet(keeper: FleetKeeper, own: OwnerFleet, publicKey: Uint8Array): Fleet {
    const hub = nodeIdOf(publicKey);
    this.#shares = new FleetShares({
      ...{ cluster: this.#parts.options.name, hub, keeper, own, log: this.#log },
      name: () => this.#hubName(publicKey),
      buckets: () => {
        if (this.#link === null) throw new ClusterAway('this hub has not started yet');
        return this.#link.buckets;
      },
    });
    return this.#shares.fleet;
  }

  #sharesOf(): FleetShares {
    if (this.#shares === null) throw new Error('start() before shareFleet()');
    return this.#shares;
  }

  /** As the owner's list calls it, else the machine. */
  #hubName(publicKey: Uint8Array): string {
    const key = Buffer.from(publicKey).toString('base64url');
    const listed = this.#copy?.list?.hubs.find((hub) => hub.publicKey === key);
    return listed?.name ?? hostname().slice(0, 64);
  }

  /** Why a device that comes gets silence; null: the store decides. */
  refusal(comer: Parameters<ClusterDoor['refusal']>[0]): Promise<string | null> {
    return this.#door?.refusal(comer) ?? Promise.resolve('this hub has not started yet');
  }

  /**
   * `publicKey`: of this hub. `address`: where devices reach it, "host:port"; null: not known yet. Resolves when the copy is in step, or the cluster cannot be reached. Rejects with UserError when this hub has never reached it.
   */
  async start(keeper: FleetKeeper, publicKey: Uint8Array, address: () => string | null): Promise<void> {
    const { options, store } = this.#parts;
    this.#keeper = keeper;
    const membership = this.#membership;
    const hasOwn = keeper.book.size > 0 || keeper.users.any();
    if (membership === null && hasOwn) {
      throw new UserError(
        'this hub has devices or users of its own: bring them into the cluster with restunnel cluster join, then start it again',
      );
    }
    const copy = new LocalCopy(store, keeper, () => this.clusterKey, this.#tellHubs(keeper, membership));
    this.#copy = copy;
    const buckets = () => {
      if (this.#link === null) throw new ClusterAway('this hub has not started yet');
      return this.#link.buckets;
    };
    const putBack = new PutBack({ keeper, copy, store, buckets });
    const hubId = nodeIdOf(publicKey);
    const link = new ClusterLink({
      name: options.name,
      hubId,
      connect: (last) => connectNats(options, `restunnel hub ${hubId}`, last),
      openBuckets: (nats) => openBuckets(nats, options.name),
      log: this.#log,
      clusterKey: () =>
        this.clusterKey === null ? null : Buffer.from(this.clusterKey).toString('base64url'),
      firstSeen: (key) => this.#join(key),
      begins: () => putBack.begins(),
      apply: (entries) => copy.apply(entries),
      heardToken: (entry) => this.#heardToken(entry),
      presence: (appliedRevision) => {
        const at = address();
        return at === null
          ? null
          : presenceOf(keeper, this.#hubName(publicKey), publicKey, at, appliedRevision);
      },
      changed: (state, why) => this.#changed(state, why),
      // What the servers did not take between two beats, or have lost.
      beat: () => {
        void this.#outbox?.publish();
        void putBack.look();
      },
      connected: (nats, buckets) => this.#sharesOf().connected(nats, buckets),
    });
    this.#link = link;
    const outbox = new Outbox(() => link.buckets, copy, store);
    this.#outbox = outbox;
    const writes = new OwnerWrites(() => link.buckets, copy, keeper);
    this.store.connect({ writes, outbox, copy, book: keeper.book });
    this.#door = new ClusterDoor({ link, copy, keeper, store, isStale: () => this.isStale() });
    link.start();
    await link.settled(CLUSTER.connectTimeoutMs + CLUSTER.answerTimeoutMs);
    if (this.#membership === null) {
      throw new UserError(`the cluster cannot be reached (${link.why}), and this hub has never been in it`);
    }
    this.#sharesOf().start();
    this.#timers.push(
      setInterval(() => void this.#saveAgreed(), CLUSTER.agreedSaveEveryMs).unref(),
      setInterval(() => this.#cutWhenStale(keeper), CLUSTER.staleLookEveryMs).unref(),
    );
  }
  #outbox: Outbox | null = null;

  /** The list that this hub has; null: none. */
  #tellHubs(keeper: FleetKeeper, membership: Membership | null): HubList | null {
    if (membership === null || membership.hubs === null) return null;
    const list = openHubList(membership.hubs, membership.key);
    keeper.hubList.set(list.number, membership.hubs);
    return list;
  }

  async #join(key: string): Promise<void> {
    const { store, options } = this.#parts;
    await store.ask('joinCluster', options.name, new Uint8Array(Buffer.from(key, 'base64url')), Date.now());
    this.#membership = await store.ask('membership');
    this.#keeper?.note({ kind: 'changed', text: `this hub is a member of the cluster ${options.name} now` });
  }

  /** A token that was made here may be used at another hub. */
  #heardToken({ key, value }: Entry): void {
    const read = value === null ? null : readRecord('token', value);
    if (read === null || read.state !== 'good' || read.record.usedBy === null) return;
    this.#keeper?.pairings.usedElsewhere(key, read.record.usedBy);
  }

  /** The hub listens: the others, and its owner's commands, hear where. Never rejects. */
  async announce(): Promise<void> {
    try {
      await this.#link?.say();
    } catch (error) {
      // The next beat says it.
      this.#log.debug({ err: error }, 'the cluster did not hear that this hub is there');
    }
  }

  // --- In step or not ----------------------------------------------------------------------------------------------------------------------

  #changed(state: LinkState, why: string): void {
    const keeper = this.#keeper;
    if (keeper === null) return;
    if (state === 'away') {
      const text = `the cluster cannot be reached (${why}): known devices are let in by this hub's copy, and nothing can be changed`;
      this.#log.warn({ why }, 'the cluster cannot be reached');
      if (!this.#hasBeenAway) keeper.note({ kind: 'warning', text });
      this.#hasBeenAway = true;
      void this.#saveAgreed();
    }
    if (state !== 'inStep') return;
    this.#log.info('in step with the cluster');
    if (this.#hasBeenAway)
      keeper.note({ kind: 'warning', text: 'this hub is in step with the cluster again' });
    this.#hasBeenAway = false;
    void this.#outbox?.publish();
  }

  /** When this hub last knew that its copy was as new as the cluster; milliseconds since the Unix epoch. */
  get agreedAtMs(): number {
    const agreed = this.#link?.agreedAtMs ?? null;
    if (agreed === null) return this.#membership?.agreedAtMs ?? 0;
    return Date.now() - (performance.now() - agreed);
  }

  isStale(): boolean {
    const { staleMs } = this.#parts.options;
    return staleMs !== null && Date.now() - this.agreedAtMs > staleMs;
  }

  /** Past --cluster-stale no device comes in, and none stays. Looked at again and again: one may have been at the door. */
  #cutWhenStale(keeper: FleetKeeper): void {
    if (this.#door?.isShut !== true) return;
    const nodes = keeper.cutAll("this hub's copy of its cluster is too old");
    if (nodes === 0) return;
    const devices = nodes === 1 ? '1 device was' : `${nodes} devices were`;
    const text = `${devices} cut off: the cluster cannot be reached, and this hub's copy is older than --cluster-stale allows`;
    this.#log.warn({ nodes }, text);
    keeper.note({ kind: 'warning', text });
  }

  async #saveAgreed(): Promise<void> {
    if (this.#link === null || this.#link.agreedAtMs === null) return;
    try {
      await this.#parts.store.ask('agreed', Math.floor(this.agreedAtMs));
    } catch (error) {
      this.#log.debug({ err: error }, 'when the cluster was last in step could not be written down');
    }
  }

  /** Before the store is closed. Harmless twice, and without a start. */
  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#shares?.close();
    await this.#link?.close();
    await this.#saveAgreed();
  }
}

function presenceOf(
  keeper: FleetKeeper,
  name: string,
  publicKey: Uint8Array,
  address: string,
  appliedRevision: number,
): PresenceRecord {
  return {
    name,
    publicKey: Buffer.from(publicKey).toString('base64url'),
    address,
    version: version(),
    appliedRevision,
    connected: [...keeper.parts.sessions.nodes()].length,
  };
}
