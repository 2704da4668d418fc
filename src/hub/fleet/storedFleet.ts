// What an owner can see of a hub and do to it while it does not run: what lies in its store. The rest cannot be had without it.

import { localDay, monthOfDay } from '../../base/localTime.ts';
import type {
  Backup,
  EventQuery,
  EventRecord,
  Fleet,
  NodeChange,
  NodeView,
  Pairing,
  PairingState,
} from '../../model/fleet.ts';
import type { OwnerUsers } from '../../model/userAccounts.ts';
import { NotedUsers } from '../access/ownerUsers.ts';
import { Pairings } from '../pairing/pairings.ts';
import { HistoryTable } from '../store/historyTable.ts';
import type { Store } from '../store/store.ts';
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
  readonly #store: Store;
  readonly #book: NodeBook;
  readonly #events: Events;
  readonly #pairings: Pairings;
  readonly #traffic: HistoryTable;
  readonly #notRunning: () => never;

  constructor(store: Store, { dataDir, linkOf }: { dataDir: string; linkOf: (token: Uint8Array) => string }) {
    this.#store = store;
    this.#book = new NodeBook(store);
    this.#events = new Events(store.path, store.database);
    this.#traffic = new HistoryTable(store.path, store.database);
    this.#pairings = new Pairings({
      store,
      linkOf,
      nameOf: (nodeId) => this.#book.get(nodeId)?.stored.name ?? null,
      isConnected: () => false,
    });
    this.users = new NotedUsers(store.users, (text) => this.#note({ kind: 'userChanged', text }));
    this.#notRunning = () => {
      throw new HubNotRunning(dataDir);
    };
  }

  /** Writes what happened. */
  close(): void {
    this.#events.close();
  }

  nodes(): NodeView[] {
    return this.#book.all().map((node) => this.#view(node));
  }

  node(node: string): NodeView {
    return this.#view(this.#book.find(node));
  }

  #view(node: KnownNode): NodeView {
    const nowMs = Date.now();
    const day = localDay(nowMs);
    const sums = this.#traffic.sums(monthOfDay(day), day).get(node.stored.id);
    return nodeView(node, {
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

  change(node: string, change: NodeChange): NodeView {
    const before = this.#book.find(node);
    const after = this.#book.change(before.stored.id, change);
    const text = changeText(before, after);
    if (text !== null) this.#note({ kind: 'changed', node: after.stored, text });
    return this.#view(after);
  }

  revoke(node: string): NodeView {
    const { stored, settings } = this.#book.revoke(node, Date.now());
    this.#note({ kind: 'revoked', node: stored, text: `${stored.name} was revoked` });
    return this.#view({ stored, settings });
  }

  pair({ name, ttlMs }: { name: string | null; ttlMs: number }): Pairing {
    const pairing = this.#pairings.make(name, ttlMs, Date.now());
    const shown = cleanName(name ?? '');
    this.#note({ kind: 'linkMade', text: `a pairing link was made${shown === '' ? '' : ` for ${shown}`}` });
    return pairing;
  }

  pairing(id: string): PairingState {
    return this.#pairings.state(id, Date.now());
  }

  cancelPairing(id: string): PairingState {
    this.#pairings.cancel(id, Date.now());
    return this.pairing(id);
  }

  events(query: EventQuery): readonly EventRecord[] {
    return this.#events.read(query);
  }

  backup(): Promise<Backup> {
    return this.#store.backups.make();
  }

  #note(event: NewEvent): void {
    this.#events.add(event, Date.now(), performance.now());
  }

  status = (): never => this.#notRunning();
  connects = (): never => this.#notRunning();
  history = (): never => this.#notRunning();
  watch = (): never => this.#notRunning();
  rotate = async (): Promise<never> => this.#notRunning();
  streams = async (): Promise<never> => this.#notRunning();
  sessions = async (): Promise<never> => this.#notRunning();
  endSession = async (): Promise<never> => this.#notRunning();
  report = async (): Promise<never> => this.#notRunning();
}
