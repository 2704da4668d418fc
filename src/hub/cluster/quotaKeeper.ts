// Monthly quotas that the hubs of a cluster share: asks for slices before this hub runs short, and gives back what it does not need.

import { localDay, monthOfDay } from '../../base/localTime.ts';
import {
  begun,
  type QuotaRecord,
  runsShort,
  wantedBytes,
  withoutSlice,
  withSlice,
} from '../../cluster/quotaLimits.ts';
import { QUOTA } from '../../limits/cluster.ts';
import { type Bucket, ClusterAwayError, changeEntry } from './bucket.ts';

export interface QuotaKeeperOptions {
  /** Names this hub. */
  readonly hub: string;
  readonly bucket: Bucket;
  /** How many hubs there are, this one included. */
  readonly hubs: () => number;
  /** "2026-11", of the hub's local time. */
  readonly month: () => string;
  /** Of the node, in this month, counted here. */
  readonly usedBytes: (nodeId: string) => number;
  readonly bytesPerSecond: (nodeId: string) => number;
  /** On a clock that is never set back. */
  readonly nowMs: () => number;
  /** The node's limit here is another one. */
  readonly changed: (nodeId: string) => void;
  /** Not ClusterAwayError. */
  readonly onError: (error: unknown) => void;
}

/** What this hub knows of one node's quota. */
interface Held {
  month: string;
  /** Up to which its traffic of the month may go here; null: the cluster has not answered yet. */
  limitBytes: number | null;
  /** null: no question is under way. */
  asking: Promise<void> | null;
  /** The node left meanwhile. */
  isLeaving: boolean;
  /** Of the last question, or of the answer to it. */
  heardAtMs: number;
  /** The last answer gave nothing. */
  isUsedUp: boolean;
  /** The last answer gave less than was wanted: not before then again. */
  notBeforeMs: number;
}

export class QuotaKeeper {
  readonly #options: QuotaKeeperOptions;
  readonly #held = new Map<string, Held>();
  readonly #returning = new Map<string, Promise<void>>();

  constructor(options: QuotaKeeperOptions) {
    this.#options = options;
  }

  /**
   * Up to which the node's traffic of this month may go here. Behind a question, and behind an answer that gave something, a little further than
   * now: a node is not closed for the time that an answer takes, nor because it used up a slice before the next look, unless none comes.
   */
  limitOf(nodeId: string): number {
    const { usedBytes, month, nowMs } = this.#options;
    const held = this.#held.get(nodeId);
    const limit = held === undefined || held.month !== month() ? null : held.limitBytes;
    const isOpen = held === undefined || (!held.isUsedUp && nowMs() - held.heardAtMs < QUOTA.askGraceMs);
    return isOpen ? Math.max(limit ?? 0, usedBytes(nodeId) + 1) : (limit ?? 0);
  }

  /** Once a second, for each node with a quota that is connected here. */
  look(nodeId: string, quotaBytes: number): void {
    const { month, nowMs, usedBytes, bytesPerSecond } = this.#options;
    const held = this.#heldOf(nodeId);
    held.isLeaving = false;
    if (held.month !== month()) {
      held.month = month();
      held.limitBytes = null;
      held.isUsedUp = false;
      held.notBeforeMs = 0;
    }
    if (held.asking !== null || nowMs() < held.notBeforeMs) return;
    const wanted = wantedBytes(bytesPerSecond(nodeId));
    const used = usedBytes(nodeId);
    if (held.limitBytes === null || runsShort(held.limitBytes, used, wanted)) {
      held.asking = this.#ask(nodeId, held, quotaBytes, wanted);
    }
  }

