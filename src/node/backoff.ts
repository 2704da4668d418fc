// How long a node waits before it dials a lost hub again: capped exponential with full jitter, so that the nodes of a restarted hub
// don't come back in step. Pure: time and randomness are arguments.

import { NODE } from '../limits/node.ts';

const NEVER = -1;

export class Backoff {
  #failures = 0;
  #connectedAtMs = NEVER;

  /** The hub's first record came. */
  connected(nowMs: number): void {
    this.#connectedAtMs = nowMs;
  }

  /** The network has changed: earlier failures say nothing about the new one. */
  forget(): void {
    this.#failures = 0;
    this.#connectedAtMs = NEVER;
  }

  /**
   * The session ended or the attempt failed: milliseconds to wait, 0 <= wait < NODE.backoffMaxMs. A session that lived
   * NODE.backoffResetMs makes the pauses start over. A shorter one does not: a hub that drops its nodes at once, and two devices with one
   * key that take each other's place, would dial without a pause.
   * @param random in [0, 1)
   */
  failed(nowMs: number, random: number): number {
    const livedMs = this.#connectedAtMs < 0 ? 0 : nowMs - this.#connectedAtMs;
    this.#connectedAtMs = NEVER;
    if (livedMs >= NODE.backoffResetMs) this.#failures = 0;
    const ceilingMs = Math.min(NODE.backoffMaxMs, NODE.backoffMinMs * 2 ** this.#failures);
    if (ceilingMs < NODE.backoffMaxMs) this.#failures++;
    return Math.floor(random * ceilingMs);
  }
}
