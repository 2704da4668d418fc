// The live channel: reads the hub's ticks while somebody looks, and reconnects by itself.

import type { LiveTick } from '../../model/fleet.ts';
import { getStatus, openSession, sessionHeaders } from './apiClient.ts';
import { EventStreamParser } from './eventStream.ts';

const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 8_000;
/** After this long without a tick it asks the hub: nothing may have changed, or the hub may be gone. */
const SILENCE_MS = 20_000;
/** A page in the background closes the channel after this long. */
const HIDDEN_MS = 60_000;

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
      await readTicks(listener, () => {
        retryMs = RETRY_MIN_MS;
      });
    } catch {
      listener.lost();
      await pause(retryMs);
      retryMs = Math.min(2 * retryMs, RETRY_MAX_MS);
    }
  }
}

/** Resolves when the page went to the background, rejects when the channel ended otherwise. */
async function readTicks(listener: LiveListener, opened: () => void): Promise<void> {
  const abort = new AbortController();
  const { signal } = abort;
  let heardAt = performance.now();
  let hiddenAt = 0;
  const watch = setInterval(() => {
    const now = performance.now();
    hiddenAt = document.hidden ? hiddenAt || now : 0;
    if (hiddenAt !== 0 && now - hiddenAt > HIDDEN_MS) abort.abort();
    if (now - heardAt < SILENCE_MS) return;
    heardAt = now;
    getStatus().catch(() => abort.abort());
  }, 1_000);
  try {
    const response = await fetch('/api/v1/live', { headers: sessionHeaders(), signal });
    if (!response.ok || response.body === null) throw new Error('no live channel');
    await listener.opened();
    opened();
    const parser = new EventStreamParser((_event, data) => listener.tick(JSON.parse(data) as LiveTick));
    const decoder = new TextDecoder();
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new Error('the live channel ended');
      heardAt = performance.now();
      parser.push(decoder.decode(value, { stream: true }));
    }
  } catch (error) {
    if (hiddenAt === 0) throw error;
  } finally {
    clearInterval(watch);
    abort.abort();
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
