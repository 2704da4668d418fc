// A paired node as `nodes --json`, the control socket and the dashboard show it. Pure. Made by the hub and, while none runs, by
// `restunnel nodes`.

import type { StoredNode } from '../store/storedNode.ts';

export interface ListedNode {
  readonly id: string;
  readonly name: string;
  readonly connected: boolean;
  readonly streams: number;
  /** ISO 8601, as all times here. */
  readonly createdAt: string;
  readonly lastSeenAt: string;
  readonly revoked: boolean;
  readonly revokedAt: string | null;
}

/** What only a running hub knows of a node. */
export interface LiveNode {
  readonly connected: boolean;
  readonly streams: number;
}

const NOT_CONNECTED: LiveNode = { connected: false, streams: 0 };

export function listedNode(node: StoredNode, live: LiveNode = NOT_CONNECTED): ListedNode {
  return {
    id: node.id,
    name: node.name,
    connected: live.connected,
    streams: live.streams,
    createdAt: new Date(node.createdAtMs).toISOString(),
    lastSeenAt: new Date(node.lastSeenAtMs).toISOString(),
    revoked: node.revokedAtMs !== null,
    revokedAt: node.revokedAtMs === null ? null : new Date(node.revokedAtMs).toISOString(),
  };
}
