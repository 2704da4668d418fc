// A hub of a simulated cluster: the parts of the program that agree with other hubs, over a store of its own, without sockets, threads and
// devices. It may be killed and started again at any time.

import { mkdirSync } from 'node:fs';
import { openHubList } from '../../../src/cluster/hubList.ts';
import type { ToFront } from '../../../src/engine/messages.ts';
import { UserBook } from '../../../src/hub/access/userBook.ts';
import { ClusterLink } from '../../../src/hub/cluster/clusterLink.ts';
import { ClusterDoor } from '../../../src/hub/cluster/door.ts';
import { LocalCopy } from '../../../src/hub/cluster/localCopy.ts';
import { MemberStore } from '../../../src/hub/cluster/memberStore.ts';
import { natsBucket } from '../../../src/hub/cluster/natsBucket.ts';
import { Outbox } from '../../../src/hub/cluster/outbox.ts';
import { OwnerWrites } from '../../../src/hub/cluster/ownerWrites.ts';
import { PutBack } from '../../../src/hub/cluster/putBack.ts';
import { QuotaKeeper } from '../../../src/hub/cluster/quotaKeeper.ts';
import { ShareKeeper, type Uses } from '../../../src/hub/cluster/shareKeeper.ts';
import { StickyKeeper } from '../../../src/hub/cluster/stickyKeeper.ts';
import type { FleetKeeper } from '../../../src/hub/fleet/fleetKeeper.ts';
import { NodeBook } from '../../../src/hub/fleet/nodeBook.ts';
import { Store } from '../../../src/hub/store/store.ts';
import { CLUSTER, SHARES } from '../../../src/limits/cluster.ts';
import { nodeIdOf } from '../../../src/noise/nodeId.ts';
import type { StoredStickySession } from '../../../src/routing/stickySessions.ts';
import type { SimulatedConnection, SimulatedNats } from './simulatedNats.ts';
import { SimulatedStore } from './simulatedStore.ts';
import type { Owner, VirtualTime } from './virtualTime.ts';

export interface Session {
  nodeId: string;
  usedMs: number;
  ttlMs: number;
  strict: boolean;
}

/** Has streams at every hub. */
export const SHARING_USER = 'ada';

export interface HubParts {
  readonly name: string;
  readonly folder: string;
  readonly skewMs: number;
  readonly staleMs: number;
  readonly time: VirtualTime;
  readonly nats: SimulatedNats;
  readonly hubs: () => readonly SimulatedHub[];
  /** Of a node of a shared quota: what it would like to move here in a second. */
  readonly quota: { readonly nodeId: string; readonly bytes: number; rate(): number };
  onError(error: unknown): void;
}

/** What ends with the process. */
export interface Life {
  readonly owner: Owner;
  readonly store: Store;
  readonly jobs: SimulatedStore;
  readonly member: MemberStore;
  readonly book: NodeBook;
  readonly users: UserBook;
  readonly copy: LocalCopy;
  readonly link: ClusterLink;
  readonly door: ClusterDoor;
  readonly outbox: Outbox;
  readonly quota: QuotaKeeper;
  readonly sticky: StickyKeeper;
  readonly shares: ShareKeeper;
  /** Devices with a session here, and since when. */
  readonly devices: Map<string, number>;
  /** As the front has them, by key. */
  readonly sessions: Map<string, Session>;
  readonly answers: Map<number, (nodeId: string | null) => void>;
}

export class SimulatedHub {
  readonly network = { isCut: false, wholeAtMs: 0 };
  readonly parts: HubParts;
  life: Life | null = null;
  /** Bytes of the node with a quota, which the hub has counted for good, by months of its own clock. */
  readonly usedBytes = new Map<string, number>();
  /** Seconds in which it may have moved a byte beyond its limit. */
  seconds = 0;
  /** Numbers of the lists that devices were told of. */
  list = 0;
  #queries = 0;

  constructor(parts: HubParts) {
    this.parts = parts;
    mkdirSync(parts.folder);
  }

  get name(): string {
    return this.parts.name;
  }

  /** By the rules of who is in step. */
  get isReachable(): boolean {
    return !this.network.isCut && this.parts.nats.isUp;
  }

