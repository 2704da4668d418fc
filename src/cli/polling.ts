// Something done once a second until the user has seen enough. Called by status.ts and events.ts.

import { processSignals, type StopRequests } from './shutdown.ts';

const PERIOD_MS = 1_000;

/**
 * Runs `turn` at once and then each second, never two at a time. Resolves when `stop` was called, or a signal came; rejects with what a
 * turn rejects with.
 */
export async function everySecond(
  turn: (stop: () => void) => Promise<void>,
  requests: StopRequests = processSignals,
): Promise<void> {
  let wake = () => {};
  let stopped = false;
  const stop = () => {
    stopped = true;
    wake();
  };
  requests.listen(stop);
  while (!stopped) {
    const startedMs = performance.now();
    await Promise.race([
      turn(stop),
      new Promise<void>((resolve) => {
        wake = resolve;
      }),
    ]);
    if (stopped) return;
    await new Promise<void>((resolve) => {
      wake = resolve;
      setTimeout(resolve, Math.max(0, PERIOD_MS - (performance.now() - startedMs)));
    });
  }
}

/** Whoever reads our output has read enough (`| head`): that ends the command, and is no failure. */
export function endWithReader(out: NodeJS.WriteStream): void {
  out.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}
