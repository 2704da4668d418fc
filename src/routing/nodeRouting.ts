// What routing knows of a node beyond its sessions. Control sends it before the node's first route and at every change. Pure.

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
  /** Whether it can get a new address on request; null: an older version, which does not say. */
  readonly canRotate: boolean | null;
  /** null: it takes new streams. */
  readonly closedFor: ClosedFor | null;
  /** Streams open at once, over all lanes; null: only the engine's own limit. */
  readonly streamsMax: number | null;
}

/** What a client hears when all nodes that fit are closed, most of them for this reason. */
export const CLOSED_FAILURE: Readonly<Record<ClosedFor, FailureName>> = {
  paused: 'nodePaused',
  overQuota: 'nodeOverQuota',
  offHours: 'nodeOffHours',
  rotating: 'nodeRotating',
};

/** A node that control has not described yet: it takes streams, and can be asked for by its id alone. */
export function unknownNode(nodeId: string): NodeRouting {
  return {
    nodeId,
    name: nodeId,
    tags: [],
    country: null,
    platform: null,
    net: null,
    publicAddress: null,
    canRotate: null,
    closedFor: null,
    streamsMax: null,
  };
}