  async start(): Promise<void> {
    const owner = { isDead: false, skewMs: this.parts.skewMs };
    await this.parts.time.as(owner, () => this.#start(owner));
  }

  kill(): void {
    if (this.life === null) return;
    this.life.owner.isDead = true;
    this.life.store.close();
    this.life = null;
  }

  #start(owner: Owner): void {
    const { folder, name, nats, hubs, quota, staleMs, time, onError } = this.parts;
    const store = new Store(folder);
    const jobs = new SimulatedStore(store, time, nats.random);
    const member = new MemberStore(jobs);
    const contents = { nodes: store.listNodes(), settings: store.settings.all() };
    const book = new NodeBook(member, contents);
    const users = new UserBook(member, store.users.all());
    const devices = new Map<string, number>();
    const keeper = {
      ...{ book, users },
      parts: { log: { warn: () => {} } },
      hubList: {
        set: (number: number) => {
          if (number < this.list) onError(new Error(`${name} went back from list ${this.list} to ${number}`));
          this.list = number;
        },
      },
      note: () => {},
      touch: () => {},
      apply: () => {},
      forgetRevoked: () => {},
      cutOff: (nodeId: string) => devices.delete(nodeId),
      pairings: { usedElsewhere: () => {} },
    } as unknown as FleetKeeper;
    let membership = store.cluster.membership();
    const kept = membership?.hubs ?? null;
    const list = kept === null ? null : openHubList(kept, membership!.key);
    const copy = new LocalCopy(jobs, keeper, () => membership?.key ?? null, list);
    const link: ClusterLink = new ClusterLink({
      name: 'home',
      hubId: name,
      log: { warn: () => {}, debug: () => {} } as never,
      connect: async () => (await nats.connect(this.network)).asNats,
      openBuckets: (connection) => (connection as unknown as SimulatedConnection).buckets(),
      clusterKey: () => (membership === null ? null : Buffer.from(membership.key).toString('base64url')),
      firstSeen: async (key) => {
        store.cluster.join('home', new Uint8Array(Buffer.from(key, 'base64url')), Date.now());
        membership = store.cluster.membership();
      },
      begins: () => putBack.begins(),
      apply: (entries) => copy.apply(entries),
      heardToken: () => {},
      presence: () => null,
      changed: (state) => {
        if (state === 'inStep') void outbox.publish();
      },
      beat: () => {
        void outbox.publish();
        void putBack.look();
      },
      connected: async (_nats, buckets) => {
        const watch = await buckets.sticky.watch(0);
        void (async () => {
          for await (const { key, value, revision } of watch.entries) sticky.heard(key, value, revision);
        })();
        return watch;
      },
    });
    const putBack = new PutBack({ keeper, copy, store: jobs, buckets: () => link.buckets });
    const outbox = new Outbox(() => link.buckets, copy, jobs);
    const writes = new OwnerWrites(() => link.buckets, copy, keeper);
    member.connect({ writes, outbox, copy, book });
    const isStale = () => {
      const agreedAtMs =
        link.agreedAtMs === null
          ? (membership?.agreedAtMs ?? 0)
          : Date.now() - (performance.now() - link.agreedAtMs);
      return Date.now() - agreedAtMs > staleMs;
    };
    const door = new ClusterDoor({ link, copy, keeper, store: jobs, isStale });
    const quotaKeeper = new QuotaKeeper({
      hub: name,
      bucket: natsBucket(() => link.buckets.leases),
      hubs: () => hubs().length,
      month: ownMonth,
      usedBytes: () => this.usedBytes.get(ownMonth()) ?? 0,
      bytesPerSecond: () => quota.rate(),
      nowMs: () => performance.now(),
      changed: () => {},
      onError,
    });
    const sessions = new Map<string, Session>();
    const answers: Life['answers'] = new Map();
    const sticky: StickyKeeper = new StickyKeeper({
      hub: name,
      bucket: natsBucket(() => link.buckets.sticky),
      toFront: (message) => obey(message, sessions, answers),
      askFront: async () => stored(sessions, time.nowMs),
      nowMs: () => Date.now(),
      onError,
    });
    const shares = new ShareKeeper(name);
    this.life = {
      ...{
        owner,
        store,
        jobs,
        member,
        book,
        users,
        copy,
        link,
        door,
        outbox,
        quota: quotaKeeper,
        sticky,
        shares,
      },
      ...{ devices, sessions, answers },
    };
    link.start();
    setInterval(() => this.#second(), SHARES.sayEveryMs);
    setInterval(() => {
      if (link.agreedAtMs === null) return;
      void jobs.ask('agreed', Math.floor(Date.now() - (performance.now() - link.agreedAtMs)));
    }, CLUSTER.agreedSaveEveryMs);
    setInterval(() => void sticky.refresh(), 60_000);
  }

  // --- What devices and clients do -------------------------------------------------------------------------------------------------------

  /** As Admission does: the door, then the store. True: the device has a session. */
  async comes(publicKey: Uint8Array, timestamp: Uint8Array, token: Uint8Array | null): Promise<boolean> {
    const life = this.life!;
    const enroll = token === null ? null : { token, name: 'phone' };
    const nodeId = nodeIdOf(publicKey);
    const why = await life.door.refusal({ nodeId, remoteStatic: publicKey, enroll });
    if (why !== null) return false;
    const nowMs = Date.now();
    const [verdict] = await life.jobs.ask('admit', [{ publicKey, timestamp, enroll, nowMs }]);
    if (verdict === undefined || verdict instanceof Error || verdict.verdict !== 'accept') return false;
    life.book.keep(verdict.node);
    life.devices.set(nodeId, this.parts.time.nowMs);
    return true;
  }

  /** The node that serves the request; null: it is refused. `choice`: where this hub would begin the session. */
  async request(key: string, choice: string, strict: boolean, ttlMs: number): Promise<string | null> {
    const life = this.life!;
    const known = life.sessions.get(key);
    const nowMs = this.parts.time.nowMs;
    if (known !== undefined && nowMs < known.usedMs + known.ttlMs) {
      known.usedMs = nowMs;
      return known.nodeId;
    }
    const query = this.#queries++;
    const answered = new Promise<string | null>((resolve) => life.answers.set(query, resolve));
    const sticky = { key, ttlMs, strict } as Parameters<StickyKeeper['place']>[0]['sticky'];
    void life.sticky.place({ type: 'placeSticky', query, sticky, nodeId: choice });
    const place = await answered;
    // A soft one goes on with the hub's own choice.
    const nodeId = place ?? (strict ? null : choice);
    if (nodeId !== null) {
      life.sessions.set(key, { nodeId, usedMs: this.parts.time.nowMs, ttlMs, strict });
    }
    return nodeId;
  }

  /** The session goes on with another node. */
  move(key: string, nodeId: string): void {
    const session = this.life?.sessions.get(key);
    if (session === undefined) return;
    session.nodeId = nodeId;
    const { ttlMs, strict } = session;
    void this.life!.sticky.moved({ key, nodeId, ttlMs, strict, unusedMs: 0 });
  }

  /** A second of traffic and of saying what is used. */
  #second(): void {
    const life = this.life!;
    const { quota, hubs } = this.parts;
    this.seconds++;
    if (life.door.isShut) life.devices.clear();
    life.quota.look(quota.nodeId, quota.bytes);
    const limit = life.quota.limitOf(quota.nodeId);
    const used = this.usedBytes.get(ownMonth()) ?? 0;
    this.usedBytes.set(ownMonth(), Math.max(used, Math.min(used + quota.rate(), limit)));
    life.shares.isCutOff = life.link.state === 'away';
    life.shares.forgetSilent(this.parts.time.nowMs);
    const use = { bytesPerSecond: quota.rate(), streams: 3 };
    const uses = life.shares.say({ [quota.nodeId]: use }, { [SHARING_USER]: 1 + (use.bytesPerSecond % 7) });
    for (const hub of hubs()) if (hub !== this) hub.hear(uses, this.isReachable);
  }

  hear(uses: Uses, isSent: boolean): void {
    if (isSent && this.isReachable) this.life?.shares.hear(uses, this.parts.time.nowMs);
  }
}

function ownMonth(): string {
  return new Date(Date.now()).toISOString().slice(0, 7);
}

function obey(message: ToFront, sessions: Map<string, Session>, answers: Life['answers']): void {
  if (message.type === 'stickyPlace') {
    answers.get(message.query)?.(message.nodeId);
    answers.delete(message.query);
  }
  if (message.type !== 'moveSticky') return;
  const session = sessions.get(message.key);
  if (session !== undefined) session.nodeId = message.nodeId;
}

function stored(sessions: Map<string, Session>, nowMs: number): StoredStickySession[] {
  return [...sessions].map(([key, { nodeId, ttlMs, strict, usedMs }]) => {
    return { key, nodeId, ttlMs, strict, unusedMs: nowMs - usedMs };
  });
}
