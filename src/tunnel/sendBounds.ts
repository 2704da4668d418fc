// How much a tunnel may have in line for its socket, as time at the rate of its path: what is in line cannot be put in
// another order any more. On a fast path the engine's constants bound it, and nothing is asked of the socket. Pure.

import { ENGINE } from '../limits/engine.ts';
import { SLOW_PATH } from '../limits/path.ts';

/** What the system should hold that it has not sent yet; Infinity: no limit is needed. `bytesPerMs` of 0: not known. */
export function unsentBytesFor(bytesPerMs: number, unsentMs: number = SLOW_PATH.unsentMs): number {
  if (bytesPerMs === 0 || bytesPerMs * SLOW_PATH.unsentMs >= ENGINE.tunnelQueueBytes)
    return Number.POSITIVE_INFINITY;
  const bytes = Math.max(SLOW_PATH.unsentMinBytes, Math.ceil(bytesPerMs * unsentMs));
  return Math.min(bytes, ENGINE.tunnelQueueBytes);
}

/** What one stream may send before it is the next one's turn. */
export function quantumBytesFor(bytesPerMs: number): number {
  if (bytesPerMs === 0) return ENGINE.streamQuantumBytes;
  const bytes = Math.ceil(bytesPerMs * SLOW_PATH.quantumMs);
  return Math.min(ENGINE.streamQuantumBytes, Math.max(SLOW_PATH.quantumMinBytes, bytes));
}

export class SendBounds {
  unsentMaxBytes = Number.POSITIVE_INFINITY;
  quantumBytes: number = ENGINE.streamQuantumBytes;
  #unsentMs: number = SLOW_PATH.unsentMs;

  /** Whether the tunnel is slow enough for its socket to be asked what it holds. */
  get isTight(): boolean {
    return this.unsentMaxBytes !== Number.POSITIVE_INFINITY;
  }

  /** Until the rate is known. True: unsentMaxBytes is another from now on. */
  beCareful(): true {
    this.unsentMaxBytes = SLOW_PATH.firstUnsentBytes;
    return true;
  }

  /**
   * Follows the rate when it has changed by much. `ranOut`: the system had nothing left while more waited here. True: unsentMaxBytes is
   * another from now on.
   */
  follow(bytesPerMs: number, ranOut = false): boolean {
    const { unsentMs, unsentMaxMs, unsentGrowth, unsentDecay } = SLOW_PATH;
    this.#unsentMs = ranOut
      ? Math.min(unsentMaxMs, this.#unsentMs * unsentGrowth)
      : Math.max(unsentMs, this.#unsentMs * unsentDecay);
    const wanted = unsentBytesFor(bytesPerMs, this.#unsentMs);
    const last = this.unsentMaxBytes;
    this.quantumBytes =
      wanted === Number.POSITIVE_INFINITY ? ENGINE.streamQuantumBytes : quantumBytesFor(bytesPerMs);
    if (wanted === last || (wanted < last * SLOW_PATH.steadyFactor && last < wanted * SLOW_PATH.steadyFactor))
      return false;
    this.unsentMaxBytes = wanted;
    return true;
  }

  /** What the socket should take now when it holds `unsentBytes`: at least half of the bound, or nothing until half of it has gone. */
  roomBytes(unsentBytes: number): number {
    return 2 * unsentBytes < this.unsentMaxBytes ? this.unsentMaxBytes - unsentBytes : 0;
  }
}
