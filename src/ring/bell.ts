// Waking a thread only when it sleeps. A thread sets its mark before it sleeps, checks its rings once more, and blocks. After a push,
// the producer clears the mark and rings if it was set: a busy thread is never rung, and no message waits for a sleeping one.

import { ringDoorbell } from '../reactor/doorbell.ts';
import type { Doorbell } from '../reactor/reactor.ts';

const AWAKE = 0;
const ASLEEP = 1;

export class Bell {
  readonly #marks: Int32Array;
  readonly #index: number;
  readonly #doorbell: Doorbell;

  constructor(marks: Int32Array, index: number, doorbell: Doorbell) {
    this.#marks = marks;
    this.#index = index;
    this.#doorbell = doorbell;
  }

  /** Call it after a push. */
  ringIfAsleep(): void {
    if (Atomics.compareExchange(this.#marks, this.#index, ASLEEP, AWAKE) === ASLEEP)
      ringDoorbell(this.#doorbell);
  }
}

export class Sleeper {
  readonly #marks: Int32Array;
  readonly #index: number;

  constructor(marks: Int32Array, index: number) {
    this.#marks = marks;
    this.#index = index;
  }

  /** Call it before blocking, and then check the rings once more. */
  sleep(): void {
    Atomics.store(this.#marks, this.#index, ASLEEP);
  }

  wake(): void {
    Atomics.store(this.#marks, this.#index, AWAKE);
  }
}
