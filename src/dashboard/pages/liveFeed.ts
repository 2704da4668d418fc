// The live channel: follows the hub's ticks while somebody looks, lets go when nobody does, and reconnects by itself.

import type { LiveTick } from '../../model/fleet.ts';
import { getStatus, openSession, sessionHeaders } from './apiClient.ts';
import { EventStreamParser } from './eventStream.ts';
import { LiveDeltaReader } from './liveDeltas.ts';
import { followTogether } from './sharedFeed.ts';

const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 8_000;
/** After this long without a tick it asks the hub: nothing may have changed, or the hub may be gone. */
const SILENCE_MS = 20_000;
/** Why a page that nobody sees lets the channel go: it has too few connections to keep one. */
const HIDDEN = 'hidden';

export interface LiveListener {
  admitted(session: { hasPassword: boolean }): void;
  /** The channel is open (again): what was known may be old. If it rejects, the hub is gone once more. */
  opened(): Promise<void>;
  tick(tick: LiveTick): void;
  lost(): void;
}

/** Runs for ever. */
export async function followHub(listener: LiveListener): Promise<never> {
  let retryMs = RETRY_MIN_MS;
  for (;;) {
    await visible();
    try {
      listener.admitted(await openSession());
      await followWhileVisible({
        ...listener,
        async opened() {
          await listener.opened();
          retryMs = RETRY_MIN_MS;
        },
      });
    } catch {
      listener.lost();
      await pause(retryMs);
      retryMs = Math.min(2 * retryMs, RETRY_MAX_MS);
    }
  }
}

/** Resolves when the page is hidden, rejects when the hub is gone. */
async function followWhileVisible({ opened, tick }: LiveListener): Promise<void> {
  const abort = new AbortController();
  const { signal } = abort;
  let heardAt = performance.now();
  const heard = (): void => {
    heardAt = performance.now();
  };
  const watch = setInterval(() => {
    if (performance.now() - heardAt < SILENCE_MS) return;
    heard();
    getStatus().catch(() => abort.abort());
  }, 1_000);
  const letGo = (): void => {
    if (document.hidden) abort.abort(HIDDEN);
  };
  document.addEventListener('visibilitychange', letGo);
  try {
    letGo();
    await followTogether(
      {
        opened,
        tick(one) {
          heard();
          tick(one);
        },
        read: (told) => readTicks(opened, heard, told, signal),
      },
      signal,
    );
  } catch (error) {
    if (signal.reason !== HIDDEN) throw error;
  } finally {
    document.removeEventListener('visibilitychange', letGo);
    clearInterval(watch);
    abort.abort();
  }
}

/** `heard`: something came, if only a heartbeat. Ends only by rejecting. */
async function readTicks(
  opened: () => Promise<void>,
  heard: () => void,
  tick: (tick: LiveTick) => void,
  signal: AbortSignal,
): Promise<never> {
  const response = await fetch('/api/v1/live?deltas=true', { headers: sessionHeaders(), signal });
  if (!response.ok || response.body === null) throw new Error('no live channel');
  await opened();
  const deltas = new LiveDeltaReader();
  const parser = new EventStreamParser((event, data) => tick(deltas.read(event, data)));
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) throw new Error('the live channel ended');
    heard();
    parser.push(decoder.decode(value, { stream: true }));
  }
}

function visible(): Promise<void> {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    document.addEventListener('visibilitychange', () => resolve(), { once: true });
  });
}

/** Ends early when the network is back. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
    addEventListener('online', () => resolve(), { once: true });
  });
}
