// How often clients may have a node change its address: a rotation takes the node away from all others for a while. Pure: time is an
// argument.

import { SETTINGS } from '../limits/owner.ts';

export class RotationPauses {
  /** By node, and by user and node: when the next one may be. Oldest first, as all pauses of a map are equally long. */
  readonly #nodes = new Map<string, number>();
  readonly #users = new Map<string, number>();

  /** How long the node has to be left alone, by everybody or by this user; 0: it may be asked. */
  leftMs(user: string, nodeId: string, nowMs: number): number {
    const untilMs = Math.max(this.#nodes.get(nodeId) ?? 0, this.#users.get(keyOf(user, nodeId)) ?? 0);
    return Math.max(0, untilMs - nowMs);
  }

  /** A rotation for this user is over, whether it brought a new address or not. */
  begin(user: string, nodeId: string, nowMs: number): void {
    put(this.#nodes, nodeId, SETTINGS.rotationNodePauseMs, nowMs);
    put(this.#users, keyOf(user, nodeId), SETTINGS.rotationUserPauseMs, nowMs);
  }
}

function put(pauses: Map<string, number>, key: string, pauseMs: number, nowMs: number): void {
  pauses.delete(key);
  pauses.set(key, nowMs + pauseMs);
  for (const [oldest, untilMs] of pauses) {
    if (untilMs > nowMs) return;
    pauses.delete(oldest);
  }
}

/** Ids of nodes hold no space. */
function keyOf(user: string, nodeId: string): string {
  return `${nodeId} ${user}`;
}
