// What an owner can see of a hub and do to it while it does not run: what lies in its store. The rest cannot be had without it.

import { UserError } from '../../base/userError.ts';
import { EVENTS } from '../../limits/owner.ts';
import type {
  Backup,
  EventQuery,
  EventRecord,
  Fleet,
  NodeChange,
  NodePage,
  NodeView,
  Pairing,
  PairingLinks,
  PairingState,
} from '../../model/fleet.ts';
import type { OwnerUsers } from '../../model/userAccounts.ts';
import { NotedUsers } from '../access/ownerUsers.ts';
import { UserBook } from '../access/userBook.ts';
import { Pairings } from '../pairing/pairings.ts';
import type { HubStore } from '../store/hubStore.ts';
import type { StoreContents } from '../store/storeJobs.ts';
import { changeText } from './changeText.ts';
import { Events, type NewEvent } from './eventLog.ts';
import { HubNotRunning } from './hubNotRunning.ts';
import { NodeBook } from './nodeBook.ts';
import { cleanName } from './nodeName.ts';
import type { KnownNode } from './nodeSettings.ts';
import { nodeView } from './nodeView.ts';

const NOTHING = { downBytes: 0, upBytes: 0 };

export class StoredFleet implements Fleet {
  readonly users: OwnerUsers;
  readonly #store: HubStore;
  readonly #book: NodeBook;
  readonly #events: Events;
  readonly #pairings: Pairings;
  readonly #sums: StoreContents['sums'];
  readonly #notRunning: () => never;

  constructor(
    store: HubStore,
    contents: StoreContents,
    { dataDir, linksOf }: { dataDir: string; linksOf: (token: Uint8Array) => PairingLinks },
  ) {
    this.#store = store;
    this.#book = new NodeBook(store, contents);
    this.#events = new Events(store, contents.lastEvent);
    this.#sums = contents.sums;
    this.#pairings = new Pairings({
      store,
      linksOf,
      nameOf: (nodeId) => this.#book.get(nodeId)?.stored.name ?? null,
      isConnected: () => false,
    });
    this.users = new NotedUsers(new UserBook(store, contents.users), (text) =>
      this.#note({ kind: 'userChanged', text }),
    );
    this.#notRunning = () => {
      throw new HubNotRunning(dataDir);
    };
  }

  /** Writes what happened. Rejects with UserError when the disk does not take it. */
  async close(): Promise<void> {
    const events = this.#events.unwritten();
    if (events.length > 0) await this.#store.ask('record', { seen: new Map(), events });
  }

  nodes(): NodeView[] {
    return this.#book.all().map((node) => this.#view(node));
  }

  nodePage(after: string, limit: number): NodePage {
    const { nodes, hasMore } = this.#book.page(after, limit);
    return { nodes: nodes.map((node) => this.#view(node)), hasMore };
  }

  node(node: string): NodeView {
    return this.#view(this.#book.find(node));
  }

  #view(node: KnownNode): NodeView {
    const nowMs = Date.now();
    const sums = this.#sums.get(node.stored.id);
    return nodeView(node, {
      isKeyShared: false,
      sessions: [],
      roundTripsMs: [],
      streams: 0,
      closedFor: null,
      rates: { downBytesPerSecond: 0, upBytesPerSecond: 0 },
      today: sums?.today ?? NOTHING,
      month: sums?.month ?? NOTHING,
      lastStatus: null,
      lastAddress: null,
      nowMs,
    });
  }

  async change(node: string, change: NodeChange): Promise<NodeView> {
    const { before, after } = await this.#book.change(node, change);
    const text = changeText(before, after);
    if (text !== null) this.#note({ kind: 'changed', node: after.stored, text });
    return this.#view(after);
  }

  async revoke(node: string): Promise<NodeView> {
    const { stored, settings } = await this.#book.revoke(node, Date.now());
    this.#note({ kind: 'revoked', node: stored, text: `${stored.name} was revoked` });
    const away = this.#store.unpublished ?? null;
    if (away !== null) {
      throw new UserError(
        `${stored.name} is revoked at this hub; the other hubs have not heard of it: ${away}`,
      );
    }
    return this.#view({ stored, settings });
  }

  async pair({ name, ttlMs }: { name: string | null; ttlMs: number }): Promise<Pairing> {
    const pairing = await this.#pairings.make(name, ttlMs, Date.now());
    const shown = cleanName(name ?? '');
    this.#note({ kind: 'linkMade', text: `a pairing link was made${shown === '' ? '' : ` for ${shown}`}` });
    return pairing;
  }

  pairing(id: string): PairingState {
    return this.#pairings.state(id, Date.now());
  }

  async cancelPairing(id: string): Promise<PairingState> {
    await this.#pairings.cancel(id, Date.now());
    return this.pairing(id);
  }

  events(query: EventQuery): Promise<readonly EventRecord[]> {
    return this.#events.read(query);
  }

  latestEvents(after: number): readonly EventRecord[] {
    return this.#events.latest(after, EVENTS.latestMax);
  }

  backup(): Promise<Backup> {
    return this.#store.ask('backup');
  }

  #note(event: NewEvent): void {
    this.#events.add(event, Date.now(), performance.now());
  }

  status = (): never => this.#notRunning();
  connects = (): never => this.#notRunning();
  history = async (): Promise<never> => this.#notRunning();
  watch = (): never => this.#notRunning();
  rotate = async (): Promise<never> => this.#notRunning();
  streams = async (): Promise<never> => this.#notRunning();
  sessions = async (): Promise<never> => this.#notRunning();
  endSession = async (): Promise<never> => this.#notRunning();
  report = async (): Promise<never> => this.#notRunning();
}
