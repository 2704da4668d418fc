// What happened to the hub and its nodes, for the owner to read: the last events in memory, all of them in a bounded table of the store,
// to which new ones go once a second.

import { Bucket } from '../../base/tokenBucket.ts';
import { EVENTS } from '../../limits/ownerBounds.ts';
import type { EventKind, EventQuery, EventRecord } from '../../model/fleet.ts';
import type { LastEvent } from '../store/eventTable.ts';
import type { HubStore } from '../store/hubStore.ts';

export interface NewEvent {
  readonly kind: EventKind;
  readonly node?: { readonly id: string; readonly name: string } | null;
  /** A sentence without secrets. */
  readonly text: string;
}

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
  readonly #throttles = new Map<EventKind, { readonly bucket: Bucket; leftOut: number }>();
  /** The newest, oldest first: all that are not in the table yet, and some that are. */
  #latest: EventRecord[] = [];
  #nextNumber: number;
  /** The newest that the table has. */
  #writtenNumber: number;

  /** Goes on from what the table holds. */
  constructor(store: HubStore, last: LastEvent) {
    this.#store = store;
    // A hub that was killed had told numbers to viewers which it never wrote.
    const skipped = last.kind === null || last.kind === 'hubStopping' ? 0 : EVENTS.pendingMax;
    this.#nextNumber = last.number + 1 + skipped;
    this.#writtenNumber = this.#nextNumber - 1;
  }

  /** The number of the newest event. */
  get lastNumber(): number {
    return this.#nextNumber - 1;
  }

  /** @param runMs on a clock that nobody sets back */
  add({ kind, node = null, text }: NewEvent, wallMs: number, runMs: number): void {
    const more = ALWAYS.has(kind) ? '' : this.#throttle(kind, runMs);
    if (more === null) return;
    this.#latest.push({
      number: this.#nextNumber++,
      at: new Date(wallMs).toISOString(),
      kind,
      nodeId: node?.id ?? null,
      nodeName: node?.name ?? null,
      text: text.slice(0, EVENTS.textMaxChars) + more,
    });
    this.#trim();
  }

  /** What to add to the text; null: it is left out. */
  #throttle(kind: EventKind, nowMs: number): string | null {
    const burst = kind === 'refused' ? EVENTS.strangersBurst : EVENTS.burst;
    let throttle = this.#throttles.get(kind);
    if (throttle === undefined) {
      throttle = { bucket: new Bucket(burst, nowMs), leftOut: 0 };
      this.#throttles.set(kind, throttle);
    }
    if (!throttle.bucket.take(EVENTS.perSecond, burst, nowMs)) {
      throttle.leftOut++;
      return null;
    }
    const { leftOut } = throttle;
    throttle.leftOut = 0;
    return leftOut === 0 ? '' : ` (${leftOut} more of this kind were left out)`;
  }

  /** What the table does not have yet, oldest first. */
  unwritten(): EventRecord[] {
    return this.#latest.slice(this.#unwrittenAt());
  }

  /** The table has all that unwritten() gave up to this number. */
  written(number: number): void {
    this.#writtenNumber = number;
    this.#trim();
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

  /** Newest first. Rejects with UserError when the store cannot be read. */
  async read(query: EventQuery): Promise<EventRecord[]> {
    const needle = query.contains?.toLowerCase();
    const unwritten = this.unwritten();
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
