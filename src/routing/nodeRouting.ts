// What routing knows of a node beyond its sessions: sent by control before the node's first route and at every change, used by the
// front's router. Types only, but for the failures that closed nodes stand for.

import type { FailureName } from '../model/failures.ts';
import type { Network } from '../model/fleet.ts';

/** Why a connected node takes no new streams. */
export type ClosedFor = 'paused' | 'overQuota' | 'offHours' | 'rotating';

export interface NodeRouting {
  readonly nodeId: string;
  readonly name: string;
  readonly tags: readonly string[];
  /** ISO 3166-1 alpha-2, in capitals. */
  readonly country: string | null;
  readonly platform: string | null;
  readonly net: Network | null;
  readonly publicAddress: string | null;
  /** null: it takes new streams. */
  readonly closedFor: ClosedFor | null;
  /** Open at once, over all lanes; null: no limit but the engine's. */
  readonly streamsMax: number | null;
}

/** What a client is told when every node that fits is closed, and for this. */
export const CLOSED_FAILURE: Readonly<Record<ClosedFor, FailureName>> = {
  paused: 'nodePaused',
  overQuota: 'nodeOverQuota',
  offHours: 'nodeOffHours',
  rotating: 'nodeRotating',
};

/** A node that control has said nothing about yet: open, and without anything to be chosen by but its id. */
export function unknownNode(nodeId: string): NodeRouting {
  return {
    nodeId,
    name: nodeId,
    tags: [],
    country: null,
    platform: null,
    net: null,
    publicAddress: null,
    closedFor: null,
    streamsMax: null,
  };
}
