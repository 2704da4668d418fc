// From "it runs" to the exit code: waits for a signal or for the end by itself.

import { closeSync, openSync } from 'node:fs';
import type { Logger } from 'pino';
import { handleLauncherSignals, type StopSignal } from './launcher.ts';
import { watchNpmShell } from './npmShell.ts';
import type { StopFile } from './stopFile.ts';

export interface Stoppable {
  /** Drains; a second call stops at once. */
  stop(): Promise<void>;
  readonly ended: Promise<Error | null>;
}

/** A signal, Ctrl-Break on Windows, or the command of that name. */
export type StopReason = StopSignal | 'SIGBREAK' | 'restunnel stop';

export interface StopRequests {
  /** `times` is 1 for "drain", 2 for "at once", more for "now really". */
  listen(onRequest: (reason: StopReason, times: number) => void): void;
}

/**
 * One press of Ctrl-C under `npm start` arrives twice, from the terminal and from npm. Nobody presses this fast.
 */
const SAME_PRESS_MS = 100;

/** Counts stop requests. Pure but for the clock it is given. */
export class StopCounter {
  // A terminal or a service manager signals the launcher as well as this process: what both saw is one request.
  private own = 0;
  private forwarded = 0;
  private lastInterruptMs = Number.NEGATIVE_INFINITY;

  /** The number of requests so far, or 0 when this one is an echo of the last. */
  count(signal: StopReason, source: 'own' | 'forwarded', nowMs: number): number {
    const before = Math.max(this.own, this.forwarded);
    if (source === 'own') {
      if (signal === 'SIGINT' && nowMs - this.lastInterruptMs < SAME_PRESS_MS) return 0;
      if (signal === 'SIGINT') this.lastInterruptMs = nowMs;
      this.own++;
    } else {
      this.forwarded++;
    }
    const after = Math.max(this.own, this.forwarded);
    return after > before ? after : 0;
  }
}

/** SIGTERM, SIGINT and SIGHUP of this process, and those that a launcher forwards. */
export const processSignals: StopRequests = {
  listen(onRequest) {
    listenToSignals(onRequest, null);
  },
};

/**
 * As processSignals, but SIGHUP means "read your files again", as daemons take it, unless it says that our terminal has gone. And the
 * orders of `restunnel stop`.
 */
export function serverRequests(reload: () => void, stopFile: StopFile): StopRequests {
  return {
    listen(onRequest) {
      const signals = listenToSignals(onRequest, reload);
      let isCut = false;
      // The command repeats its order: one of each kind counts.
      stopFile.watch((order) => {
        if (!signals.isAsked()) signals.take('restunnel stop', 'own');
        if (order === 'now' && !isCut) {
          isCut = true;
          signals.take('restunnel stop', 'own');
        }
      });
    },
  };
}

function listenToSignals(
  onRequest: (reason: StopReason, times: number) => void,
  reload: (() => void) | null,
) {
  const onTerminal = process.stderr.isTTY === true;
  const counter = new StopCounter();
  let isAsked = false;
  const take = (reason: StopReason, source: 'own' | 'forwarded') => {
    if (reason === 'SIGHUP' && reload !== null && !saysWindowCloses(onTerminal)) {
      reload();
      return;
    }
    const times = counter.count(reason, source, performance.now());
    isAsked ||= times > 0;
    if (times > 0) onRequest(reason, times);
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', ...windowsOnly()] as const) {
    process.on(signal, () => take(signal, 'own'));
  }
  handleLauncherSignals((signal) => take(signal, 'forwarded'));
  // A signal for all of us has ended the shell as well: one request.
  watchNpmShell(() => {
    if (!isAsked) take('SIGTERM', 'own');
  });
  return { take, isAsked: () => isAsked };
}

/** Ctrl-Break. */
function windowsOnly(): 'SIGBREAK'[] {
  return process.platform === 'win32' ? ['SIGBREAK'] : [];
}

/** Windows sends SIGHUP for nothing else, and ends the process a few seconds later. */
function saysWindowCloses(onTerminal: boolean): boolean {
  return process.platform === 'win32' || (onTerminal && terminalIsGone());
}

function terminalIsGone(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return false;
  } catch {
    return true;
  }
}

/**
 * Runs `report` once `ready` settles. Never resolves: it rejects when reporting fails, so that nothing waits for ever
 * for a ready file. The reason why something never became ready is in its `ended`.
 */
export function reportWhen<T>(ready: Promise<T>, report: (value: T) => void): Promise<never> {
  return new Promise((_, reject) => {
    ready.then(
      (value) => {
        try {
          report(value);
        } catch (error) {
          reject(error);
        }
      },
      () => {},
    );
  });
}

/**
 * Resolves with the exit code: 0 stopped on request, 1 when stopping failed or was given up after a third request.
 * Rejects with the error that ended `running` by itself.
 */
export async function untilStopped(
  running: Stoppable,
  log: Logger,
  drainMs: number,
  requests: StopRequests = processSignals,
): Promise<number> {
  let stopping = false;
  // Waiting for a signal keeps nothing alive by itself.
  const hold = setInterval(() => {}, 2 ** 30);
  const stopped = new Promise<number>((resolve) => {
    requests.listen((signal, times) => {
      stopping = true;
      if (times === 1) {
        log.info(
          { signal },
          `stopping: up to ${drainMs / 1_000} s for open streams; a second signal stops at once`,
        );
      } else if (times === 2) {
        log.info({ signal }, 'stopping at once');
      } else {
        resolve(1);
        return;
      }
      running.stop().then(
        () => resolve(0),
        (error: unknown) => {
          log.error({ err: error }, 'stopping failed');
          resolve(1);
        },
      );
    });
  });
  const ended = running.ended.then((error) => {
    if (error !== null) throw error;
    // Asked to stop, its engine may end before stop() has put everything away.
    return stopping ? stopped : 0;
  });
  return Promise.race([stopped, ended]).finally(() => clearInterval(hold));
}
