// Time for a simulation: nothing passes while code runs, and everything happens in the order of its time. Each event belongs to somebody,
// who has a clock of its own and may be dead.

import type { Random } from '../../tunnel/simulation.ts';

/** A minute before the end of a month. */
export const EPOCH_MS = Date.UTC(2026, 10, 30, 23, 59);

export interface Owner {
  /** The process has ended: nothing of it happens any more. */
  isDead: boolean;
  /** How far its clock is from the right time. */
  readonly skewMs: number;
}

interface Event {
  readonly atMs: number;
  readonly owner: Owner;
  readonly run: () => void;
  isCancelled: boolean;
}

const REAL = {
  now: Date.now,
  performanceNow: performance.now,
  random: Math.random,
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
};

/** A timer as programs have it. */
class Timer {
  event: Event | null = null;
  unref(): this {
    return this;
  }
}

export class VirtualTime {
  nowMs = 0;
  readonly world: Owner = { isDead: false, skewMs: 0 };
  #owner: Owner = this.world;
  /** By time, the next one last. */
  readonly #events: Event[] = [];

  /** Whoever runs now. */
  get owner(): Owner {
    return this.#owner;
  }

  /** Belongs to `owner`, else to whoever runs now. */
  after(ms: number, run: () => void, owner = this.#owner): Event {
    const event = { atMs: this.nowMs + Math.max(0, ms), owner, run, isCancelled: false };
    let [from, to] = [0, this.#events.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.#events[middle]!.atMs > event.atMs) from = middle + 1;
      else to = middle;
    }
    this.#events.splice(from, 0, event);
    return event;
  }

  /** What `owner` does at once, with all that follows without waiting. */
  async as(owner: Owner, run: () => void): Promise<void> {
    const before = this.#owner;
    this.#owner = owner;
    run();
    await new Promise(setImmediate);
    this.#owner = before;
  }

  async pass(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms;
    for (
      let next = this.#events.at(-1);
      next !== undefined && next.atMs <= untilMs;
      next = this.#events.at(-1)
    ) {
      this.#events.pop();
      this.nowMs = next.atMs;
      if (!next.isCancelled && !next.owner.isDead) await this.as(next.owner, next.run);
    }
    this.nowMs = untilMs;
  }

  /** The program's clocks, timers and dice are these until the returned function is called. */
  install(random: Random): () => void {
    const start = (run: () => void, ms: number, everyMs: number | null) => {
      const timer = new Timer();
      const fire = () => {
        if (everyMs !== null) timer.event = this.after(everyMs, fire);
        run();
      };
      timer.event = this.after(ms, fire);
      return timer;
    };
    const stop = (timer: unknown) => {
      if (timer instanceof Timer && timer.event !== null) timer.event.isCancelled = true;
    };
    Date.now = () => Math.floor(EPOCH_MS + this.nowMs + this.#owner.skewMs);
    performance.now = () => this.nowMs;
    Math.random = () => random.below(1 << 30) / (1 << 30);
    globalThis.setTimeout = ((run: () => void, ms = 0) =>
      start(run, ms, null)) as unknown as typeof setTimeout;
    globalThis.setInterval = ((run: () => void, ms = 0) =>
      start(run, ms, Math.max(1, ms))) as unknown as typeof setInterval;
    globalThis.clearTimeout = stop as typeof clearTimeout;
    globalThis.clearInterval = stop as typeof clearInterval;
    return () => {
      Date.now = REAL.now;
      performance.now = REAL.performanceNow;
      Math.random = REAL.random;
      const { setTimeout, clearTimeout, setInterval, clearInterval } = REAL;
      Object.assign(globalThis, { setTimeout, clearTimeout, setInterval, clearInterval });
    };
  }
}
