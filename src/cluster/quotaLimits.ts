// A node's monthly quota, divided among the hubs of a cluster in slices. Every hub has a limit of its own, up to which its traffic of the
// month may go; the limits together are never more than the quota. Pure: the record is changed by compare-and-set elsewhere.

import { QUOTA } from '../limits/cluster.ts';

/** As all hubs see it. A hub that crashes finds its own limit again. */
export interface QuotaRecord {
  /** "2026-11", in the hubs' local time. */
  readonly month: string;
  /** By hub: bytes of this month. */
  readonly limits: Readonly<Record<string, number>>;
}

export interface QuotaAsked {
  readonly hub: string;
  /** As the hub's clock has it. */
  readonly month: string;
  /** What the hub has counted in its month. */
  readonly usedBytes: number;
  readonly quotaBytes: number;
  /** What the hub would like to have in hand beyond what it has used. */
  readonly wantedBytes: number;
  /** Hubs that may come to use the node. */
  readonly hubs: number;
}

/**
 * The record with a higher limit for one hub, which is as low as its use when nothing is left. A hub gets at most a share of what is left, so that the
 * last hub to ask finds some. A month that begins later on the hub's clock is left alone: the hub counts the bytes of another.
 */
export function withSlice(record: QuotaRecord | null, asked: QuotaAsked): QuotaRecord {
  if (record !== null && record.month > asked.month) return record;
  const { hub, usedBytes, quotaBytes, wantedBytes, hubs } = asked;
  const { month, limits } = currentRecord(record, asked.month);
  const granted = sumOf(limits, hub);
  // More than its limit: what it moved while it waited for the answer.
  const own = Math.max(limits[hub] ?? 0, usedBytes);
  const left = quotaBytes - granted - own;
  const missing = usedBytes + wantedBytes - own;
  const share = Math.max(Math.floor(left / (QUOTA.shareDivisor * Math.max(1, hubs))), QUOTA.sliceMinBytes);
  const slice = Math.max(0, Math.min(left, missing, share));
  return { month, limits: { ...limits, [hub]: own + slice } };
}

/** The record when a hub keeps only what it has used. */
export function withoutSlice(
  record: QuotaRecord | null,
  hub: string,
  month: string,
  usedBytes: number,
): QuotaRecord {
  if (record !== null && record.month > month) return record;
  const current = currentRecord(record, month);
  return { month: current.month, limits: { ...current.limits, [hub]: usedBytes } };
}

/** null for a record of a month that had not begun when it was written: the hub's clock was ahead, and nobody could use the quota until then. */
export function begun(record: QuotaRecord | null, newestMonth: string): QuotaRecord | null {
  return record !== null && record.month > newestMonth ? null : record;
}

/** A new month begins with the first hub whose clock says so. */
function currentRecord(record: QuotaRecord | null, month: string): QuotaRecord {
  return record === null || record.month < month ? { month, limits: {} } : record;
}

function sumOf(limits: QuotaRecord['limits'], except: string): number {
  let sum = 0;
  for (const [hub, bytes] of Object.entries(limits)) if (hub !== except) sum += bytes;
  return sum;
}

/** How much a hub should have in hand for a node: some seconds of its traffic, and at least a slice that is worth a question. */
export function wantedBytes(bytesPerSecond: number): number {
  return Math.max(QUOTA.sliceMinBytes, Math.ceil(bytesPerSecond * QUOTA.inHandSeconds));
}

/** Whether it is time to ask for more: half of what it should have in hand is gone. */
export function runsShort(limitBytes: number, usedBytes: number, wanted: number): boolean {
  return limitBytes - usedBytes < wanted / 2;
}
