// How large a stream's receive window should be: doubled while it is what limits the stream (used up faster than once in two round
// trips), halved when memory is short and the stream is slow. Pure.

import { WINDOW } from '../limits/path.ts';
import { PROTOCOL } from '../limits/wire.ts';

/** How far windows may grow beyond their initial size, all together. A session's budget is part of its thread's. */
export class WindowBudget {
  readonly limitBytes: number;
  readonly #parent: WindowBudget | null;
  readonly #isTight: () => boolean;
  usedBytes = 0;

  /** `isTight`: memory is short for other reasons, and nothing is to grow. */
  constructor(limitBytes: number, parent: WindowBudget | null = null, isTight: () => boolean = () => false) {
    this.limitBytes = limitBytes;
    this.#parent = parent;
    this.#isTight = isTight;
  }

  take(bytes: number): boolean {
    if (this.usedBytes + bytes > this.limitBytes || this.#isTight()) return false;
    if (this.#parent !== null && !this.#parent.take(bytes)) return false;
    this.usedBytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.usedBytes -= bytes;
    this.#parent?.give(bytes);
  }

  /** More than three quarters are gone, here or in the parent: slow streams give back. */
  get pressed(): boolean {
    return this.usedBytes * 4 > this.limitBytes * 3 || this.#isTight() || (this.#parent?.pressed ?? false);
  }
}

/**
 * The window from here on, for a stream that consumed `consumedBytes` of its window in the `elapsedMs` since it was last topped up. Takes
 * from the budget what it adds and gives back what it drops.
 */
export function nextWindow(
  windowBytes: number,
  consumedBytes: number,
  elapsedMs: number,
  roundTripMs: number,
  budget: WindowBudget,
  initialWindowBytes: number = PROTOCOL.initialWindowBytes,
): number {
  // On a path this short the initial window is more than it can hold.
  if (roundTripMs < WINDOW.growRoundTripMinMs) return windowBytes;
  // A burst may consume half a window or all of it before it is topped up, so the time alone says nothing.
  const windowMs = (elapsedMs * windowBytes) / consumedBytes;
  if (windowMs < WINDOW.fastRoundTrips * roundTripMs) {
    const wanted = Math.min(2 * windowBytes, PROTOCOL.maxWindowBytes);
    return budget.take(wanted - windowBytes) ? wanted : windowBytes;
  }
  if (windowMs > WINDOW.slowRoundTrips * roundTripMs && budget.pressed) {
    const smaller = Math.max(windowBytes / 2, initialWindowBytes);
    budget.give(windowBytes - smaller);
    return smaller;
  }
  return windowBytes;
}
