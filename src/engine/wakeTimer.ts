// The timer of a tunnel whose streams wait for its rate: brings the flush that lets them go on.

import { ENGINE } from '../limits/engine.ts';
import type { Reactor, TimerHandler, TimerId } from '../reactor/reactor.ts';

export class WakeTimer implements TimerHandler {
  readonly #reactor: Reactor;
  readonly #onDue: () => void;
  #timer: TimerId = 0;
  #isSet = false;
  #dueMs = 0;

  constructor(reactor: Reactor, onDue: () => void) {
    this.#reactor = reactor;
    this.#onDue = onDue;
  }

  /** Sets it, or sets it sooner: a faster rate may have come meanwhile. */
  set(dueInMs: number): void {
    const dueMs = this.#reactor.nowMs + dueInMs;
    if (this.#isSet && this.#dueMs <= dueMs + ENGINE.timerTickMs) return;
    this.clear();
    this.#isSet = true;
    this.#dueMs = dueMs;
    this.#timer = this.#reactor.setTimer(dueInMs, this, 0);
  }

  clear(): void {
    if (this.#isSet) this.#reactor.clearTimer(this.#timer);
    this.#isSet = false;
  }

  onTimer(): void {
    this.#isSet = false;
    this.#onDue();
  }
}
