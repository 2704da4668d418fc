// What happened to the hub and its nodes, for the owner to read: the last events in memory, all of them in bounded tables of the store, to
// which new ones go once a second. Events that would flood the list are summed up there once a minute, and stay in each device's own history.

import { Bucket } from '../../base/tokenBucket.ts';
import { EVENTS } from '../../limits/owner.ts';
import type { EventKind, EventQuery, EventRecord } from '../../model/fleet.ts';
import type { LastEvent } from '../store/eventTable.ts';
import type { HubStore } from '../store/hubStore.ts';
import { EventSums } from './eventSums.ts';

export interface NewEvent {
  readonly kind: EventKind;
  readonly node?: { readonly id: string; readonly name: string } | null;
  /** A sentence without secrets. */
  readonly text: string;
  /** The device came or left by it, all its lanes together. */
  readonly moved?: boolean;
}

/** Kinds of which each device keeps its own, whatever the list leaves out; strangers can cause none of them. */
const OF_DEVICES: ReadonlySet<EventKind> = new Set<EventKind>([
  'paired',
  'connected',
  'disconnected',
  'overQuota',
  'rotated',
]);

/** The owner's own doing, and what comes once a run: never left out. */
const ALWAYS: ReadonlySet<EventKind> = new Set<EventKind>([
  'hubStarted',
  'hubStopping',
  'linkMade',
  'linkCancelled',
  'changed',
  'revoked',
  'userChanged',
  'rulesLoaded',
]);

export class Events {
  readonly #store: HubStore;
  readonly #buckets = new Map<EventKind, Bucket>();
  readonly #sums = new EventSums();
  /** The newest, oldest first: all that are not in the table yet, and some that are. */
  #latest: EventRecord[] = [];
  /** What only the history of its device has, and the table does not yet, oldest first. */
  #ownUnwritten: EventRecord[] = [];
  #nextNumber: number;
  /** The newest that the table has. */
  #writtenNumber: number;

  /** Goes on from what the table holds. */
  constructor(store: HubStore, last: LastEvent) {
    this.#store = store;
    // A hub that was killed had told numbers to viewers which it never wrote.
    const skipped =
      last.kind === null || last.kind === 'hubStopping' ? 0 : EVENTS.pendingMax + EVENTS.ownPendingMax;
    this.#nextNumber = last.number + 1 + skipped;
    this.#writtenNumber = this.#nextNumber - 1;
  }

  /** The number of the newest event. */
  get lastNumber(): number {
    return this.#nextNumber - 1;
  }

  /** @param runMs on a clock that nobody sets back */
  add({ kind, node = null, text, moved = false }: NewEvent, wallMs: number, runMs: number): void {
    const isListed = ALWAYS.has(kind) || this.#mayList(kind, runMs);
    if (!ALWAYS.has(kind)) this.#sums.add(kind, moved ? (node?.id ?? null) : null, isListed, runMs);
    if (!isListed && (node === null || !OF_DEVICES.has(kind))) return;
    const list = isListed ? this.#latest : this.#ownUnwritten;
    list.push({
      number: this.#nextNumber++,
      at: new Date(wallMs).toISOString(),
      kind,
      nodeId: node?.id ?? null,
      nodeName: node?.name ?? null,
      text: text.slice(0, EVENTS.textMaxChars),
    });
    if (isListed) this.#trim();
    else if (list.length > EVENTS.ownPendingMax) list.shift();
  }

  #mayList(kind: EventKind, nowMs: number): boolean {
    const burst = kind === 'refused' ? EVENTS.strangersBurst : EVENTS.burst;
    let bucket = this.#buckets.get(kind);
    if (bucket === undefined) {
      bucket = new Bucket(burst, nowMs);
      this.#buckets.set(kind, bucket);
    }
    return bucket.take(EVENTS.perSecond, burst, nowMs);
  }

  /** Once a minute has passed with more than the list takes, or at the hub's end: an event that tells how much it was. */
  sumUp(isConnected: (nodeId: string) => boolean, wallMs: number, runMs: number, isEnd = false): void {
    if (!isEnd && !this.#sums.isDue(runMs)) return;
    for (const { kind, text } of this.#sums.take(isConnected)) {
      const at = new Date(wallMs).toISOString();
      this.#latest.push({ number: this.#nextNumber++, at, kind, nodeId: null, nodeName: null, text });
      this.#trim();
    }
  }

  /** What the table does not have yet, oldest first. */
  unwritten(): EventRecord[] {
    return this.#latest.slice(this.#unwrittenAt());
  }

  /** The same of the devices' own histories: what the list leaves out. */
  ownUnwritten(): EventRecord[] {
    return [...this.#ownUnwritten];
  }

  /** The tables have all that both gave up to this number. */
  written(number: number): void {
    this.#writtenNumber = number;
    this.#trim();
    const at = this.#ownUnwritten.findIndex((event) => event.number > number);
    this.#ownUnwritten = at < 0 ? [] : this.#ownUnwritten.slice(at);
  }

  #unwrittenAt(): number {
    const at = this.#latest.findIndex(({ number }) => number > this.#writtenNumber);
    return at < 0 ? this.#latest.length : at;
  }

  #trim(): void {
    const unwrittenMax = EVENTS.pendingMax;
    const latest = this.#latest;
    while (latest.length > EVENTS.latestMax) {
      const isWritten = latest[0]!.number <= this.#writtenNumber;
      if (!isWritten && latest.length <= unwrittenMax) return;
      latest.shift();
    }
  }

  /** From memory, the newest of those after a number, oldest first. */
  latest(after: number, max: number): readonly EventRecord[] {
    return this.#latest.filter(({ number }) => number > after).slice(-max);
  }

  /** Newest first; of one node all that its own history has. Rejects with UserError when the store cannot be read. */
  async read(query: EventQuery): Promise<EventRecord[]> {
    const needle = query.contains?.toLowerCase();
    const unwritten = this.unwritten();
    if (query.nodeId !== undefined) {
      unwritten.push(...this.#ownUnwritten);
      unwritten.sort((one, other) => one.number - other.number);
    }
    const fresh = unwritten.filter((event) => matches(event, query, needle)).reverse();
    if (fresh.length >= query.limit) return fresh.slice(0, query.limit);
    // They may be written while the store looks.
    const oldest = unwritten[0]?.number ?? Number.POSITIVE_INFINITY;
    const before = Math.min(query.before ?? Number.POSITIVE_INFINITY, oldest);
    const stored = await this.#store.ask('readEvents', {
      ...query,
      ...(Number.isFinite(before) ? { before } : {}),
      limit: query.limit - fresh.length,
    });
    return [...fresh, ...stored];
  }
}

function matches(event: EventRecord, query: EventQuery, needle: string | undefined): boolean {
  const { kinds, nodeId, before, after } = query;
  return (
    (kinds === undefined || kinds.includes(event.kind)) &&
    (nodeId === undefined || event.nodeId === nodeId) &&
    (before === undefined || event.number < before) &&
    (after === undefined || event.number > after) &&
    (needle === undefined || event.text.toLowerCase().includes(needle))
  );
}
