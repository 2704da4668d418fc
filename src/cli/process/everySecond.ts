// Does something once a second until the user has seen enough.

import { setTimeout as delay } from 'node:timers/promises';
import { processSignals } from './shutdown.ts';

const PERIOD_MS = 1_000;

/** Asked for by a signal or a key, at any time: from when it is made, no signal ends the process by itself. */
export class Stop {
  requested = false;
  #wake = () => {};

  constructor(requests = processSignals) {
    requests.listen(() => this.request());
  }

  request(): void {
    this.requested = true;
    this.#wake();
  }

  /** Settles with the work, or as soon as a stop is requested, whichever comes first. */
  orUntil(work: Promise<void>): Promise<void> {
    return Promise.race([
      work,
      new Promise<void>((resolve) => {
        this.#wake = resolve;
        if (this.requested) resolve();
      }),
    ]);
  }
}

/** Runs `turn` at once and then each second, never two at a time, until `stop`. Rejects with what a turn rejects with. */
export async function everySecond(turn: () => Promise<void>, stop: Stop): Promise<void> {
  while (!stop.requested) {
    const startedMs = performance.now();
    await stop.orUntil(turn());
    await stop.orUntil(delay(Math.max(0, PERIOD_MS - (performance.now() - startedMs))));
  }
}
