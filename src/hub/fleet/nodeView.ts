// A node as its owner sees it: the store, its sessions, its STATUS and the counters in one record. Pure.

import type { NodeState, NodeView, NodeWay, Traffic } from '../../model/fleet.ts';
import type { ClosedFor } from '../../routing/nodeRouting.ts';
import type { HubSession } from '../sessions/sessionTable.ts';
import type { Rates } from '../traffic/traffic.ts';
import type { KnownNode } from './nodeSettings.ts';

export interface NodeFacts {
  readonly isKeyShared: boolean;
  /** Sessions that are up, oldest first. */
  readonly sessions: readonly HubSession[];
  /** Of the sessions, in the same order; below 0: not measured yet. */
  readonly roundTripsMs: readonly number[];
  readonly streams: number;
  readonly closedFor: ClosedFor | null;
  readonly rates: Rates;
  readonly today: Traffic;
  readonly month: Traffic;
  /** What the device said last, and from where it came, also when it is away. */
  readonly lastStatus: HubSession['status'];
  readonly lastAddress: string | null;
  readonly nowMs: number;
}

export function nodeView({ stored, settings }: KnownNode, facts: NodeFacts): NodeView {
  const { sessions, roundTripsMs, lastStatus: status } = facts;
  const connected = sessions.length > 0;
  const measured = roundTripsMs.filter((ms) => ms >= 0);
  return {
    id: stored.id,
    name: stored.name,
    ...settings,
    state: stateOf(stored.revokedAtMs !== null, facts),
    connected,
    revoked: stored.revokedAtMs !== null,
    createdAt: new Date(stored.createdAtMs).toISOString(),
    lastSeenAt: new Date(connected ? facts.nowMs : stored.lastSeenAtMs).toISOString(),
    revokedAt: stored.revokedAtMs === null ? null : new Date(stored.revokedAtMs).toISOString(),
    platform: status?.platform ?? null,
    network: status?.network ?? null,
    version: status?.version ?? null,
    batteryPercent: status?.batteryPercent ?? null,
    charging: status?.charging ?? null,
    publicAddress: status?.publicAddress ?? facts.lastAddress,
    canRotate: status?.canRotate ?? null,
    keyShared: facts.isKeyShared,
    way: wayOf(sessions),
    via: sessions.findLast(({ status }) => status?.via != null)?.status?.via ?? null,
    lanes: sessions.length,
    roundTripMs: measured.length === 0 ? null : Math.min(...measured),
    streams: facts.streams,
    ...facts.rates,
    today: facts.today,
    month: facts.month,
  };
}

function stateOf(revoked: boolean, { sessions, closedFor }: NodeFacts): NodeState {
  if (revoked) return 'revoked';
  if (sessions.length === 0) return closedFor === 'rotating' ? 'rotating' : 'away';
  if (closedFor === 'rotating') return 'rotating';
  if (sessions.every((session) => session.draining)) return 'draining';
  return closedFor ?? 'connected';
}

function wayOf(sessions: readonly HubSession[]): NodeWay | null {
  const webSockets = sessions.filter(({ webSocket }) => webSocket).length;
  if (webSockets === 0) return sessions.length === 0 ? null : 'tcp';
  return webSockets === sessions.length ? 'webSocket' : 'both';
}

/** Whether two views show the same; when a connected node was last seen is always now. */
export function showsSame(one: NodeView, other: NodeView): boolean {
  for (const field of Object.keys(one) as (keyof NodeView)[]) {
    if (field === 'lastSeenAt' && one.connected && other.connected) continue;
    const [a, b] = [one[field], other[field]];
    if (a === b) continue;
    if (field === 'hubs' && isSameList(one[field], other[field])) continue;
    if ((field === 'today' || field === 'month') && isSameTraffic(one[field], other[field])) continue;
    return false;
  }
  return true;
}

function isSameList(one: readonly string[] = [], other: readonly string[] = []): boolean {
  return one.length === other.length && one.every((item, at) => item === other[at]);
}

export function isSameTraffic(one: Traffic, other: Traffic): boolean {
  return one.downBytes === other.downBytes && one.upBytes === other.upBytes;
}
