// How what two hubs say of one device becomes one record, whatever comes first: revocation, enrolment, names and settings. Pure.

import type { NodeSettings } from '../model/fleet.ts';
import type { NodeRecord, TokenRecord } from './records.ts';

/** A revocation beats all that was there; an enrolment after it beats the revocation. */
export function isRevoked({
  enrolledAtMs,
  revokedAtMs,
}: Pick<NodeRecord, 'enrolledAtMs' | 'revokedAtMs'>): boolean {
  return revokedAtMs !== null && revokedAtMs >= enrolledAtMs;
}

/** Both are of one device. The order does not matter, nor how often one is merged. */
export function mergeNodes(one: NodeRecord, other: NodeRecord): NodeRecord {
  const named = isLater(one, other) ? one : other;
  return {
    id: one.id,
    publicKey: one.publicKey,
    name: named.name,
    createdAtMs: Math.min(one.createdAtMs, other.createdAtMs),
    enrolledAtMs: Math.max(one.enrolledAtMs, other.enrolledAtMs),
    revokedAtMs: latest(one.revokedAtMs, other.revokedAtMs),
    changedAtMs: named.changedAtMs,
    settings: named.settings,
  };
}

/** Of two changes in one millisecond, every hub chooses the same. */
function isLater(one: NodeRecord, other: NodeRecord): boolean {
  if (one.changedAtMs !== other.changedAtMs) return one.changedAtMs > other.changedAtMs;
  return words(one) > words(other);
}

function words({ name, settings }: NodeRecord): string {
  const { tags, country, paused, limits, rotateSchedule } = settings;
  const { mbitPerSecond, streams, monthlyBytes, hours } = limits;
  return JSON.stringify([
    name,
    tags,
    country,
    paused,
    mbitPerSecond,
    streams,
    monthlyBytes,
    hours,
    rotateSchedule,
  ]);
}

function latest(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other;
  return Math.max(one, other);
}

/** Clocks of hubs differ: it is later than the enrolment that it ends. */
export function revoked(record: NodeRecord, nowMs: number): NodeRecord {
  if (isRevoked(record)) return record;
  return { ...record, revokedAtMs: Math.max(nowMs, record.enrolledAtMs) };
}

/** Later than the revocation that it ends. */
export function enrolled(record: NodeRecord, nowMs: number): NodeRecord {
  return { ...record, enrolledAtMs: Math.max(nowMs, record.enrolledAtMs, (record.revokedAtMs ?? -1) + 1) };
}

/** What the owner changed between `base` and `wanted`, made to what another hub has made of it meanwhile. */
export function rebaseSettings(
  base: NodeSettings,
  wanted: NodeSettings,
  current: NodeSettings,
): NodeSettings {
  const pick = <Value>(was: Value, wish: Value, is: Value): Value =>
    JSON.stringify(was) === JSON.stringify(wish) ? is : wish;
  return {
    tags: pick(base.tags, wanted.tags, current.tags),
    country: pick(base.country, wanted.country, current.country),
    paused: pick(base.paused, wanted.paused, current.paused),
    limits: {
      mbitPerSecond: pick(
        base.limits.mbitPerSecond,
        wanted.limits.mbitPerSecond,
        current.limits.mbitPerSecond,
      ),
      streams: pick(base.limits.streams, wanted.limits.streams, current.limits.streams),
      monthlyBytes: pick(base.limits.monthlyBytes, wanted.limits.monthlyBytes, current.limits.monthlyBytes),
      hours: pick(base.limits.hours, wanted.limits.hours, current.limits.hours),
    },
    rotateSchedule: pick(base.rotateSchedule, wanted.rotateSchedule, current.rotateSchedule),
  };
}

/**
 * What a device may do with a token. `claim`: nobody has used it. `again`: this device has, and perhaps did not hear of it. `refuse`: it is
 * worth nothing; a revocation ends what the device had used before it.
 */
export function tokenWord(
  token: TokenRecord | null,
  nodeId: string,
  node: NodeRecord | null,
  nowMs: number,
): 'claim' | 'again' | 'refuse' {
  if (token === null || token.cancelledAtMs !== null || token.expiresAtMs <= nowMs) return 'refuse';
  const { usedBy, usedAtMs } = token;
  if (usedBy === null || usedAtMs === null) return 'claim';
  if (usedBy !== nodeId) return 'refuse';
  const revokedAtMs = node?.revokedAtMs ?? null;
  return revokedAtMs !== null && revokedAtMs >= usedAtMs ? 'refuse' : 'again';
}

/** Later than a revocation that stands already. */
export function claimed(
  token: TokenRecord,
  nodeId: string,
  node: NodeRecord | null,
  nowMs: number,
): TokenRecord {
  return { ...token, usedBy: nodeId, usedAtMs: Math.max(nowMs, (node?.revokedAtMs ?? -1) + 1) };
}
