// How often a paired device may shake hands: each handshake costs the store a write and the table of sessions an index. Pure: time is an
// argument.

import { Bucket } from '../../base/tokenBucket.ts';
import { CONTROL } from '../../limits/owner.ts';
import { SESSION } from '../../limits/session.ts';

export class HandshakeRates {
  /** By node, longest idle first. */
  readonly #buckets = new Map<string, Bucket>();

  /** Whether the node may be asked about now. A key that never got in has no budget here: the front bounds it by its address. */
  allows(nodeId: string, nowMs: number): boolean {
    const bucket = this.#buckets.get(nodeId);
    if (bucket === undefined) return true;
    return bucket.take(SESSION.handshakesPerKeyPerSecond, SESSION.handshakesPerKeyBurst, nowMs);
  }

  /** It was refused: a recorded message of the node's, said again by anyone, must not use up what the node needs. */
  refused(nodeId: string): void {
    this.#buckets.get(nodeId)?.giveBack(SESSION.handshakesPerKeyBurst);
  }

  /** The node was admitted: from now on its handshakes count. */
  admitted(nodeId: string, nowMs: number): void {
    const bucket = this.#buckets.get(nodeId) ?? new Bucket(SESSION.handshakesPerKeyBurst - 1, nowMs);
    this.#buckets.delete(nodeId);
    this.#buckets.set(nodeId, bucket);
    if (this.#buckets.size <= CONTROL.nodesMax) return;
    for (const idle of this.#buckets.keys()) {
      this.#buckets.delete(idle);
      return;
    }
  }
}
