// Devices that share one key: each takes the other's place, for ever. A session that answers a PING after another has taken its place belongs
// to a second device, for one that has moved or restarted is silent there. Pure: time is an argument.

import { SESSION } from '../../limits/session.ts';

export class Duplicates {
  /** By node and lane: when a session was replaced that was alive. */
  readonly #takeovers = new Map<string, number[]>();
  /** By node: when its key was last seen in use by two. */
  readonly #seenMs = new Map<string, number>();

  /** Of a session that was alive. True when that has just become one too many. */
  tookOver(nodeId: string, lane: number, nowMs: number): boolean {
    const key = `${nodeId}/${lane}`;
    const since = nowMs - SESSION.takeoverWindowMs;
    const times = [...(this.#takeovers.get(key) ?? []).filter((atMs) => atMs > since), nowMs];
    if (times.length < SESSION.takeoversMax) {
      this.#takeovers.set(key, times);
      return false;
    }
    this.#takeovers.delete(key);
    const isNew = !this.isShared(nodeId, nowMs);
    this.#seenMs.set(nodeId, nowMs);
    return isNew;
  }

  /** Another device with the node's key came while the node was there. */
  cameAgain(nodeId: string, nowMs: number): void {
    this.#seenMs.set(nodeId, nowMs);
  }

  /** Whether two devices used the node's key not long ago. */
  isShared(nodeId: string, nowMs: number): boolean {
    const seenMs = this.#seenMs.get(nodeId);
    if (seenMs === undefined) return false;
    if (nowMs - seenMs < SESSION.sharedKeyForgetMs) return true;
    this.#seenMs.delete(nodeId);
    return false;
  }

  /** The node was revoked. */
  forget(nodeId: string): void {
    this.#seenMs.delete(nodeId);
    for (const key of this.#takeovers.keys()) if (key.startsWith(`${nodeId}/`)) this.#takeovers.delete(key);
  }
}
