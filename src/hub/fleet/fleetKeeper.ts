// What a running hub keeps about its nodes: it takes in what they do, counts once a second, enforces limits, and records events.

import type { Logger } from 'pino';
import { localDay } from '../../base/localTime.ts';
import { UnwritableError } from '../../base/sqliteFile.ts';
import type { ToFront, ToWorker } from '../../engine/messages.ts';
import { HISTORY, SETTINGS } from '../../limits/owner.ts';
import type { PairingLinks } from '../../model/fleet.ts';
import { SessionSlots, type SharedSlots, ThreadSlots } from '../../ring/slots.ts';
import { UserBook } from '../access/userBook.ts';
import { Pairings } from '../pairing/pairings.ts';
import { Duplicates } from '../sessions/duplicates.ts';
import type { HubSession, Sessions } from '../sessions/sessionTable.ts';
import { StickySessionClient } from '../sticky/stickySessionClient.ts';
import type { HubStore } from '../store/hubStore.ts';
import type { StoredNode } from '../store/storedNode.ts';
import type { StoreContents } from '../store/storeJobs.ts';
import { History, type Moment } from '../traffic/history.ts';
import { Traffic } from '../traffic/traffic.ts';
import { Events, type NewEvent } from './eventLog.ts';
import { HomeNetworks } from './homeNetworks.ts';
import { HubListTeller } from './hubListTeller.ts';
import { LimitKeeper } from './limitKeeper.ts';
import { NodeBook } from './nodeBook.ts';
import type { NodeStatus } from './nodeStatus.ts';
import { Rotations } from './rotations.ts';
import { StartTime } from './startTime.ts';
import { StreamLists } from './streamLists.ts';

const STORE_UNWRITABLE =
  'the store cannot be written: paired devices may still connect, but none can be paired, renamed or revoked';
const STORE_WRITABLE = 'the store can be written again';

export interface KeeperParts {
  readonly store: HubStore;
  /** Of the store, at the start. */
  readonly contents: StoreContents;
  readonly sessions: Sessions;
  readonly slots: SharedSlots;
  readonly threads: number;
  readonly log: Logger;
  readonly showTargets: boolean;
  readonly proxyHeaders: boolean;
  linksOf(token: Uint8Array): PairingLinks;
  toFront(message: ToFront): void;
  /** `worker` as in HubSession. */
  toWorker(worker: number, message: ToWorker): void;
  cut(session: HubSession, reason: string): void;
}

/** What is remembered of a device, even while it is away. */
interface LastKnown {
  readonly status: NodeStatus | null;
  readonly address: string;
}

export class FleetKeeper {
  readonly parts: KeeperParts;
  readonly started: StartTime;
  readonly slots: SessionSlots;
  readonly threads: readonly ThreadSlots[];
  readonly book: NodeBook;
  readonly users: UserBook;
  readonly events: Events;
  readonly history: History;
  readonly traffic: Traffic;
  readonly limits: LimitKeeper;
  readonly networks: HomeNetworks;
  readonly pairings: Pairings;
  readonly hubList: HubListTeller;
  readonly rotations = new Rotations();
  readonly duplicates = new Duplicates();
  readonly lists: StreamLists;
  readonly stickySessions: StickySessionClient;
  readonly lastKnown = new Map<string, LastKnown>();
  /** Of the last second. */
  cpuPercent = 0;
  /** The hub drains: it takes no new streams, and will end. */
  stopping = false;
  /** Called once a second with the nodes to which something was done since; connected ones move by themselves as well. */
  onTick: (changed: ReadonlySet<string>, wallMs: number) => void = () => {};
  /** Asks a node whose time has come for a new address. */
  onRotationDue: (nodeId: string) => void = () => {};
  #touched = new Set<string>();
  /** When nodes that left were seen last, as the store does not know yet. */
  #seen = new Map<string, number>();
  #recording: Promise<void> | null = null;
  #storeIsWell = true;
  #day: string;
  #cpu = { usage: process.cpuUsage(), runMs: performance.now() };
  /** Parts of a tick that failed the last time. */
  readonly #failing = new Set<string>();
  #ticking: NodeJS.Timeout | null = null;

