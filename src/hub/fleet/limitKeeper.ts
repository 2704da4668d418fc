// Enforces the nodes' limits: the front learns which nodes take new streams, the workers how fast each session may go. When a node's
// quota is used up, its streams end.

import { localMinute } from '../../base/localTime.ts';
import type { NamedNode, ToFront, ToWorker } from '../../engine/messages.ts';
import type { NodeSettings } from '../../model/fleet.ts';
import type { SessionSlots } from '../../ring/slots.ts';
import type { ClosedFor, NodeRouting } from '../../routing/nodeRouting.ts';
import type { HubSession, Sessions } from '../sessions/sessionTable.ts';
import type { History, Moment } from '../traffic/history.ts';
import { gigabytes } from './changeText.ts';
import type { Events } from './eventLog.ts';
import type { NodeBook } from './nodeBook.ts';
import { closedFor, isOverQuota, paceOf } from './nodeLimits.ts';
import type { KnownNode } from './nodeSettings.ts';

/** A node's settings with what this hub may use of its limits: of a hub alone, all of them. */
export type LimitsHere = (nodeId: string, settings: NodeSettings) => NodeSettings;

export class LimitKeeper {
  readonly #book: NodeBook;
  readonly #sessions: Sessions;
  readonly #slots: SessionSlots;
  readonly #history: History;
  readonly #events: Events;
  readonly #isRotating: (nodeId: string) => boolean;
  readonly #toFront: (message: ToFront) => void;
  readonly #toWorker: (session: HubSession, message: ToWorker) => void;
  /** What the front last heard of each node. */
  readonly #routings = new Map<string, NodeRouting>();
  /** Whether clients learn which node serves them; below, what each worker heard last. */
  readonly #tellsNodes: boolean;
  readonly #named = new Map<HubSession, NamedNode>();
  /** What the worker last heard of each session; those without a limit are absent. */
  readonly #paces = new Map<HubSession, number>();
  /** Whether nodes were beyond their quota when last looked at; absent: not yet since the hub started, so that it tells of none twice. */
  readonly #overQuota = new Map<string, boolean>();
  /** Hubs of a cluster share limits. */
  limitsHere: LimitsHere = (_nodeId, settings) => settings;

  constructor(options: {
    book: NodeBook;
    sessions: Sessions;
    slots: SessionSlots;
    history: History;
    events: Events;
    isRotating: (nodeId: string) => boolean;
    tellsNodes: boolean;
    toFront: (message: ToFront) => void;
    toWorker: (session: HubSession, message: ToWorker) => void;
  }) {
    this.#book = options.book;
    this.#sessions = options.sessions;
    this.#slots = options.slots;
    this.#history = options.history;
    this.#events = options.events;
    this.#isRotating = options.isRotating;
    this.#tellsNodes = options.tellsNodes;
    this.#toFront = options.toFront;
    this.#toWorker = options.toWorker;
  }

