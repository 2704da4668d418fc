// What the owner sees of the running hub and does to it (fleet.ts), put together from the hub's parts. Made by hub.ts, which calls tick()
// once a second and tells it what the engine says; used by dashboard/ and by the commands on the control socket.

import type { Logger } from 'pino';
import type { ToFront, ToWorker } from '../engine/messages.ts';
import { EVENTS, HISTORY } from '../limits.ts';
import { CAPABILITY } from '../noise/payload.ts';
import { SessionSlots, type SharedSlots, ThreadSlots } from '../ring/slots.ts';
import { UserError } from '../userError.ts';
import { version } from '../version.ts';
import { Events, type NewEvent } from './events.ts';
import type {
  ConnectFigures,
  EventQuery,
  EventRecord,
  Fleet,
  HistoryRange,
  History as HistoryView,
  HubStatus,
  LiveStream,
  LiveTick,
  NodeChange,
  NodeView,
  Pairing,
  PairingState,
  Rotation,
} from './fleet.ts';
import { History, type Moment } from './history.ts';
import { HistoryTable } from './historyTable.ts';
import { LimitKeeper } from './limitKeeper.ts';
import { localDay } from './localTime.ts';
import { type KnownNode, NodeBook } from './nodeBook.ts';
import type { NodeStatus } from './nodeStatus.ts';
import { nodeView, showsSame } from './nodeView.ts';
import { Pairings } from './pairings.ts';
import { Rotations } from './rotations.ts';
import type { HubSession, Sessions } from './sessions.ts';
import type { Store, StoredNode } from './store.ts';
import { StreamLists } from './streamLists.ts';
import { Traffic } from './traffic.ts';

export interface FleetParts {
  readonly store: Store;
  readonly sessions: Sessions;
  readonly slots: SharedSlots;
  readonly threads: number;
  readonly log: Logger;
  readonly showTargets: boolean;
  /** What stays as it is while the hub runs. */
  readonly hub: Pick<HubStatus, 'addresses' | 'publicKey' | 'io' | 'workers'>;
  linkOf(token: Uint8Array): string;
  toFront(message: ToFront): void;
  /** `worker` as in HubSession. */
  toWorker(worker: number, message: ToWorker): void;
  cut(session: HubSession, reason: string): void;
}

/** What is remembered of a device that is away. */
interface LastWords {
  readonly status: NodeStatus | null;
  readonly address: string;
}

export class OwnerFleet implements Fleet {
  readonly #parts: FleetParts;
  readonly #version = version();
  readonly #startedAt: string;
  readonly #slots: SessionSlots;
  readonly #threads: readonly ThreadSlots[];
  readonly #book: NodeBook;
  readonly #events: Events;
  readonly #history: History;
  readonly #traffic: Traffic;
  readonly #limits: LimitKeeper;
  readonly #pairings: Pairings;
  readonly #rotations = new Rotations();
  readonly #lists: StreamLists;
  readonly #lastWords = new Map<string, LastWords>();
  readonly #watchers = new Set<(tick: LiveTick) => void>();
  /** What the watchers know: views as of the last tick, and nodes of which something has changed since. */
  readonly #shown = new Map<string, NodeView>();
  readonly #touched = new Set<string>();
  #eventShown = 0;
  #day: string;
  #cpu = { usage: process.cpuUsage(), runMs: performance.now(), percent: 0 };
  #isWell = true;
  #ticking: NodeJS.Timeout | null = null;

