// One live channel for all pages of a browser, which has six connections to a hub (HTTP/1.1) and needs some of them for requests. The page
// that holds a lock (Web Locks) reads the channel and passes its ticks on to the others (BroadcastChannel).

import type { LiveTick } from '../../model/fleet.ts';

const NAME = 'restunnel-live';

export interface Feed {
  /** Reads the hub's channel. Ends only by rejecting. */
  read(tick: (tick: LiveTick) => void): Promise<void>;
  /** Ticks of another page come from now on: what was known may be old. If it rejects, the hub is gone. */
  opened(): Promise<void>;
  tick(tick: LiveTick): void;
}

/** Ends only by rejecting: as read() or opened() does, or when `signal` aborts. */
export async function followTogether(feed: Feed, signal: AbortSignal): Promise<void> {
  // Browsers give locks to secure contexts alone: not to plain HTTP from another machine.
  if (!('locks' in navigator)) return feed.read((tick) => feed.tick(tick));
  const channel = new BroadcastChannel(NAME);
  const lead = (): Promise<void> =>
    feed.read((tick) => {
      channel.postMessage(tick);
      feed.tick(tick);
    });
  try {
    const isLed = await navigator.locks.request(NAME, { ifAvailable: true }, async (lock) => {
      if (lock !== null) await lead();
      return lock === null;
    });
    if (!isLed) return;
    const opened = feed.opened();
    channel.onmessage = ({ data }: { data: unknown }) =>
      void opened.then(
        () => feed.tick(data as LiveTick),
        () => {},
      );
    await opened;
    await navigator.locks.request(NAME, { signal }, async () => {
      channel.onmessage = null;
      await lead();
    });
  } finally {
    channel.close();
  }
}
