// The credit that a session grants its peer: what left for the local socket is granted again, out of windows that grow with the path.

import { ENGINE } from '../limits/engine.ts';
import type { OwedFrames } from './owed.ts';
import { OWED, STREAM, type Streams } from './streams.ts';
import { nextWindow, type WindowBudget } from './window.ts';

export class ReceiveCredit {
  readonly #streams: Streams;
  readonly #owed: OwedFrames;
  readonly #budget: WindowBudget;
  readonly #initialWindowBytes: number;

  constructor(streams: Streams, owed: OwedFrames, budget: WindowBudget, initialWindowBytes: number) {
    this.#streams = streams;
    this.#owed = owed;
    this.#budget = budget;
    this.#initialWindowBytes = initialWindowBytes;
  }

  /** `bytes` left for the local socket. From half a window on a WINDOW is owed. */
  consumed(slot: number, bytes: number): void {
    const streams = this.#streams;
    const consumed = streams.consumed[slot]! + bytes;
    const window = streams.window[slot]!;
    if (consumed + streams.receiveCredit[slot]! > window) {
      throw new RangeError('more bytes consumed than were received');
    }
    streams.consumed[slot] = consumed;
    if (consumed < window / ENGINE.windowTopUpDivisor) return;
    if ((streams.flags[slot]! & STREAM.ENDED_THERE) === 0) this.#owed.stream(slot, OWED.WINDOW);
  }

  /** The credit of a stream's next WINDOW: what it consumed, more when its path can use more, less when memory is short. */
  topUp(slot: number, nowMs: number, roundTripMs: number): number {
    const streams = this.#streams;
    const before = streams.window[slot]!;
    const last = streams.toppedUpMs[slot]!;
    // The first time there is nothing to compare with: a stream that used half its window gets more.
    const elapsedMs = last === 0 ? 0 : nowMs - last;
    const consumed = streams.consumed[slot]!;
    const window = nextWindow(
      before,
      consumed,
      elapsedMs,
      roundTripMs,
      this.#budget,
      this.#initialWindowBytes,
    );
    // At least half of the window was consumed, so a halved one leaves no debt.
    const credit = consumed + window - before;
    streams.window[slot] = window;
    streams.receiveCredit[slot]! += credit;
    streams.consumed[slot] = 0;
    streams.toppedUpMs[slot] = nowMs;
    return credit;
  }

  /** The stream is over: its share of the budget goes back. */
  freed(slot: number): void {
    this.#budget.give(this.#streams.window[slot]! - this.#initialWindowBytes);
  }

  /** The session is over. */
  release(): void {
    this.#budget.give(this.#budget.usedBytes);
  }
}
