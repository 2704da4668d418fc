// Has V8 compile what a connection runs through before the first one comes: the thread serves connections of a rehearsal, in slices of an
// idle moment. Measured in native-notes/performance.md ("The first connections after a start").

import { collectGarbage } from '../base/collectGarbage.ts';
import { REHEARSAL } from '../limits/engine.ts';
import { NoDescriptorError } from '../reactor/errno.ts';
import type { Reactor, TimerHandler } from '../reactor/reactor.ts';

/** An engine of its own, beside the thread's: nothing real is in it, nor anything of it in what is real. */
export interface Stage {
  /** Brings its session up, before all else. Throws NoDescriptorError; end() closes what is open then. */
  open(): void;
  /** Serves connections from their first byte to their end. */
  serve(connections: number): void;
  /** Closes what is open. */
  end(): void;
}

export class Rehearsal implements TimerHandler {
  readonly #reactor: Reactor;
  readonly #setUp: () => Stage;
  readonly #hasWork: () => boolean;
  readonly #onFault: (error: unknown) => void;
  #stage: Stage | null = null;
  #begunMs = 0;
  #connections = 1;
  /** CPU of slices, and the thread's at the end of the last one. */
  #usedMs = 0;
  #threadMs = 0;
  #pauseBegunMs = 0;
  readonly #cpuMs: () => number;
  readonly #tidy: () => void;

  /** `hasWork`: whether the thread has a client or a stream. `cpuMs`: what the thread has used. `tidy` gives its garbage back. */
  constructor(parts: {
    reactor: Reactor;
    setUp: () => Stage;
    hasWork: () => boolean;
    onFault: (error: unknown) => void;
    cpuMs?: () => number;
    tidy?: () => void;
  }) {
    this.#reactor = parts.reactor;
    this.#setUp = parts.setUp;
    this.#hasWork = parts.hasWork;
    this.#onFault = parts.onFault;
    this.#cpuMs = parts.cpuMs ?? threadCpuMs;
    this.#tidy = parts.tidy ?? (() => collectGarbage({ keepsCode: true }));
  }

  /** Once a session is up; later calls do nothing. */
  begin(): void {
    if (this.#begunMs !== 0 || process.env.RESTUNNEL_REHEARSAL === 'off') return;
    // The net reactor runs in Node's own event loop, and none of these sockets do there.
    if (this.#reactor.kind !== 'epoll') return;
    this.#begunMs = performance.now();
    this.#pause(REHEARSAL.afterMs);
  }

  onTimer(): void {
    const nowMs = performance.now();
    const isLate = nowMs - this.#begunMs > REHEARSAL.giveUpAfterMs;
    if (this.#hasWork() || isLate) {
      this.#end();
      return;
    }
    if (this.#usedMs >= REHEARSAL.cpuMaxMs) {
      this.#end();
      // Nobody waits for this thread now, and it would not do so by itself for a long time.
      this.#tidy();
      return;
    }
    const beganMs = this.#cpuMs();
    if (beganMs - this.#threadMs > (nowMs - this.#pauseBegunMs) / REHEARSAL.idleDivisor) {
      this.#pause(REHEARSAL.busyPauseMs);
      return;
    }
    try {
      this.#slice(beganMs);
    } catch (error) {
      this.#end();
      if (!(error instanceof NoDescriptorError)) this.#onFault(error);
      return;
    }
    this.#usedMs += this.#cpuMs() - beganMs;
    this.#pause(REHEARSAL.pauseMs);
  }

  /** The first connections take milliseconds each, later ones a hundredth of that. */
  #slice(beganMs: number): void {
    const stage = this.#stage ?? this.#openStage();
    do {
      stage.serve(this.#connections);
      this.#connections = Math.min(2 * this.#connections, REHEARSAL.connectionsAtOnceMax);
    } while (this.#cpuMs() - beganMs < REHEARSAL.sliceMs);
  }

  #openStage(): Stage {
    const stage = this.#setUp();
    this.#stage = stage;
    stage.open();
    return stage;
  }

  #pause(ms: number): void {
    this.#threadMs = this.#cpuMs();
    this.#pauseBegunMs = performance.now();
    this.#reactor.setTimer(ms, this, 0);
  }

  #end(): void {
    this.#stage?.end();
    this.#stage = null;
  }
}

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