  constructor(parts: FleetParts) {
    const now = moment();
    const { store, sessions, log } = parts;
    this.#parts = parts;
    this.#startedAt = new Date(now.wallMs).toISOString();
    this.#day = localDay(now.wallMs);
    this.#slots = new SessionSlots(parts.slots);
    this.#threads = Array.from(
      { length: parts.threads },
      (_, thread) => new ThreadSlots(parts.slots, thread),
    );
    this.#book = new NodeBook(store);
    this.#events = new Events(store.path, store.database);
    this.#history = new History(new HistoryTable(store.path, store.database), log, now);
    this.#traffic = new Traffic(this.#slots, this.#threads, now.runMs, this.#startedAt);
    this.#limits = new LimitKeeper({
      book: this.#book,
      sessions,
      slots: this.#slots,
      history: this.#history,
      events: this.#events,
      isRotating: (nodeId) => this.#rotations.isRotating(nodeId),
      toFront: (message) => parts.toFront(message),
      toWorker: ({ worker }, message) => parts.toWorker(worker, message),
    });
    this.#pairings = new Pairings({
      store,
      linkOf: (token) => parts.linkOf(token),
      nameOf: (nodeId) => this.#book.get(nodeId)?.stored.name ?? null,
      isConnected: (nodeId) => sessions.upOfNode(nodeId).length > 0,
    });
    this.#lists = new StreamLists((index) => sessions.at(index)?.nodeId ?? null, parts.showTargets);
  }

  // --- What the hub tells ---------------------------------------------------------------------------------------------------------------

  start(): void {
    this.note({ kind: 'hubStarted', text: `the hub ${this.#version} started` });
    this.#ticking = setInterval(() => this.#tick(), HISTORY.sampleEveryMs).unref();
  }

  note(event: NewEvent): void {
    const { wallMs, runMs } = moment();
    this.#events.add(event, wallMs, runMs);
  }

  noteOf(nodeId: string, event: NewEvent): void {
    this.note({ ...event, node: this.#book.get(nodeId)?.stored ?? null });
  }

  /** The store has admitted a device; `token`: it burned this one. */
  admitted(node: StoredNode, token: Uint8Array | null): void {
    this.#book.keep(node);
    this.#touched.add(node.id);
    if (token === null) return;
    this.#pairings.used(token, node.id);
    this.note({ kind: 'paired', node, text: `${node.name} was paired` });
  }

  /** Before the session's route goes to the front. */
  connected(session: HubSession): void {
    const { nodeId, address, lane } = session;
    this.#lastWords.set(nodeId, { status: this.#lastWords.get(nodeId)?.status ?? null, address });
    this.#apply(nodeId);
    const name = this.#nameOf(nodeId);
    const where = lane === 0 ? address : `${address}, as its lane ${lane}`;
    this.noteOf(nodeId, { kind: 'connected', text: `${name} connected from ${where}` });
  }

  /** The session is out of the table already. */
  disconnected(session: HubSession, reason: string, nowMs: number): void {
    const { nodeId } = session;
    this.#traffic.ended(session);
    this.#limits.ended(session);
    this.#book.seen(nodeId, nowMs);
    this.#apply(nodeId);
    this.noteOf(nodeId, { kind: 'disconnected', text: `${this.#nameOf(nodeId)} disconnected: ${reason}` });
  }

  heardStatus(session: HubSession, status: NodeStatus): void {
    const { nodeId, address } = session;
    session.status = status;
    this.#lastWords.set(nodeId, { status, address });
    if (status.rotation !== null) this.#rotations.heard(nodeId, status.rotation, address);
    this.#apply(nodeId);
  }

  heardStreams(message: Parameters<StreamLists['heard']>[0]): void {
    this.#lists.heard(message);
  }

  /** Something about the node's sessions has changed. */
  touch(nodeId: string): void {
    this.#touched.add(nodeId);
  }

  /** Writes what is in memory only. Nothing comes after it. */
  stop(): void {
    if (this.#ticking === null) return;
    clearInterval(this.#ticking);
    this.#ticking = null;
    this.#watchers.clear();
    this.#rotations.stop();
    this.note({ kind: 'hubStopping', text: 'the hub stopped' });
    const now = moment();
    this.#guarded(() => {
      this.#history.feed(now, this.#traffic.sample(this.#parts.sessions.all(), now.runMs));
      this.#history.write(now);
    });
    this.#guarded(() => this.#events.close());
  }

  // --- Once a second ----------------------------------------------------------------------------------------------------------------------

  #tick(): void {
    this.#guarded(() => {
      const now = moment();
      this.#history.feed(now, this.#traffic.sample(this.#parts.sessions.all(), now.runMs));
      this.#measureCpu(now.runMs);
      const day = localDay(now.wallMs);
      if (day !== this.#day) for (const { stored } of this.#book.all()) this.#touched.add(stored.id);
      this.#day = day;
      for (const nodeId of this.#parts.sessions.nodes()) {
        if (this.#limits.apply(nodeId, now)) this.#touched.add(nodeId);
        this.#rotateIfDue(nodeId, now.wallMs);
      }
      this.#events.write(now.runMs);
      this.#tellWatchers(now);
    });
  }

  /** Whatever goes wrong in here is no reason to stop: one line of the log when it begins. */
  #guarded(work: () => void): void {
    try {
      work();
      this.#isWell = true;
    } catch (error) {
      if (this.#isWell) this.#parts.log.warn({ err: error }, 'what the nodes did could not be recorded');
      this.#isWell = false;
    }
  }

  #measureCpu(runMs: number): void {
    const usage = process.cpuUsage();
    const passedMs = runMs - this.#cpu.runMs;
    const usedMs = (usage.user - this.#cpu.usage.user + usage.system - this.#cpu.usage.system) / 1_000;
    const percent = passedMs <= 0 ? 0 : Math.round((1_000 * usedMs) / passedMs) / 10;
    this.#cpu = { usage, runMs, percent };
  }

  #rotateIfDue(nodeId: string, wallMs: number): void {
    const node = this.#book.get(nodeId);
    if (node === null || !this.#rotations.takeDue(node, wallMs)) return;
    this.rotate(nodeId).catch((error: Error) => {
      const text = `no new address by the schedule of ${this.#nameOf(nodeId)}: ${error.message}`;
      this.noteOf(nodeId, { kind: 'warning', text });
    });
  }

  #tellWatchers(now: Moment): void {
    if (this.#watchers.size === 0) return;
    for (const nodeId of this.#parts.sessions.nodes()) this.#touched.add(nodeId);
    const nodes: NodeView[] = [];
    for (const nodeId of this.#touched) {
      const node = this.#book.get(nodeId);
      if (node === null) continue;
      const view = this.#view(node, now);
      const shown = this.#shown.get(nodeId);
      if (shown !== undefined && showsSame(shown, view)) continue;
      this.#shown.set(nodeId, view);
      nodes.push(view);
    }
    this.#touched.clear();
    const events = this.#eventsSince();
    const tick = { at: new Date(now.wallMs).toISOString(), hub: this.#live(), nodes, events };
    for (const watcher of [...this.#watchers]) watcher(tick);
  }

  #eventsSince(): readonly EventRecord[] {
    const after = this.#eventShown;
    if (this.#events.lastNumber === after) return [];
    this.#eventShown = this.#events.lastNumber;
    return this.#events.read({ after, limit: EVENTS.perTickMax }).reverse();
  }

  /** Limits, routing and pace, as of now. */
  #apply(nodeId: string): void {
    this.#limits.apply(nodeId, moment());
    this.#touched.add(nodeId);
  }

  // --- Fleet: looking ---------------------------------------------------------------------------------------------------------------------

  status(): HubStatus {
    const { addresses, publicKey, io, workers } = this.#parts.hub;
    return {
      version: this.#version,
      startedAt: this.#startedAt,
      addresses: { ...addresses },
      publicKey,
      io,
      workers,
      ...this.#live(),
      strangers: this.#threads.reduce((sum, thread) => sum + thread.get('strangers'), 0),
      connects: this.#traffic.connects(),
      residentBytes: process.memoryUsage.rss(),
      cpuPercent: this.#cpu.percent,
    };
  }

  #live(): LiveTick['hub'] {
    let streams = 0;
    for (const { index } of this.#parts.sessions.all()) streams += Math.max(0, this.#slots.load(index));
    const atTheDoor = this.#threads.reduce((sum, thread) => sum + thread.get('clients'), 0);
    const { rates, connectsPerSecond, failuresPerSecond } = this.#traffic;
    return {
      nodesConnected: [...this.#parts.sessions.nodes()].length,
      nodesPaired: this.#book.members,
      streams,
      clients: atTheDoor + streams,
      ...rates,
      connectsPerSecond: Math.round(connectsPerSecond * 10) / 10,
      failuresPerSecond: Math.round(failuresPerSecond * 10) / 10,
    };
  }

  nodes(): NodeView[] {
    const now = moment();
    return this.#book.all().map((node) => this.#view(node, now));
  }

  node(node: string): NodeView {
    return this.#view(this.#book.find(node), moment());
  }

  connects(node: string): ConnectFigures {
    return this.#traffic.connectsOf(this.#book.find(node).stored.id);
  }

  history(node: string | null, range: HistoryRange): HistoryView {
    return this.#history.read(moment(), node === null ? null : this.#book.find(node).stored.id, range);
  }

  events(query: EventQuery): readonly EventRecord[] {
    return this.#events.read(query);
  }

  async streams(node: string | null): Promise<readonly LiveStream[]> {
    const { sessions, toWorker, hub } = this.#parts;
    if (node !== null) {
      const ofNode = sessions.upOfNode(this.#book.find(node).stored.id);
      return this.#lists.ask(
        ofNode.map(({ index, worker }) => ({ index, post: (message) => toWorker(worker, message) })),
      );
    }
    const workers = Array.from({ length: Math.max(1, hub.workers) }, (_, worker) => worker);
    return this.#lists.ask(
      workers.map((worker) => ({ index: null, post: (message) => toWorker(worker, message) })),
    );
  }

  watch(listener: (tick: LiveTick) => void): () => void {
    if (this.#watchers.size === 0) {
      // What was before is asked for by other means.
      this.#shown.clear();
      for (const view of this.nodes()) this.#shown.set(view.id, view);
      this.#touched.clear();
      this.#eventShown = this.#events.lastNumber;
    }
    // Of its own, so that who watches twice ends twice.
    const watcher = (tick: LiveTick) => listener(tick);
    this.#watchers.add(watcher);
    return () => {
      this.#watchers.delete(watcher);
    };
  }

  #view(node: KnownNode, now: Moment): NodeView {
    const { id, revokedAtMs } = node.stored;
    const sessions = revokedAtMs === null ? this.#parts.sessions.upOfNode(id) : [];
    const last = this.#lastWords.get(id);
    let streams = 0;
    for (const { index } of sessions) streams += Math.max(0, this.#slots.load(index));
    return nodeView(node, {
      sessions,
      roundTripsMs: sessions.map(({ index }) => this.#slots.roundTripMs(index)),
      streams,
      closedFor: this.#limits.closedFor(node, now.wallMs),
      rates: this.#traffic.ratesOf(id),
      today: this.#history.today(id),
      month: this.#history.month(id),
      lastStatus: last?.status ?? null,
      lastAddress: last?.address ?? null,
      nowMs: now.wallMs,
    });
  }

  #nameOf(nodeId: string): string {
    return this.#book.get(nodeId)?.stored.name ?? nodeId;
  }

  // --- Fleet: doing -----------------------------------------------------------------------------------------------------------------------

  change(node: string, change: NodeChange): NodeView {
    const before = this.#book.find(node);
    const after = this.#book.change(before.stored.id, change);
    this.#apply(after.stored.id);
    const text = tellChange(before, after);
    if (text !== null) {
      this.note({ kind: 'changed', node: after.stored, text });
      this.#parts.log.info({ node: after.stored.name, id: after.stored.id }, `node changed: ${text}`);
    }
    return this.#view(after, moment());
  }

  revoke(node: string): NodeView {
    const now = moment();
    const known = this.#book.revoke(node, now.wallMs);
    const { id, name } = known.stored;
    for (const session of this.#parts.sessions.ofNode(id)) {
      session.revoked = true;
      this.#parts.cut(session, 'the node was revoked');
    }
    this.#limits.revoked(id);
    this.#rotations.fail(id, `${name} was revoked`);
    this.#touched.add(id);
    this.note({ kind: 'revoked', node: known.stored, text: `${name} was revoked and its sessions were cut` });
    this.#parts.log.info({ node: name, id }, 'node revoked');
    return this.#view(known, now);
  }

  async rotate(node: string): Promise<Rotation> {
    const known = this.#book.find(node);
    const { id, name } = known.stored;
    const session = this.#parts.sessions.upOfNode(id).at(-1);
    if (session === undefined) throw new UserError(`${name} is not connected`);
    if ((session.capabilities & CAPABILITY.control) === 0) {
      throw new UserError(`${name} runs a version that cannot be asked for a new address; update it`);
    }
    const { publicAddress } = this.#view(known, moment());
    const { index, number, worker } = session;
    try {
      const answer = this.#rotations.ask(known, publicAddress, (request) => {
        this.#apply(id);
        this.#parts.toWorker(worker, { type: 'askRotation', index, number, request });
      });
      const rotation = await answer;
      const { oldAddress, newAddress, tookMs } = rotation;
      const text = `${name} has a new address after ${(tookMs / 1_000).toFixed(1)} s: ${oldAddress} became ${newAddress}`;
      this.note({ kind: 'rotated', node: known.stored, text });
      return rotation;
    } finally {
      this.#apply(id);
    }
  }

  pair({ name, ttlMs }: { name: string | null; ttlMs: number }): Pairing {
    const pairing = this.#pairings.make(name, ttlMs, Date.now());
    const text = `a pairing link was made${name === null ? '' : ` for ${name}`}`;
    this.note({ kind: 'linkMade', text });
    return pairing;
  }

  pairing(id: string): PairingState {
    return this.#pairings.state(id, Date.now());
  }

  cancelPairing(id: string): PairingState {
    if (this.#pairings.cancel(id, Date.now())) {
      this.note({ kind: 'linkCancelled', text: 'a pairing link was cancelled' });
    }
    return this.pairing(id);
  }
}

function moment(): Moment {
  return { wallMs: Date.now(), runMs: performance.now() };
}

/** What the owner changed, in words; null: nothing. */
function tellChange(before: KnownNode, after: KnownNode): string | null {
  const { name } = after.stored;
  const changes: string[] = [];
  if (before.stored.name !== name) changes.push(`it was called ${before.stored.name}`);
  const fields = (node: KnownNode) => {
    const { limits, tags, ...settings } = node.settings;
    return Object.entries({ ...settings, ...limits, tags: tags.join(', ') || null });
  };
  const old = new Map<string, unknown>(fields(before));
  for (const [field, value] of fields(after)) {
    if (old.get(field) !== value) changes.push(`${field}: ${value === null ? 'none' : String(value)}`);
  }
  return changes.length === 0 ? null : `${name} was changed (${changes.join('; ')})`;
}
