// How long a node waits before it dials a lost hub again: capped exponential with full jitter, so that the nodes of a restarted hub
// don't come back in step. Pure: time and randomness are arguments.

import { NODE } from '../limits/bounds.ts';

export class Backoff {
  #failures = 0;
  #connectedAtMs = -1;

  /** A session was established. */
  connected(nowMs: number): void {
    this.#connectedAtMs = nowMs;
  }

  /** The network has changed: earlier failures say nothing about the new one. */
  forget(): void {
    this.#failures = 0;
    this.#connectedAtMs = -1;
  }

  /**
   * The session ended or the attempt failed: milliseconds to wait, 0 <= wait < NODE.backoffMaxMs.
   * Only a session that lived NODE.backoffResetMs forgets earlier failures: a hub that accepts and drops at once is still backed off from.
   * @param random in [0, 1)
   */
  failed(nowMs: number, random: number): number {
    const livedMs = this.#connectedAtMs < 0 ? 0 : nowMs - this.#connectedAtMs;
    this.#connectedAtMs = -1;
    if (livedMs >= NODE.backoffResetMs) this.#failures = 0;
    const ceilingMs = Math.min(NODE.backoffMaxMs, NODE.backoffMinMs * 2 ** this.#failures);
    if (ceilingMs < NODE.backoffMaxMs) this.#failures++;
    return Math.floor(random * ceilingMs);
  }
}