  constructor(parts: KeeperParts) {
    const now = moment();
    const { store, contents, sessions, log } = parts;
    this.parts = parts;
    this.started = new StartTime(now);
    this.#day = localDay(now.wallMs);
    this.slots = new SessionSlots(parts.slots);
    this.threads = Array.from({ length: parts.threads }, (_, at) => new ThreadSlots(parts.slots, at));
    this.book = new NodeBook(store, contents);
    this.users = new UserBook(store, contents.users);
    this.events = new Events(store, contents.lastEvent);
    const warn = (text: string) => this.note({ kind: 'warning', text });
    this.history = new History(store, contents.sums, log, now, warn);
    this.networks = new HomeNetworks(store, contents.networks);
    const since = new Date(now.wallMs).toISOString();
    this.traffic = new Traffic(this.slots, this.threads, now.runMs, since);
    this.limits = new LimitKeeper({
      book: this.book,
      sessions,
      slots: this.slots,
      history: this.history,
      events: this.events,
      isRotating: (nodeId) => this.rotations.isRotating(nodeId),
      tellsNodes: parts.proxyHeaders,
      toFront: (message) => parts.toFront(message),
      toWorker: ({ worker }, message) => parts.toWorker(worker, message),
    });
    this.pairings = new Pairings({
      store,
      linksOf: (token) => parts.linksOf(token),
      nameOf: (nodeId) => this.book.get(nodeId)?.stored.name ?? null,
      isConnected: (nodeId) => sessions.upOfNode(nodeId).length > 0,
    });
    this.hubList = new HubListTeller(sessions, (worker, message) => parts.toWorker(worker, message));
    this.stickySessions = new StickySessionClient((message) => parts.toFront(message));
    this.lists = new StreamLists((index) => sessions.at(index)?.nodeId ?? null, parts.showTargets);
  }

  start(version: string): void {
    this.note({ kind: 'hubStarted', text: `the hub ${version} started` });
    void this.#fillReserve();
    this.#ticking = setInterval(() => this.#tick(), HISTORY.sampleEveryMs).unref();
  }

  // --- What happens -----------------------------------------------------------------------------------------------------------------------

  note(event: NewEvent): void {
    const { wallMs, runMs } = moment();
    this.events.add(event, wallMs, runMs);
  }

  /** Of a node that is known. */
  noteOf(nodeId: string, event: NewEvent): void {
    this.note({ ...event, node: this.book.get(nodeId)?.stored ?? null });
  }

  nameOf(nodeId: string): string {
    return this.book.get(nodeId)?.stored.name ?? nodeId;
  }

  /** The store has admitted a device; `token`: it burned this one. */
  admitted(node: StoredNode, token: Uint8Array | null): void {
    this.book.keep(node);
    this.#seen.delete(node.id);
    this.#touched.add(node.id);
    if (token === null) return;
    this.pairings.used(token, node.id);
    this.note({ kind: 'paired', node, text: `${node.name} was paired` });
  }

