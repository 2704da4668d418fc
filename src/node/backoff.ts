// How long a node waits before it dials a lost hub again: capped exponential with full jitter, so that the nodes of a restarted hub
// don't come back in step. Pure: randomness is an argument.

import { NODE } from '../limits/bounds.ts';

export class Backoff {
  #failures = 0;

  /** A record of the hub came, or the network has changed: earlier failures say nothing any more. */
  startOver(): void {
    this.#failures = 0;
  }

  /**
   * The session ended or the attempt failed: milliseconds to wait, 0 <= wait < NODE.backoffMaxMs.
   * @param random in [0, 1)
   */
  failed(random: number): number {
    const ceilingMs = Math.min(NODE.backoffMaxMs, NODE.backoffMinMs * 2 ** this.#failures);
    if (ceilingMs < NODE.backoffMaxMs) this.#failures++;
    return Math.floor(random * ceilingMs);
  }
}
