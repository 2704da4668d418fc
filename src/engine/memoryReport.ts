// Tells control what was refused and reset for want of memory: at once the first time, then at most once in a while, all together.

import { MEMORY } from '../limits/engine.ts';
import type { Reactor, TimerHandler } from '../reactor/reactor.ts';

/** Since the last one. */
export interface MemoryShortage {
  readonly type: 'memoryShort';
  /** New streams, refused. */
  readonly refused: number;
  /** Streams and closing sockets, reset; the bytes that waited for them; and how long none was taken of the first of them. */
  readonly reset: number;
  readonly resetBytes: number;
  readonly stalledMs: number;
}

export class MemoryReport implements TimerHandler {
  readonly #reactor: Pick<Reactor, 'setTimer'>;
  readonly #tell: (message: MemoryShortage) => void;
  #resting = false;
  #refused = 0;
  #reset = 0;
  #resetBytes = 0;
  #stalledMs = 0;

  constructor(reactor: Pick<Reactor, 'setTimer'>, tell: (message: MemoryShortage) => void) {
    this.#reactor = reactor;
    this.#tell = tell;
  }

  refused(): void {
    this.#refused++;
    this.#soon();
  }

  reset(bytes: number, stalledMs: number): void {
    this.#reset++;
    this.#resetBytes += bytes;
    this.#stalledMs = Math.max(this.#stalledMs, Math.round(stalledMs));
    this.#soon();
  }

  #soon(): void {
    if (!this.#resting) this.#send();
  }

  onTimer(): void {
    this.#resting = false;
    if (this.#refused + this.#reset > 0) this.#send();
  }

  #send(): void {
    this.#tell({
      type: 'memoryShort',
      refused: this.#refused,
      reset: this.#reset,
      resetBytes: this.#resetBytes,
      stalledMs: this.#stalledMs,
    });
    this.#refused = 0;
    this.#reset = 0;
    this.#resetBytes = 0;
    this.#stalledMs = 0;
    this.#resting = true;
    this.#reactor.setTimer(MEMORY.tellEveryMs, this, 0);
  }
}