  closedFor(node: KnownNode, wallMs: number): ClosedFor | null {
    const { id } = node.stored;
    return closedFor(this.#here(node), {
      rotating: this.#isRotating(id),
      usedBytes: this.#usedBytes(id),
      minute: localMinute(wallMs),
    });
  }

  /** A node that has sessions up; the front must know of it before its first route. True when something changed. */
  apply(nodeId: string, now: Moment): boolean {
    const node = this.#book.get(nodeId);
    const sessions = this.#sessions.upOfNode(nodeId);
    if (node === null || node.stored.revokedAtMs !== null || sessions.length === 0) return false;
    const isTold = this.#tellFront(node, sessions, now);
    if (this.#tellsNodes) this.#tellWorkers(node, sessions);
    this.#pace(node, sessions);
    return this.#holdQuota(node, sessions, now) || isTold;
  }

  /** As time passes or bytes do, what apply() says may change: call it again. */
  changesWithTime({ settings: { limits } }: KnownNode): boolean {
    return limits.hours !== null || limits.monthlyBytes !== null;
  }

  /** A session is over: its node's others share its rate. */
  ended(session: HubSession): void {
    this.#paces.delete(session);
    this.#named.delete(session);
    const node = this.#book.get(session.nodeId);
    if (node !== null) this.#pace(node, this.#sessions.upOfNode(session.nodeId));
  }

  #here({ stored, settings }: KnownNode): NodeSettings {
    return this.limitsHere(stored.id, settings);
  }

  revoked(nodeId: string): void {
    this.#routings.delete(nodeId);
    this.#overQuota.delete(nodeId);
    this.#toFront({ type: 'forgetNode', nodeId });
  }

  #usedBytes(nodeId: string): number {
    const { downBytes, upBytes } = this.#history.month(nodeId);
    return downBytes + upBytes;
  }

  #tellFront(node: KnownNode, sessions: readonly HubSession[], now: Moment): boolean {
    const { stored, settings } = node;
    const newest = sessions.at(-1)!;
    const status = newest.status ?? sessions.find((session) => session.status !== null)?.status ?? null;
    const routing: NodeRouting = {
      nodeId: stored.id,
      name: stored.name,
      tags: settings.tags,
      country: settings.country,
      platform: status?.platform ?? null,
      net: status?.network ?? null,
      publicAddress: status?.publicAddress ?? newest.address,
      canRotate: status?.canRotate ?? null,
      closedFor: this.closedFor(node, now.wallMs),
      streamsMax: this.#here(node).limits.streams,
    };
    const told = this.#routings.get(stored.id);
    if (told !== undefined && isSame(told, routing)) return false;
    this.#routings.set(stored.id, routing);
    this.#toFront({ type: 'routing', routing });
    return true;
  }

  /** Tells every worker with a session of the node what clients may learn about the node. */
  #tellWorkers({ stored }: KnownNode, sessions: readonly HubSession[]): void {
    const { nodeId, name, publicAddress } = this.#routings.get(stored.id)!;
    const node = { nodeId, name, publicAddress };
    for (const session of sessions) {
      const told = this.#named.get(session);
      if (told !== undefined && told.name === name && told.publicAddress === publicAddress) continue;
      this.#named.set(session, node);
      const { index, number } = session;
      this.#toWorker(session, { type: 'nameNode', index, number, node });
    }
  }

  #pace(node: KnownNode, sessions: readonly HubSession[]): void {
    const bytesPerSecond = paceOf(this.#here(node), sessions.length);
    for (const session of sessions) {
      if ((this.#paces.get(session) ?? null) === bytesPerSecond) continue;
      if (bytesPerSecond === null) this.#paces.delete(session);
      else this.#paces.set(session, bytesPerSecond);
      const { index, number } = session;
      this.#toWorker(session, { type: 'pace', index, number, bytesPerSecond });
    }
  }

  /** A quota also ends running streams, and those that were on their way when the front heard of it. */
  #holdQuota(node: KnownNode, sessions: readonly HubSession[], now: Moment): boolean {
    const { stored, settings } = node;
    const { monthlyBytes } = settings.limits;
    const isOver = isOverQuota(this.#here(node), this.#usedBytes(stored.id));
    const wasOver = this.#overQuota.get(stored.id);
    this.#overQuota.set(stored.id, isOver);
    if (!isOver) {
      if (monthlyBytes !== null) this.#history.guardQuota(now, stored.id, monthlyBytes);
      return wasOver === true;
    }
    if (wasOver === false) {
      void this.#history.write(now);
      const quota = monthlyBytes === null ? '' : ` (${gigabytes(monthlyBytes)} GB)`;
      const text = `${stored.name} has used up its quota for this month${quota}: its streams were ended`;
      this.#events.add({ kind: 'overQuota', node: stored, text }, now.wallMs, now.runMs);
    }
    for (const session of sessions) {
      const { index, number } = session;
      if (this.#slots.load(index) === 0) continue;
      this.#toWorker(session, { type: 'resetStreams', index, number, failure: 'nodeOverQuota' });
    }
    return wasOver === false;
  }
}

function isSame(one: NodeRouting, other: NodeRouting): boolean {
  return (Object.keys(one) as (keyof NodeRouting)[]).every((field) => one[field] === other[field]);
}