  /** Before the session's route goes to the front. */
  connected({ nodeId, address, lane, webSocket }: HubSession): void {
    this.lastKnown.set(nodeId, { status: this.lastKnown.get(nodeId)?.status ?? null, address });
    this.networks.proved(address, Date.now());
    this.apply(nodeId);
    const where = `${address}${webSocket ? ', inside a WebSocket' : ''}${lane === 0 ? '' : `, as its lane ${lane}`}`;
    const text = `${this.nameOf(nodeId)} connected from ${where}`;
    this.noteOf(nodeId, { kind: 'connected', text, moved: !this.#hasOtherLane(nodeId, lane) });
  }

  /** For its owner, the session has ended; one whose place was taken has before its tunnel has. */
  noteEnd({ nodeId, lane }: HubSession, reason: string): void {
    const text = `${this.nameOf(nodeId)} disconnected: ${reason}`;
    this.noteOf(nodeId, { kind: 'disconnected', text, moved: !this.#hasOtherLane(nodeId, lane) });
  }

  #hasOtherLane(nodeId: string, lane: number): boolean {
    return this.parts.sessions.upOfNode(nodeId).some((session) => session.lane !== lane);
  }

  /** The session is out of the table already. */
  disconnected(session: HubSession, reason: string, nowMs: number): void {
    const { nodeId } = session;
    this.traffic.ended(session);
    this.limits.ended(session);
    this.book.seen(nodeId, nowMs);
    this.#seen.set(nodeId, nowMs);
    this.apply(nodeId);
    if (!session.replaced) this.noteEnd(session, reason);
  }

  heardStatus(session: HubSession, status: NodeStatus): void {
    const { nodeId, address } = session;
    session.status = status;
    this.lastKnown.set(nodeId, { status, address });
    this.hubList.heard(session, status);
    if (status.rotation !== null) this.rotations.hear(nodeId, status.rotation, address);
    this.apply(nodeId);
  }

  /** Limits, routing and pace, as of now. */
  apply(nodeId: string, now = moment()): void {
    this.limits.apply(nodeId, now);
    this.touch(nodeId);
  }

  /** Ends the sessions of a node that was revoked. */
  cutOff(nodeId: string): void {
    const { sessions, cut } = this.parts;
    for (const session of sessions.ofNode(nodeId)) {
      if (session.revoked) continue;
      session.revoked = true;
      cut(session, 'the node was revoked');
    }
  }

  /** Ends all sessions, those that are not up yet as well. How many nodes were connected. */
  cutAll(reason: string): number {
    const { sessions, cut } = this.parts;
    const connected = [...sessions.nodes()].length;
    for (const session of sessions.all()) cut(session, reason);
    return connected;
  }

  /** What is kept of a node beside the book ends with its revocation. */
  forgetRevoked(nodeId: string): void {
    this.limits.revoked(nodeId);
    this.duplicates.forget(nodeId);
    this.rotations.fail(nodeId, `${this.nameOf(nodeId)} was revoked`);
    this.touch(nodeId);
  }

  /** Its view may have changed. */
  touch(nodeId: string): void {
    this.#touched.add(nodeId);
  }

  /** Open, or on their way to its workers. */
  streamsOf(nodeId: string): number {
    let streams = 0;
    for (const { index } of this.parts.sessions.upOfNode(nodeId)) streams += this.slots.load(index);
    return streams;
  }

  /** Resolves once the node has no streams, or after a time. The caller makes sure that it takes no new ones. */
  async drained(nodeId: string): Promise<void> {
    const endMs = performance.now() + SETTINGS.rotationDrainMs;
    while (this.streamsOf(nodeId) > 0 && performance.now() < endMs) {
      await new Promise((resolve) => setTimeout(resolve, SETTINGS.drainLookMs).unref());
    }
  }

  // --- Once a second ----------------------------------------------------------------------------------------------------------------------

  #tick(): void {
    const now = moment();
    this.#guarded('traffic', () => this.#sample(now));
    this.#guarded('nodes', () => {
      this.#measureCpu(now.runMs);
      const day = localDay(now.wallMs);
      if (day !== this.#day) void this.#fillReserve();
      if (day !== this.#day) for (const { stored } of this.book.all()) this.#touched.add(stored.id);
      this.#day = day;
      for (const nodeId of this.parts.sessions.nodes()) {
        const node = this.book.get(nodeId);
        if (node === null) continue;
        if (this.limits.changesWithTime(node)) this.apply(nodeId, now);
        if (this.rotations.takeDue(node, now.wallMs)) this.onRotationDue(nodeId);
      }
      this.#sumUp(now);
      const touched = this.#touched;
      this.#touched = new Set();
      this.onTick(touched, now.wallMs);
    });
    void this.#saveNetworks(now.wallMs);
    this.#recording ??= this.#record().finally(() => {
      this.#recording = null;
    });
  }

