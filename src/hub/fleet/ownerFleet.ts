// What the owner sees of a running hub and does to it: the Fleet of model/fleet.ts, over what fleetKeeper.ts keeps.

import { UnwritableError } from '../../base/sqliteFile.ts';
import { UserError } from '../../base/userError.ts';
import { EVENTS, LISTING } from '../../limits/owner.ts';
import type {
  Backup,
  Ban,
  BanReport,
  ClientSession,
  ConnectFigures,
  EventQuery,
  EventRecord,
  Fleet,
  History,
  HistoryRange,
  HubStatus,
  LiveStream,
  LiveTick,
  NodeChange,
  NodePage,
  NodeView,
  Pairing,
  PairingState,
  Rotation,
} from '../../model/fleet.ts';
import type { OwnerUsers } from '../../model/userAccounts.ts';
import { CAPABILITY } from '../../noise/payload.ts';
import { stickyKey, userOfSticky } from '../../routing/request.ts';
import { RotationPauses } from '../../routing/rotationPauses.ts';
import type { StoredStickySession } from '../../routing/stickySessions.ts';
import { NotedUsers } from '../access/ownerUsers.ts';
import type { HubSession } from '../sessions/sessionTable.ts';
import type { HubMemory } from '../threads/hubMemory.ts';
import { changeText } from './changeText.ts';
import { type FleetKeeper, moment } from './fleetKeeper.ts';
import { FleetWatch } from './fleetWatch.ts';
import { cleanName } from './nodeName.ts';
import type { KnownNode } from './nodeSettings.ts';
import { isSameTraffic, nodeView } from './nodeView.ts';

/** What stays as it is while the hub runs; the addresses are known once it listens. */
export type HubFacts = Pick<HubStatus, 'version' | 'addresses' | 'publicKey' | 'io' | 'workers'>;

export class OwnerFleet implements Fleet {
  readonly users: OwnerUsers;
  readonly #keeper: FleetKeeper;
  readonly #facts: HubFacts;
  readonly #memory: Pick<HubMemory, 'heldBytes' | 'maxBytes'>;
  readonly #watch: FleetWatch;
  readonly #rotationPauses = new RotationPauses();

