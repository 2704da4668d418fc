// Reads a tunnel no faster than a rate: for a peer that cannot keep one by itself. What is not read fills the kernel's buffers, which
// holds the peer back.

import type { ConnId, Reactor, TimerHandler, TimerId } from '../reactor/reactor.ts';
import { Pace } from '../tunnel/pace.ts';

export class PacedReading implements TimerHandler {
  readonly #reactor: Reactor;
  readonly #conn: ConnId;
  readonly #pace: Pace;
  /** Reading is paused until the timer. */
  #isResting = false;
  #timer: TimerId = 0;

  constructor(reactor: Reactor, conn: ConnId, bytesPerSecond: number) {
    this.#reactor = reactor;
    this.#conn = conn;
    this.#pace = new Pace(bytesPerSecond, reactor.nowMs);
  }

  setRate(bytesPerSecond: number): void {
    this.#pace.setRate(bytesPerSecond, this.#reactor.nowMs);
    this.resume();
  }

  /** How many bytes may be read now. 0: reading is paused until there is room again. */
  room(): number {
    const { nowMs } = this.#reactor;
    if (this.#pace.hasRoom(nowMs)) return this.#pace.quantumBytes;
    this.#reactor.pauseRead(this.#conn);
    this.#isResting = true;
    this.#timer = this.#reactor.setTimer(this.#pace.dueInMs(nowMs), this, 0);
    return 0;
  }

  spend(bytes: number): void {
    this.#pace.spend(bytes);
  }

  onTimer(): void {
    this.resume();
  }

  /** Reads on at once. */
  resume(): void {
    if (!this.#isResting) return;
    this.clear();
    this.#reactor.resumeRead(this.#conn);
  }

  clear(): void {
    if (this.#isResting) this.#reactor.clearTimer(this.#timer);
    this.#isResting = false;
  }
}
