// What a member of a cluster shares with the others beside devices and users: sticky sessions, limits, and the picture of the fleet. Wires
// their keepers to the hub and to NATS.

import type { NatsConnection } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import { localDay, monthOfDay } from '../../base/localTime.ts';
import { HubClocks } from '../../cluster/hubClocks.ts';
import type { FromFront } from '../../engine/messages.ts';
import { CLUSTER_STICKY, PICTURE, SHARES } from '../../limits/cluster.ts';
import type { NodeSettings } from '../../model/fleet.ts';
import { stickyKey } from '../../routing/request.ts';
import type { FleetKeeper } from '../fleet/fleetKeeper.ts';
import { cleanName } from '../fleet/nodeName.ts';
import type { OwnerFleet } from '../fleet/ownerFleet.ts';
import { ClusterFleet } from './clusterFleet.ts';
import { atHub, FleetPicture, type HubSays, type SaidNode } from './fleetPicture.ts';
import { answerHub } from './hubQuestions.ts';
import { HubTalk } from './hubTalk.ts';
import { natsBucket } from './natsBucket.ts';
import { QuotaKeeper } from './quotaKeeper.ts';
import type { Buckets } from './recordStore.ts';
import type { Watch } from './recordWatch.ts';
import { type NodeUse, ShareKeeper } from './shareKeeper.ts';
import { StickyKeeper } from './stickyKeeper.ts';

export interface FleetSharesParts {
  readonly cluster: string;
  /** This hub's id; below, what its owner calls it. */
  readonly hub: string;
  name(): string;
  readonly keeper: FleetKeeper;
  readonly own: OwnerFleet;
  readonly log: Logger;
  /** Throws ClusterAway. */
  buckets(): Buckets;
}

export class FleetShares {
  /** Of all hubs together. */
  readonly fleet: ClusterFleet;
  readonly #parts: FleetSharesParts;
  readonly #picture = new FleetPicture();
  readonly #clocks = new HubClocks();
  readonly #talk: HubTalk;
  readonly #sticky: StickyKeeper;
  readonly #quota: QuotaKeeper;
  readonly #shares: ShareKeeper;
  readonly #timers: NodeJS.Timeout[] = [];
  /** Devices to speak of next time, and whether all are to be spoken of. */
  readonly #changed = new Set<string>();
  #saysAll = true;
  #unwatch: () => void = () => {};
  /** What the front heard last of users. */
  #toldUsers = '';
  /** Open streams of users with a limit, as the front said last. */
  #userStreams: Readonly<Record<string, number>> = {};
  /** By device: its shares, as it was applied last. */
  readonly #applied = new Map<string, string>();
  readonly #withQuota = new Set<string>();

