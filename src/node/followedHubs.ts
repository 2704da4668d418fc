// What a device makes of its cluster's list of hubs: which it dials, and which of its own it may leave. Pure.

import type { HubList, ListedHub } from '../cluster/hubList.ts';
import { rankedFor } from '../cluster/rendezvous.ts';

/** A hub that the device serves because it follows this cluster. */
export interface FollowedHub {
  /** base64url. */
  readonly publicKey: string;
  readonly host: string;
  readonly port: number;
  readonly isConnected: boolean;
}

export interface HubPlan {
  readonly add: readonly ListedHub[];
  /** At another address than before. */
  readonly move: readonly ListedHub[];
  /** Public keys. */
  readonly leave: readonly string[];
}

export interface PlanInput {
  /** base64url. */
  readonly devicePublicKey: string;
  readonly list: HubList;
  /** Those of this cluster alone. */
  readonly followed: readonly FollowedHub[];
  /** Public keys of the hubs that this device serves without a cluster, or for another one: they stay as they are. */
  readonly others: ReadonlySet<string>;
  /** How many hubs of the cluster the device dials at most. */
  readonly max: number;
}

/**
 * The hubs at the top of the device's own ranking of the list. A hub that is not among them is left once one of those is connected: no
 * list takes the last hub that works.
 */
export function planHubs({ devicePublicKey, list, followed, others, max }: PlanInput): HubPlan {
  const chosen = chosenHubs(devicePublicKey, list, max).filter(({ publicKey }) => !others.has(publicKey));
  const served = new Map(followed.map((hub) => [hub.publicKey, hub]));
  const wanted = new Set(chosen.map(({ publicKey }) => publicKey));
  const isReached = followed.some(({ publicKey, isConnected }) => isConnected && wanted.has(publicKey));
  return {
    add: chosen.filter(({ publicKey }) => !served.has(publicKey)),
    move: chosen.filter(({ publicKey, host, port }) => {
      const hub = served.get(publicKey);
      return hub !== undefined && (hub.host !== host || hub.port !== port);
    }),
    leave: isReached
      ? followed.filter(({ publicKey }) => !wanted.has(publicKey)).map(({ publicKey }) => publicKey)
      : [],
  };
}

function chosenHubs(devicePublicKey: string, { hubs, perDevice }: HubList, max: number): ListedHub[] {
  const device = Buffer.from(devicePublicKey, 'base64url');
  const ranked = rankedFor(device, hubs, ({ publicKey }) => Buffer.from(publicKey, 'base64url'));
  return ranked.slice(0, Math.min(max, perDevice ?? max));
}