  constructor(keeper: FleetKeeper, facts: HubFacts, memory: Pick<HubMemory, 'heldBytes' | 'maxBytes'>) {
    this.#keeper = keeper;
    this.#facts = facts;
    this.#memory = memory;
    this.users = new NotedUsers(keeper.users, (text) => {
      keeper.note({ kind: 'userChanged', text });
      keeper.parts.log.info(text);
    });
    this.#watch = new FleetWatch(
      {
        views: () => this.nodes(),
        view: (nodeId) => {
          const node = keeper.book.get(nodeId);
          return node === null ? null : this.#view(node);
        },
        connected: () => keeper.parts.sessions.nodes(),
        isStill: (shown) => this.#isStill(shown),
        live: () => this.#live(),
      },
      keeper.events,
    );
    keeper.onTick = (changed, wallMs) => this.#watch.tell(changed, wallMs);
    keeper.onRotationDue = (nodeId) => this.#rotateBySchedule(nodeId);
  }

  // --- Looking ----------------------------------------------------------------------------------------------------------------------------

  status(): HubStatus {
    const { started, threads, traffic, cpuPercent } = this.#keeper;
    return {
      ...this.#facts,
      addresses: { ...this.#facts.addresses },
      startedAt: new Date(started.at(moment())).toISOString(),
      ...this.#live(),
      strangers: threads.reduce((sum, thread) => sum + thread.get('strangers'), 0),
      connects: traffic.connects(),
      datagrams: traffic.datagrams(),
      residentBytes: process.memoryUsage.rss(),
      heldBytes: this.#memory.heldBytes,
      heldMaxBytes: this.#memory.maxBytes,
      cpuPercent,
    };
  }

  /** Of this hub alone. */
  figures(): LiveTick['hub'] {
    return this.#live();
  }

  #live(): LiveTick['hub'] {
    const { parts, slots, threads, traffic, book, stopping } = this.#keeper;
    let streams = 0;
    for (const { index } of parts.sessions.all()) streams += slots.load(index);
    const atTheDoor = threads.reduce((sum, thread) => sum + thread.get('clients'), 0);
    return {
      stopping,
      nodesConnected: [...parts.sessions.nodes()].length,
      nodesPaired: book.members,
      streams,
      clients: atTheDoor + streams,
      ...traffic.rates,
      connectsPerSecond: Math.round(traffic.connectsPerSecond * 10) / 10,
      failuresPerSecond: Math.round(traffic.failuresPerSecond * 10) / 10,
    };
  }

  nodes(): NodeView[] {
    return this.#keeper.book.all().map((node) => this.#view(node));
  }

  nodePage(after: string, limit: number): NodePage {
    const { nodes, hasMore } = this.#keeper.book.page(after, limit);
    return { nodes: nodes.map((node) => this.#view(node)), hasMore };
  }

  node(node: string): NodeView {
    return this.#view(this.#keeper.book.find(node));
  }

  #view(node: KnownNode): NodeView {
    const { id, revokedAtMs } = node.stored;
    const { parts, slots, limits, traffic, history, lastKnown } = this.#keeper;
    const sessions = revokedAtMs === null ? parts.sessions.upOfNode(id) : [];
    const last = lastKnown.get(id);
    const nowMs = Date.now();
    return nodeView(node, {
      isKeyShared: this.#keeper.duplicates.isShared(id, performance.now()),
      sessions,
      roundTripsMs: sessions.map(({ index }) => slots.roundTripMs(index)),
      streams: revokedAtMs === null ? this.#keeper.streamsOf(id) : 0,
      closedFor: limits.closedFor(node, nowMs),
      rates: traffic.ratesOf(id),
      today: history.today(id),
      month: history.month(id),
      lastStatus: last?.status ?? null,
      lastAddress: last?.address ?? null,
      nowMs,
    });
  }

  #isStill(shown: NodeView): boolean {
    const { parts, slots, traffic, history } = this.#keeper;
    const { id, streams, roundTripMs } = shown;
    const rates = traffic.ratesOf(id);
    if (shown.downBytesPerSecond !== rates.downBytesPerSecond) return false;
    if (shown.upBytesPerSecond !== rates.upBytesPerSecond) return false;
    if (!isSameTraffic(shown.today, history.today(id)) || !isSameTraffic(shown.month, history.month(id)))
      return false;
    // That another device has its key is forgotten by and by.
    if (shown.keyShared) return false;
    let load = 0;
    let fastestMs = Number.POSITIVE_INFINITY;
    for (const { index } of parts.sessions.upOfNode(id)) {
      load += slots.load(index);
      const ms = slots.roundTripMs(index);
      if (ms >= 0) fastestMs = Math.min(fastestMs, ms);
    }
    return load === streams && (roundTripMs ?? Number.POSITIVE_INFINITY) === fastestMs;
  }

  connects(node: string): ConnectFigures {
    return this.#keeper.traffic.connectsOf(this.#keeper.book.find(node).stored.id);
  }

  async history(node: string | null, range: HistoryRange): Promise<History> {
    const nodeId = node === null ? null : this.#keeper.book.find(node).stored.id;
    return this.#keeper.history.read(moment(), nodeId, range);
  }

  events(query: EventQuery): Promise<readonly EventRecord[]> {
    return this.#keeper.events.read(query);
  }

  latestEvents(after: number): readonly EventRecord[] {
    return this.#keeper.events.latest(after, EVENTS.latestMax);
  }

  async streams(node: string | null): Promise<readonly LiveStream[]> {
    const { parts, lists, book } = this.#keeper;
    const asked =
      node === null
        ? Array.from({ length: Math.max(1, this.#facts.workers) }, (_, worker) => ({ index: null, worker }))
        : parts.sessions.upOfNode(book.find(node).stored.id);
    return lists.ask(
      asked.map(({ index, worker }) => ({ index, post: (message) => parts.toWorker(worker, message) })),
    );
  }

  async sessions(): Promise<readonly ClientSession[]> {
    const sessions = await this.#keeper.stickySessions.ask({ what: 'list', max: LISTING.sessionsMax });
    return sessions.map(clientSession);
  }

  watch(listener: (tick: LiveTick) => void): () => void {
    return this.#watch.add(listener);
  }

  // --- Doing ------------------------------------------------------------------------------------------------------------------------------

  async change(node: string, change: NodeChange): Promise<NodeView> {
    const keeper = this.#keeper;
    const { before, after } = await keeper.book.change(node, change);
    const { id, name } = after.stored;
    keeper.apply(id);
    const text = changeText(before, after);
    if (text !== null) {
      keeper.note({ kind: 'changed', node: after.stored, text });
      keeper.parts.log.info({ node: name, id, change }, 'node changed');
    }
    return this.#view(after);
  }

  async revoke(node: string): Promise<NodeView> {
    const keeper = this.#keeper;
    const { stored } = keeper.book.find(node);
    const { id, name } = stored;
    // First of all, however slow the disk is.
    keeper.cutOff(id);
    keeper.note({ kind: 'revoked', node: stored, text: `${name} was revoked and its sessions were cut` });
    const { known, trouble } = await this.#revoked(id);
    // It may have come again before the store knew.
    keeper.cutOff(id);
    keeper.forgetRevoked(id);
    keeper.parts.log.info({ node: name, id }, 'node revoked');
    if (trouble !== null) {
      throw new UserError(
        `${name} was cut off and stays out while this hub runs, but that is not on the disk yet: ${trouble.message}; ` +
          'make room, and the hub writes it down by itself',
      );
    }
    const away = keeper.parts.store.unpublished ?? null;
    if (away !== null) {
      throw new UserError(
        `${name} is revoked at this hub, and its sessions were cut; the other hubs hear of it as soon as the cluster can be reached (${away})`,
      );
    }
    return this.#view(known);
  }

  /** `trouble`: why only memory knows of it. */
  async #revoked(nodeId: string): Promise<{ known: KnownNode; trouble: UnwritableError | null }> {
    const { book } = this.#keeper;
    try {
      return { known: await book.revoke(nodeId, Date.now()), trouble: null };
    } catch (error) {
      if (!(error instanceof UnwritableError)) throw error;
      return { known: await book.revokeInMemory(nodeId, Date.now()), trouble: error };
    }
  }

  async rotate(node: string): Promise<Rotation> {
    const known = this.#keeper.book.find(node);
    this.#checkRotatable(known);
    return this.#rotate(known);
  }

  /** For a client of a proxy port, whose wish closes the node to everybody: not again and again. */
  async rotateFor(user: string, nodeId: string): Promise<Rotation> {
    const known = this.#keeper.book.find(nodeId);
    this.#checkRotatable(known);
    const leftMs = this.#rotationPauses.leftMs(user, nodeId, performance.now());
    if (leftMs > 0)
      throw new UserError(`clients can have it change its address again in ${Math.ceil(leftMs / 1_000)} s`);
    try {
      return await this.#rotate(known);
    } finally {
      this.#rotationPauses.begin(user, nodeId, performance.now());
      this.#keeper.parts.toFront({ type: 'rotatedFor', user, nodeId });
    }
  }

  /** Throws UserError when the question would only close the node for nothing. */
  #checkRotatable(known: KnownNode): void {
    const { id, name } = known.stored;
    this.#sessionToAsk(known);
    if (this.#keeper.lastKnown.get(id)?.status?.canRotate === false)
      throw new UserError(`${name} got no new address: it was started without --on-rotate`);
    if (this.#keeper.rotations.isRotating(id))
      throw new UserError(`${name} is already getting a new address`);
  }

  async #rotate(known: KnownNode): Promise<Rotation> {
    const keeper = this.#keeper;
    const { id, name } = known.stored;
    const answer = keeper.rotations.ask(
      known,
      this.#view(known).publicAddress,
      () => keeper.drained(id),
      (request) => {
        const { index, number, worker } = this.#sessionToAsk(known);
        keeper.parts.toWorker(worker, { type: 'askRotation', index, number, request });
      },
    );
    keeper.apply(id);
    try {
      const rotation = await answer;
      const { oldAddress, newAddress, tookMs } = rotation;
      const seconds = (tookMs / 1_000).toFixed(1);
      // A device that nobody told its address may have got one that the hub does not see.
      const text =
        oldAddress === newAddress
          ? `${name} has done what it does for a new address in ${seconds} s, but still comes from ${newAddress}`
          : `${name} has a new address after ${seconds} s: ${oldAddress} became ${newAddress}`;
      keeper.note({ kind: 'rotated', node: known.stored, text });
      keeper.parts.log.info(
        { node: name, id, oldAddress, newAddress, tookMs },
        'node was asked for a new address',
      );
      return rotation;
    } finally {
      keeper.apply(id);
    }
  }

  /** The newest session of a node that can be asked for a new address. */
  #sessionToAsk({ stored: { id, name } }: KnownNode): HubSession {
    const session = this.#keeper.parts.sessions.upOfNode(id).at(-1);
    if (session === undefined) throw new UserError(`${name} is not connected`);
    if ((session.capabilities & CAPABILITY.control) === 0) {
      throw new UserError(`${name} runs a version that cannot get a new address on request; update it`);
    }
    return session;
  }

  #rotateBySchedule(nodeId: string): void {
    this.rotate(nodeId).catch((error: Error) => {
      const { message } = error;
      const text = `no new address by the schedule of ${this.#keeper.nameOf(nodeId)}: ${message}`;
      this.#keeper.noteOf(nodeId, { kind: 'warning', text });
      this.#keeper.parts.log.warn({ node: nodeId, why: message }, 'no new address by the schedule');
    });
  }

  async endSession(user: string, name: string): Promise<ClientSession> {
    const [ended] = await this.#keeper.stickySessions.ask({ what: 'end', key: stickyKey(user, name) });
    if (ended === undefined) throw noSession(user, name);
    return clientSession(ended);
  }

  async report({ session, user, node, host, restMs }: BanReport): Promise<Ban> {
    if ((session === null) === (node === null)) {
      throw new UserError('report a session or a node, not both or neither', 2);
    }
    const until = new Date(Date.now() + restMs).toISOString();
    const sticky = this.#keeper.stickySessions;
    if (node !== null) {
      const nodeId = this.#keeper.book.find(node).stored.id;
      await sticky.ask({ what: 'banNode', nodeId, host, restMs });
      return { nodeId, host, until };
    }
    const [moved] = await sticky.ask({ what: 'ban', key: stickyKey(user, session!), host, restMs });
    if (moved === undefined) throw noSession(user, session!);
    return { nodeId: moved.nodeId, host, until };
  }

  async pair({ name, ttlMs }: { name: string | null; ttlMs: number }): Promise<Pairing> {
    const pairing = await this.#keeper.pairings.make(name, ttlMs, Date.now());
    const shown = cleanName(name ?? '');
    const text = `a pairing link was made${shown === '' ? '' : ` for ${shown}`}`;
    this.#keeper.note({ kind: 'linkMade', text });
    return pairing;
  }

  backup(): Promise<Backup> {
    return this.#keeper.parts.store.ask('backup');
  }

  pairing(id: string): PairingState {
    return this.#keeper.pairings.state(id, Date.now());
  }

  async cancelPairing(id: string): Promise<PairingState> {
    if (await this.#keeper.pairings.cancel(id, Date.now())) {
      this.#keeper.note({ kind: 'linkCancelled', text: 'a pairing link was cancelled' });
    }
    return this.pairing(id);
  }
}

/** The key is the user, "-", and the name (routing/request.ts). */
function clientSession({ key, nodeId, strict, ttlMs, unusedMs }: StoredStickySession): ClientSession {
  const user = userOfSticky(key);
  const name = key.slice(user.length + 1);
  return { user, name, nodeId, strict, ttlMs, unusedMs: Math.round(unusedMs) };
}

function noSession(user: string, name: string): UserError {
  const whose = user === '' ? 'without a user' : `of the user ${JSON.stringify(user)}`;
  return new UserError(`there is no session ${JSON.stringify(name)} ${whose}`);
}