  constructor(parts: FleetSharesParts) {
    this.#parts = parts;
    const { hub, cluster, keeper, own } = parts;
    const name = () => parts.name();
    const onError = (error: unknown) =>
      parts.log.warn({ err: error }, 'what the hubs of the cluster share could not be kept in step');
    const nowMs = () => performance.now();
    this.#shares = new ShareKeeper(hub);
    this.#talk = new HubTalk({
      ...{ cluster, hub, name, onError },
      heardSays: (says) => {
        this.fleet.hear(says, nowMs());
        this.#hearClock(says);
      },
      heardUses: (uses) => this.#shares.hear(uses, nowMs()),
      askedAll: () => {
        this.#saysAll = true;
      },
      answer: ({ question, asked }) => answerHub(own, hub, question, asked),
      others: () => this.#picture.speakers(nowMs()),
    });
    this.fleet = new ClusterFleet({
      ...{ id: hub, own, picture: this.#picture, others: this.#talk, hub: name, wallMs: Date.now },
      connected: () => keeper.parts.sessions.nodes(),
      ended: (user, session) => void this.#sticky.ended(stickyKey(user, session)),
    });
    this.#sticky = new StickyKeeper({
      hub,
      bucket: natsBucket(() => parts.buckets().sticky),
      toFront: (message) => keeper.parts.toFront(message),
      askFront: (order) => keeper.stickySessions.ask(order),
      nowMs: Date.now,
      onError,
    });
    this.#quota = new QuotaKeeper({
      hub,
      bucket: natsBucket(() => parts.buckets().leases),
      hubs: () => 1 + this.#picture.others,
      month: () => monthOfDay(localDay(Date.now())),
      usedBytes: (nodeId) => {
        const { downBytes, upBytes } = keeper.history.month(nodeId);
        return downBytes + upBytes;
      },
      bytesPerSecond: (nodeId) => {
        const { downBytesPerSecond, upBytesPerSecond } = keeper.traffic.ratesOf(nodeId);
        return downBytesPerSecond + upBytesPerSecond;
      },
      nowMs,
      changed: (nodeId) => keeper.apply(nodeId),
      onError,
    });
  }

  start(): void {
    const { keeper, own } = this.#parts;
    keeper.limits.limitsHere = (nodeId, settings) => this.#limitsHere(nodeId, settings);
    keeper.parts.toFront({ type: 'shareSticky' });
    this.#unwatch = own.watch(({ nodes }) => {
      for (const { id } of nodes) this.#changed.add(id);
    });
    this.#every(PICTURE.sayEveryMs, () => this.#say());
    this.#every(PICTURE.sayAllEveryMs, () => {
      this.#saysAll = true;
    });
    this.#every(SHARES.sayEveryMs, () => this.#look());
    this.#every(CLUSTER_STICKY.refreshEveryMs, () => void this.#sticky.refresh());
  }

  #every(ms: number, run: () => void): void {
    this.#timers.push(setInterval(run, ms).unref());
  }

  /** A new connection: what the other hubs say comes, and what they have written about sticky sessions. */
  async connected(nats: NatsConnection, buckets: Buckets): Promise<Watch> {
    this.#talk.connected(nats);
    await this.#sticky.learn();
    const watch = await buckets.sticky.watch(0);
    void this.#hearSticky(watch);
    return watch;
  }

  async #hearSticky(watch: Watch): Promise<void> {
    try {
      for await (const { key, value, revision } of watch.entries) this.#sticky.heard(key, value, revision);
    } catch (error) {
      this.#parts.log.debug({ err: error }, 'the watch of the sticky sessions has ended');
    }
  }

  // --- What the front says -----------------------------------------------------------------------------------------------------------

  placeSticky(message: Extract<FromFront, { type: 'placeSticky' }>): void {
    void this.#sticky.place(message);
  }

  stickyMoved({ session }: Extract<FromFront, { type: 'stickyMoved' }>): void {
    void this.#sticky.moved(session);
  }

  userStreams({ open }: Extract<FromFront, { type: 'userStreams' }>): void {
    this.#userStreams = Object.fromEntries(open);
  }

  // --- The picture ---------------------------------------------------------------------------------------------------------------------

  #say(): void {
    this.fleet.forgetSilent(performance.now());
    if (!this.#talk.isConnected) return;
    const { hub, own, keeper } = this.#parts;
    const name = this.#parts.name();
    const isWhole = this.#saysAll;
    const nodes = this.#toSay(isWhole);
    this.#saysAll = false;
    this.#changed.clear();
    const figures = own.figures();
    const { succeeded, failures } = keeper.traffic.connects();
    const connects = { succeeded, failures };
    for (let at = 0; at === 0 || at < nodes.length; at += PICTURE.nodesPerMessage) {
      const some = nodes.slice(at, at + PICTURE.nodesPerMessage);
      const clockMs = Date.now();
      this.#talk.say({ hub, name, isWhole: isWhole && at === 0, nodes: some, figures, connects, clockMs });
    }
  }

  #hearClock({ hub, name, clockMs = Date.now() }: HubSays): void {
    const aheadMs = clockMs - Date.now();
    if (!this.#clocks.hear(hub, aheadMs, performance.now())) return;
    const seconds = `${Math.round(Math.abs(aheadMs) / 1_000)} s ${aheadMs > 0 ? 'ahead of' : 'behind'}`;
    const text = `the clock of the hub ${cleanName(name)} is ${seconds} this hub's: let both take the time from the network, since links end and strict sessions go on by it`;
    this.#parts.keeper.note({ kind: 'warning', text });
    this.#parts.log.warn({ hub, aheadMs }, 'the clocks of two hubs are apart');
  }

  #toSay(isWhole: boolean): SaidNode[] {
    const { own, keeper } = this.#parts;
    if (!isWhole) {
      return [...this.#changed].flatMap((id) => (keeper.book.get(id) === null ? [] : [atHub(own.node(id))]));
    }
    return own
      .nodes()
      .filter(({ connected, month }) => connected || month.downBytes + month.upBytes > 0)
      .map(atHub);
  }

  // --- Limits ------------------------------------------------------------------------------------------------------------------------

  #limitsHere(nodeId: string, settings: NodeSettings): NodeSettings {
    const shared = this.#shares.here(nodeId, settings, this.#picture.hubsOf(nodeId));
    if (settings.limits.monthlyBytes === null) return shared;
    return { ...shared, limits: { ...shared.limits, monthlyBytes: this.#quota.limitOf(nodeId) } };
  }

  /** Once a second: says what is used of shared limits here, and goes by what the others use. */
  #look(): void {
    const { keeper } = this.#parts;
    this.#shares.isCutOff = !this.#talk.isConnected;
    this.#shares.forgetSilent(performance.now());
    const uses: Record<string, NodeUse> = {};
    const quotas = new Set<string>();
    for (const id of keeper.parts.sessions.nodes()) {
      const limits = keeper.book.get(id)?.settings.limits;
      if (limits === undefined) continue;
      if (limits.mbitPerSecond !== null || limits.streams !== null) uses[id] = this.#useOf(id);
      if (limits.monthlyBytes === null) continue;
      quotas.add(id);
      this.#quota.look(id, limits.monthlyBytes);
    }
    for (const id of this.#withQuota) if (!quotas.has(id)) void this.#quota.giveBack(id);
    this.#withQuota.clear();
    for (const id of quotas) this.#withQuota.add(id);
    this.#talk.use(this.#shares.say(uses, this.#userStreams));
    this.#applyShares(Object.keys(uses));
    this.#tellUsers();
  }

  #useOf(id: string): NodeUse {
    const { keeper } = this.#parts;
    const { downBytesPerSecond, upBytesPerSecond } = keeper.traffic.ratesOf(id);
    return {
      bytesPerSecond: Math.max(downBytesPerSecond, upBytesPerSecond),
      streams: keeper.streamsOf(id),
    };
  }

  #applyShares(nodes: readonly string[]): void {
    const { keeper } = this.#parts;
    const applied = new Set(nodes);
    for (const id of this.#applied.keys()) if (!applied.has(id)) this.#applied.delete(id);
    for (const id of nodes) {
      const settings = keeper.book.get(id)?.settings;
      if (settings === undefined) continue;
      const { mbitPerSecond, streams } = this.#shares.here(id, settings, this.#picture.hubsOf(id)).limits;
      // A rate that moves by less than a part in a hundred is the same one.
      const share = `${mbitPerSecond === null ? '' : mbitPerSecond.toPrecision(2)} ${streams}`;
      if (this.#applied.get(id) === share) continue;
      this.#applied.set(id, share);
      keeper.apply(id);
    }
  }

  #tellUsers(): void {
    const { keeper } = this.#parts;
    const limits = new Map(
      keeper.users
        .list()
        .flatMap(({ name, limits: { streams } }) => (streams === null ? [] : [[name, streams]])),
    );
    if (limits.size > 0) keeper.parts.toFront({ type: 'askUserStreams' });
    const streams = this.#shares.userShares(limits);
    const told = JSON.stringify([...streams]);
    if (told === this.#toldUsers) return;
    this.#toldUsers = told;
    keeper.parts.toFront({ type: 'userShares', streams });
  }

  /** While the connection is still there. Never rejects. */
  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#unwatch();
    await this.#quota.giveBackAll();
  }
}