  #heldOf(nodeId: string): Held {
    const known = this.#held.get(nodeId);
    if (known !== undefined) return known;
    const month = this.#options.month();
    const held: Held = {
      month,
      limitBytes: null,
      asking: null,
      isLeaving: false,
      heardAtMs: -QUOTA.askGraceMs,
      isUsedUp: false,
      notBeforeMs: 0,
    };
    this.#held.set(nodeId, held);
    return held;
  }

  /** Never rejects. */
  async #ask(nodeId: string, held: Held, quotaBytes: number, wanted: number): Promise<void> {
    const { hub, bucket, hubs, usedBytes, month, nowMs, changed } = this.#options;
    held.heardAtMs = nowMs();
    // What is on its way back is not to be found in hand.
    await this.#returning.get(nodeId);
    // By the first answer it may find what it had; a giving back whose answer was lost is overtaken then.
    const isFirst = held.limitBytes === null;
    const asked = { hub, month: month(), quotaBytes, wantedBytes: wanted, hubs: hubs() };
    try {
      let limit = 0;
      let usedThen = 0;
      await changeEntry(bucket, nodeId, (value, writtenAtMs) => {
        const record = this.#read(value, writtenAtMs);
        usedThen = usedBytes(nodeId);
        const after = withSlice(record, { ...asked, usedBytes: usedThen });
        // The others are in the next month already: what is in hand of this one lasts until this hub is as well.
        if (after.month !== asked.month) {
          limit = held.limitBytes ?? usedThen;
          return null;
        }
        limit = after.limits[hub]!;
        const isSame = record?.month === after.month && record.limits[hub] === limit;
        return isSame && !isFirst ? null : writeQuota(after);
      });
      held.limitBytes = limit;
      held.isUsedUp = limit <= usedThen;
      held.heardAtMs = nowMs();
      const hasEnough = limit - usedBytes(nodeId) >= wanted / 2;
      held.notBeforeMs = hasEnough || !held.isUsedUp ? 0 : nowMs() + QUOTA.askAgainMs;
    } catch (error) {
      this.#failed(error);
      held.isUsedUp = (held.limitBytes ?? 0) <= usedBytes(nodeId);
      // The cluster is away: what this hub has in hand is what it may use.
      held.notBeforeMs = nowMs() + QUOTA.askAgainMs;
    } finally {
      held.asking = null;
      changed(nodeId);
    }
  }

  /** The node has left, or has no quota any more: other hubs may have what is left here. Never rejects. */
  async giveBack(nodeId: string): Promise<void> {
    const held = this.#held.get(nodeId);
    if (held === undefined) return;
    held.isLeaving = true;
    await held.asking;
    if (!held.isLeaving) return;
    this.#held.delete(nodeId);
    if (held.limitBytes === null || held.limitBytes <= this.#options.usedBytes(nodeId)) return;
    const returned = this.#giveBack(nodeId);
    this.#returning.set(nodeId, returned);
    await returned;
    if (this.#returning.get(nodeId) === returned) this.#returning.delete(nodeId);
  }

  async #giveBack(nodeId: string): Promise<void> {
    const { hub, bucket, month, usedBytes } = this.#options;
    try {
      await changeEntry(bucket, nodeId, (value, writtenAtMs) => {
        const record = this.#read(value, writtenAtMs);
        // It was given back by an earlier run, or the month is over.
        if (record === null || record.month !== month() || !(hub in record.limits)) return null;
        return writeQuota(withoutSlice(record, hub, month(), usedBytes(nodeId)));
      });
    } catch (error) {
      this.#failed(error);
    }
  }

  #read(value: Uint8Array | null, writtenAtMs: number | undefined): QuotaRecord | null {
    const record = value === null ? null : readQuota(value);
    if (writtenAtMs === undefined) return record;
    return begun(record, monthOfDay(localDay(writtenAtMs + QUOTA.monthEarlyMs)));
  }

  /** The hub stops. Never rejects. */
  async giveBackAll(): Promise<void> {
    await Promise.all([...this.#held.keys()].map((nodeId) => this.giveBack(nodeId)));
  }

  #failed(error: unknown): void {
    if (!(error instanceof ClusterAwayError)) this.#options.onError(error);
  }
}

const VERSION = 1;

function writeQuota({ month, limits }: QuotaRecord): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ v: VERSION, month, limits }));
}

/** null: it is none. Throws on a later version's: nothing may be granted beside it. */
function readQuota(bytes: Uint8Array): QuotaRecord | null {
  const value = JSON.parse(new TextDecoder().decode(bytes)) as {
    v?: unknown;
    month?: unknown;
    limits?: unknown;
  };
  if (value.v !== VERSION) throw new Error('a later version of restunnel divides this quota');
  const { month, limits } = value;
  if (typeof month !== 'string' || typeof limits !== 'object' || limits === null) return null;
  const isCounted = Object.values(limits).every((bytes) => Number.isSafeInteger(bytes) && bytes >= 0);
  return isCounted ? { month, limits: limits as Record<string, number> } : null;
}