  #sumUp({ wallMs, runMs }: Moment, isEnd = false): void {
    const isConnected = (nodeId: string) => this.parts.sessions.upOfNode(nodeId).length > 0;
    this.events.sumUp(isConnected, wallMs, runMs, isEnd);
  }

  async #saveNetworks(wallMs: number): Promise<void> {
    try {
      await this.networks.save(wallMs);
      this.#failing.delete('networks');
    } catch (error) {
      this.#failed('networks', error);
    }
  }

  /** Writes what nodes did since the last time, and what waits for a disk that takes something again. Never rejects. */
  async #record(): Promise<void> {
    const { store } = this.parts;
    const events = this.events.unwritten();
    const ownEvents = this.events.ownUnwritten();
    const seen = this.#seen;
    if (events.length === 0 && ownEvents.length === 0 && seen.size === 0 && store.unwritable === null) return;
    this.#seen = new Map();
    try {
      await store.ask('record', { seen, events, ownEvents });
      const last = Math.max(events.at(-1)?.number ?? 0, ownEvents.at(-1)?.number ?? 0);
      if (last > 0) this.events.written(last);
      this.#failing.delete('record');
    } catch (error) {
      this.#seen = new Map([...seen, ...this.#seen]);
      // Of a disk that takes nothing tellOfStore() speaks.
      if (!(error instanceof UnwritableError)) this.#failed('record', error);
    }
    this.tellOfStore();
  }

  /** Once when the store stops taking what is written, and once when it takes it again. */
  tellOfStore(): void {
    const { store, log } = this.parts;
    const { unwritable } = store;
    if ((unwritable === null) === this.#storeIsWell) return;
    this.#storeIsWell = unwritable === null;
    if (unwritable === null) {
      log.info(STORE_WRITABLE);
      void this.#fillReserve();
    } else log.warn({ reason: unwritable }, STORE_UNWRITABLE);
    this.note({ kind: 'warning', text: unwritable === null ? STORE_WRITABLE : STORE_UNWRITABLE });
  }

  async #fillReserve(): Promise<void> {
    try {
      await this.parts.store.ask('fillReserve');
    } catch (error) {
      this.#failed('reserve', error);
    }
  }

  #sample(now: Moment): void {
    this.history.feed(now, this.traffic.sample(this.parts.sessions.all(), now.runMs));
  }

  #measureCpu(runMs: number): void {
    const usage = process.cpuUsage();
    const passedMs = runMs - this.#cpu.runMs;
    const usedMs = (usage.user - this.#cpu.usage.user + usage.system - this.#cpu.usage.system) / 1_000;
    if (passedMs > 0) this.cpuPercent = Math.round((1_000 * usedMs) / passedMs) / 10;
    this.#cpu = { usage, runMs };
  }

  /** A failure in here does not stop the hub: it logs one line when it begins. */
  #guarded(part: string, work: () => void): void {
    try {
      work();
      this.#failing.delete(part);
    } catch (error) {
      this.#failed(part, error);
    }
  }

  #failed(part: string, error: unknown): void {
    if (!this.#failing.has(part))
      this.parts.log.warn({ err: error, part }, 'could not record what the nodes did');
    this.#failing.add(part);
  }

  /** Writes what is only in memory. Call nothing after it. Harmless twice, and without a start. */
  async stop(): Promise<void> {
    if (this.#ticking === null) return;
    clearInterval(this.#ticking);
    this.#ticking = null;
    this.rotations.stop();
    this.#sumUp(moment(), true);
    this.note({ kind: 'hubStopping', text: 'the hub stopped' });
    const now = moment();
    this.#guarded('traffic', () => this.#sample(now));
    const isWritten = await this.history.finish(now);
    await this.#recording;
    await this.#record();
    if (!isWritten || this.parts.store.unwritable !== null) await this.#useReserve(now);
    await this.#saveNetworks(now.wallMs);
  }

  /** The disk is full, and this is the last chance: there is room that was kept for it. */
  async #useReserve(now: Moment): Promise<void> {
    const { store, log } = this.parts;
    const hadRoom = await store.ask('useReserve').catch(() => false);
    if (hadRoom) log.warn('the disk is full: what only memory holds goes into the room kept for that');
    const isWritten = hadRoom && (await this.history.finish(now));
    const lost = isWritten ? 0 : await this.history.finishDays();
    if (lost > 0) log.error({ rows: lost }, 'the disk is full: traffic since it was full is not counted');
    if (hadRoom) await this.#record();
  }
}

export function moment(): Moment {
  return { wallMs: Date.now(), runMs: performance.now() };
}
