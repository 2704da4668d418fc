// The order of devices in the table, and which of them a filter lets through. Pure.

import type { NodeState, NodeView } from '../../model/fleet.ts';
import { indirectWords, networkWords, platformWords, stateWords } from './wording.ts';

export const ORDERS = {
  name: 'Name',
  state: 'State',
  throughput: 'Throughput',
  streams: 'Streams',
  today: 'Today',
  month: 'Month',
  roundTrip: 'Round trip',
} as const;
export type Order = keyof typeof ORDERS;

/** What works first, what is gone for good last. */
const STATE_RANK: Readonly<Record<NodeState, number>> = {
  connected: 0,
  rotating: 1,
  draining: 2,
  paused: 3,
  overQuota: 4,
  offHours: 5,
  away: 6,
  revoked: 7,
};

const BY: Readonly<Record<Order, (node: NodeView) => number>> = {
  name: () => 0,
  state: ({ state }) => STATE_RANK[state],
  throughput: ({ downBytesPerSecond, upBytesPerSecond }) => -(downBytesPerSecond + upBytesPerSecond),
  streams: ({ streams }) => -streams,
  today: ({ today }) => -(today.downBytes + today.upBytes),
  month: ({ month }) => -(month.downBytes + month.upBytes),
  roundTrip: ({ connected, roundTripMs }) => (connected ? (roundTripMs ?? 1e9) : 1e9),
};

const names = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

/** Equal ones by name, then by id, so that equal rows keep their places. */
export function compareNodes(a: NodeView, b: NodeView, order: Order): number {
  return BY[order](a) - BY[order](b) || names.compare(a.name, b.name) || (a.id < b.id ? -1 : 1);
}

/** Every word of the filter is somewhere in the row. */
export function matchesFilter(node: NodeView, filter: string): boolean {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const text = [
    node.name,
    node.id,
    ...node.tags,
    node.country ?? '',
    node.publicAddress ?? '',
    ...(node.hubs ?? []),
    networkWords(node.network),
    indirectWords(node),
    platformWords(node.platform),
    stateWords(node).label,
  ]
    .join('\n')
    .toLowerCase();
  return words.every((word) => text.includes(word));
}
