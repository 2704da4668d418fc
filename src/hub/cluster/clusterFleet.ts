// The fleet of a whole cluster as its owner sees it at one hub: what this hub knows, with what the others say, and questions that they
// answer. The owner's changes to devices and users reach all of them by another way (ownerWrites.ts).

import { UserError } from '../../base/userError.ts';
import { decodeCursor, WHOLE } from '../../cluster/eventCursor.ts';
import { mergedPage } from '../../cluster/eventPages.ts';
import { PICTURE } from '../../limits/cluster.ts';
import { LISTING } from '../../limits/owner.ts';
import type {
  Backup,
  Ban,
  BanReport,
  ClientSession,
  ConnectFigures,
  EventPage,
  EventQuery,
  EventRecord,
  Fleet,
  FleetOfHubs,
  History,
  HistoryRange,
  HubOfFleet,
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
import type { FleetPicture, HubSays } from './fleetPicture.ts';
import { type OtherHubs, rangeOf } from './hubQuestions.ts';

export interface ClusterFleetOptions {
  /** This hub's own id. */
  readonly id: string;
  readonly own: Fleet;
  readonly picture: FleetPicture;
  readonly others: OtherHubs;
  /** Ids of the devices that are connected here. */
  connected(): Iterable<string>;
  /** What the owner calls this hub. */
  hub(): string;
  /** Milliseconds since 1970. */
  wallMs(): number;
  /** The owner has ended a sticky session. */
  ended(user: string, name: string): void;
}

export class ClusterFleet implements Fleet {
  readonly users: OwnerUsers;
  readonly hubs: FleetOfHubs;
  readonly #own: Fleet;
  readonly #picture: FleetPicture;
  readonly #others: OtherHubs;
  readonly #connected: () => Iterable<string>;
  readonly #hub: () => string;
  readonly #ended: ClusterFleetOptions['ended'];
  /** By watcher: devices that changed at other hubs since its last tick. */
  readonly #changed = new Set<Set<string>>();

  constructor({ id, own, picture, others, connected, hub, wallMs, ended }: ClusterFleetOptions) {
    this.users = own.users;
    this.hubs = {
      own,
      hubs: () => [this.#ownHub(id), ...picture.each(performance.now())],
      eventPage: (query, cursor) => this.#eventPage(id, query, cursor, wallMs()),
    };
    this.#own = own;
    this.#picture = picture;
    this.#others = others;
    this.#connected = connected;
    this.#hub = hub;
    this.#ended = ended;
  }

  // --- What the other hubs say -----------------------------------------------------------------------------------------------------

  hear(says: HubSays, nowMs: number): void {
    this.#tell(this.#picture.hear(says, nowMs));
  }

  forgetSilent(nowMs: number): void {
    this.#tell(this.#picture.forgetSilent(nowMs));
  }

  #tell(nodes: ReadonlySet<string>): void {
    for (const changed of this.#changed) for (const node of nodes) changed.add(node);
  }

  // --- Looking ----------------------------------------------------------------------------------------------------------------------

  status(): HubStatus {
    const own = this.#own.status();
    return { ...own, ...this.#figures(own) };
  }

  #figures(own: LiveTick['hub']): LiveTick['hub'] {
    const { stopping, nodesConnected, nodesPaired, streams, clients, downBytesPerSecond } = own;
    const { upBytesPerSecond, connectsPerSecond, failuresPerSecond } = own;
    return this.#picture.figures(
      {
        ...{ stopping, nodesConnected, nodesPaired, streams, clients, downBytesPerSecond },
        ...{ upBytesPerSecond, connectsPerSecond, failuresPerSecond },
      },
      this.#connected(),
    );
  }

  #ownHub(id: string): HubOfFleet {
    const own = this.#own.status();
    const { succeeded, failures } = own.connects;
    const nodes = new Map(this.#own.nodes().map((view) => [view.id, view]));
    return { id, name: this.#hub(), heardMsAgo: 0, figures: own, connects: { succeeded, failures }, nodes };
  }

  #merged(view: NodeView): NodeView {
    return this.#picture.merged(view, this.#hub());
  }

  nodes(): NodeView[] {
    return this.#own.nodes().map((view) => this.#merged(view));
  }

  nodePage(after: string, limit: number): NodePage {
    const { nodes, hasMore } = this.#own.nodePage(after, limit);
    return { nodes: nodes.map((view) => this.#merged(view)), hasMore };
  }

  node(node: string): NodeView {
    return this.#merged(this.#own.node(node));
  }

  /** Of this hub: clients learn from it what to expect here. */
  connects(node: string): ConnectFigures {
    return this.#own.connects(node);
  }

  async history(node: string | null, range: HistoryRange): Promise<History> {
    const id = node === null ? null : this.#own.node(node).id;
    const [own, others] = await Promise.all([
      this.#own.history(id, range),
      this.#others.ask('history', { node: id, range }),
    ]);
    return others.answers.reduce((sum, { answer }) => summed(sum, answer), own);
  }

  async events(query: EventQuery): Promise<readonly EventRecord[]> {
    const events = await this.#own.events(query);
    return events.map((event) => ({ ...event, hub: this.#hub() }));
  }

  latestEvents(after: number): readonly EventRecord[] {
    return this.#own.latestEvents(after).map((event) => ({ ...event, hub: this.#hub() }));
  }

  async #eventPage(id: string, query: EventQuery, word: string | null, nowMs: number): Promise<EventPage> {
    const cursor = word === null ? WHOLE : decodeCursor(word);
    if (cursor === null) throw new UserError('this cursor is none that a hub of this version has given', 2);
    const { before: _before, after: _after, ...asked } = query;
    const askedMax = Math.min(query.limit, PICTURE.eventsMax);
    const [own, others] = await Promise.all([
      this.#own.events({ ...asked, ...rangeOf(cursor.places.get(id)) }),
      this.#others.ask('events', { ...asked, limit: askedMax, places: Object.fromEntries(cursor.places) }),
    ]);
    const page = mergedPage(
      cursor,
      [
        { id, name: this.#hub(), events: own, askedMax: query.limit },
        ...others.answers.map((hub) => ({ id: hub.id, name: hub.hub, events: hub.answer, askedMax })),
      ],
      query.limit,
      nowMs,
    );
    return { ...page, missingHubs: others.missing };
  }

  async streams(node: string | null): Promise<readonly LiveStream[]> {
    const id = node === null ? null : this.#own.node(node).id;
    const [own, others] = await Promise.all([
      this.#own.streams(id),
      this.#others.ask('streams', { node: id }),
    ]);
    return [...own, ...others.answers.flatMap(({ answer }) => answer)].slice(0, LISTING.streamsMax);
  }

  /** One that several hubs know is listed once, as it was used last. */
  async sessions(): Promise<readonly ClientSession[]> {
    const [own, others] = await Promise.all([this.#own.sessions(), this.#others.ask('sessions', null)]);
    const found = new Map<string, ClientSession>();
    for (const session of [...own, ...others.answers.flatMap(({ answer }) => answer)]) {
      const key = JSON.stringify([session.user, session.name]);
      const known = found.get(key);
      if (known === undefined || session.unusedMs < known.unusedMs) found.set(key, session);
    }
    return [...found.values()].slice(0, LISTING.sessionsMax);
  }

  /** With what changed at other hubs as well; when nothing does here, a tick late. */
  watch(listener: (tick: LiveTick) => void): () => void {
    const changed = new Set<string>();
    this.#changed.add(changed);
    const end = this.#own.watch((tick) => {
      const nodes = new Map(tick.nodes.map((view) => [view.id, this.#merged(view)]));
      for (const id of changed) {
        const view = this.#nodeOrNull(id);
        if (view !== null) nodes.set(id, view);
      }
      changed.clear();
      const events = tick.events.map((event) => ({ ...event, hub: this.#hub() }));
      listener({ ...tick, hub: this.#figures(tick.hub), nodes: [...nodes.values()], events });
    });
    return () => {
      this.#changed.delete(changed);
      end();
    };
  }

  #nodeOrNull(id: string): NodeView | null {
    try {
      return this.node(id);
    } catch (error) {
      // This hub's copy does not have it yet.
      if (error instanceof UserError) return null;
      throw error;
    }
  }

  // --- Doing ------------------------------------------------------------------------------------------------------------------------

  async change(node: string, change: NodeChange): Promise<NodeView> {
    return this.#merged(await this.#own.change(node, change));
  }

  async revoke(node: string): Promise<NodeView> {
    return this.#merged(await this.#own.revoke(node));
  }

  /** Any hub to which it is connected can ask it. */
  async rotate(node: string): Promise<Rotation> {
    const own = this.#own.node(node);
    if (own.connected || !this.#merged(own).connected) return this.#own.rotate(own.id);
    const { answers } = await this.#others.ask('rotate', { node: own.id });
    const first = answers.find(({ answer }) => answer.nodeId === own.id);
    if (first === undefined)
      throw new UserError(`${own.name} got no new address: no hub that it is connected to could ask it`);
    return first.answer;
  }

  async endSession(user: string, name: string): Promise<ClientSession> {
    const [own, others] = await Promise.all([
      this.#own.endSession(user, name).catch((error: unknown) => {
        if (error instanceof UserError) return error;
        throw error;
      }),
      this.#others.ask('endSession', { user, name }),
    ]);
    const ended = own instanceof UserError ? others.answers[0]?.answer : own;
    if (ended === undefined) throw own;
    this.#ended(user, name);
    return ended;
  }

  /** Every hub lets the node rest for the host. */
  async report(report: BanReport): Promise<Ban> {
    if (report.node !== null) {
      const node = this.#own.node(report.node).id;
      const [own] = await Promise.all([
        this.#own.report({ ...report, node }),
        this.#others.ask('report', { ...report, node }),
      ]);
      return own;
    }
    const [own, others] = await Promise.all([
      this.#own.report(report).catch((error: unknown) => {
        if (error instanceof UserError) return error;
        throw error;
      }),
      this.#others.ask('report', report),
    ]);
    if (!(own instanceof UserError)) return own;
    const [first] = others.answers;
    if (first === undefined) throw own;
    return first.answer;
  }

  pair(options: { name: string | null; ttlMs: number }): Promise<Pairing> {
    return this.#own.pair(options);
  }

  /** The device may have come to another hub. */
  pairing(id: string): PairingState {
    const state = this.#own.pairing(id);
    if (state.nodeId === null) return state;
    const node = this.#nodeOrNull(state.nodeId);
    return { ...state, nodeConnected: state.nodeConnected || node?.connected === true };
  }

  cancelPairing(id: string): Promise<PairingState> {
    return this.#own.cancelPairing(id);
  }

  backup(): Promise<Backup> {
    return this.#own.backup();
  }
}

/** Steps of one time are one step. Hubs in other time zones have other days: those stay apart. */
function summed(one: History, other: History): History {
  const theirs = new Map(other.points.map((point) => [point.at, point]));
  const points = one.points.map((point) => {
    const their = theirs.get(point.at);
    if (their === undefined) return point;
    return {
      at: point.at,
      downBytes: point.downBytes + their.downBytes,
      upBytes: point.upBytes + their.upBytes,
      succeeded: point.succeeded + their.succeeded,
      failed: point.failed + their.failed,
      streams: point.streams + their.streams,
    };
  });
  return { ...one, points };
}
