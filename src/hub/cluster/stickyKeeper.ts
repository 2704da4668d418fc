// Sticky sessions of a cluster: answers the front where one is, tells the other hubs of moves, and hears of theirs. A strict session is
// claimed before it begins, so no two hubs begin it with two devices; a soft one is written down only when it has moved.

import { LRUCache } from 'lru-cache';
import { UserError } from '../../base/userError.ts';
import type { FromFront, StickySessionOrder, ToFront } from '../../engine/messages.ts';
import { CLUSTER_STICKY } from '../../limits/cluster.ts';
import { ROUTING } from '../../limits/routing.ts';
import type { StoredStickySession } from '../../routing/stickySessions.ts';
import { type Bucket, ClusterAwayError, changeEntry } from './bucket.ts';
import {
  isLive,
  readStickyPlace,
  type StickyPlace,
  stickyEntryKey,
  writeStickyPlace,
} from './stickyPlace.ts';

export interface StickyKeeperOptions {
  /** Names this hub. */
  readonly hub: string;
  readonly bucket: Bucket;
  readonly toFront: (message: ToFront) => void;
  /** StickySessionClient.ask(). */
  readonly askFront: (order: StickySessionOrder) => Promise<readonly StoredStickySession[]>;
  readonly nowMs: () => number;
  /** Not ClusterAwayError. */
  readonly onError: (error: unknown) => void;
}

/** As the watch brings it; `value` null: it was removed. */
interface Heard {
  readonly value: Uint8Array | null;
  readonly revision: number;
}

type Asked = Extract<FromFront, { type: 'placeSticky' }>;

export class StickyKeeper {
  readonly #options: StickyKeeperOptions;
  /** What the hubs have written, by entry key. */
  readonly #places = new LRUCache<string, StickyPlace>({ max: ROUTING.stickySessionsMax });
  /** The keys of sessions that this hub has asked about or moved, by entry key. */
  readonly #keys = new LRUCache<string, string>({ max: ROUTING.stickySessionsMax });
  /** Of moves by this hub: the revision that each has, by entry key. What is older says nothing new. */
  readonly #written = new LRUCache<string, number>({ max: ROUTING.stickySessionsMax });
  /** Of moves that are being written: how many, where the last of them goes, and what was heard meanwhile. */
  readonly #writing = new Map<string, { count: number; place: StickyPlace; heard: Heard | null }>();
  /** Moves that the cluster has not taken, by entry key. */
  readonly #unsaid = new LRUCache<string, StoredStickySession>({ max: ROUTING.stickySessionsMax });

  constructor(options: StickyKeeperOptions) {
    this.#options = options;
  }

  // --- What the front says -----------------------------------------------------------------------------------------------------------

  /** Answers with `stickyPlace`. Never rejects. */
  async place({ query, sticky, nodeId }: Asked): Promise<void> {
    const entryKey = stickyEntryKey(sticky.key);
    this.#keys.set(entryKey, sticky.key);
    const known = this.#places.get(entryKey) ?? null;
    const isKnown = known !== null && this.#isLive(known);
    try {
      const place = sticky.strict
        ? await this.#claim(entryKey, { nodeId, ttlMs: sticky.ttlMs, strict: true })
        : isKnown
          ? known.nodeId
          : nodeId;
      this.#options.toFront({ type: 'stickyPlace', query, nodeId: place });
    } catch (error) {
      this.#failed(error);
      this.#options.toFront({ type: 'stickyPlace', query, nodeId: null });
    }
  }

  /** The node of the session: the one that is written down, or this one if none is. */
  async #claim(entryKey: string, wanted: Pick<StickyPlace, 'nodeId' | 'ttlMs' | 'strict'>): Promise<string> {
    const { bucket, hub, nowMs } = this.#options;
    let place: StickyPlace | null = null;
    await changeEntry(bucket, entryKey, (value) => {
      const there = value === null ? null : readStickyPlace(value);
      // A soft one that became strict stays where it is, and is strict from now on.
      const live = there !== null && this.#isLive(there) ? there : null;
      if (live?.strict === true) {
        place = live;
        return null;
      }
      place = { ...wanted, nodeId: live?.nodeId ?? wanted.nodeId, usedAtMs: nowMs(), hub };
      return writeStickyPlace(place);
    });
    this.#places.set(entryKey, place!);
    return place!.nodeId;
  }

  /** The session goes on with another node here: so it does elsewhere. Never rejects. */
  async moved(session: StoredStickySession): Promise<void> {
    const { key, nodeId, ttlMs, strict } = session;
    const { bucket, hub, nowMs } = this.#options;
    const entryKey = stickyEntryKey(key);
    const place = { nodeId, ttlMs, strict, usedAtMs: nowMs(), hub };
    const writing = this.#writing.get(entryKey) ?? { count: 0, place, heard: null };
    writing.count++;
    writing.place = place;
    this.#writing.set(entryKey, writing);
    this.#unsaid.delete(entryKey);
    this.#keys.set(entryKey, key);
    this.#places.set(entryKey, place);
    try {
      // Of two moves at once either may be written last: both write where it is by then.
      const revision = await changeEntry(bucket, entryKey, () => writeStickyPlace(writing.place));
      this.#written.set(entryKey, Math.max(revision, this.#written.get(entryKey) ?? 0));
    } catch (error) {
      if (writing.place === place) this.#unsaid.set(entryKey, session);
      this.#failed(error);
    }
    if (--writing.count > 0) return;
    this.#writing.delete(entryKey);
    if (writing.heard !== null) this.#take(entryKey, writing.heard);
  }

  /** The owner has ended it. Never rejects. */
  async ended(key: string): Promise<void> {
    const entryKey = stickyEntryKey(key);
    this.#places.delete(entryKey);
    this.#keys.delete(entryKey);
    try {
      await this.#options.bucket.remove(entryKey);
    } catch (error) {
      this.#failed(error);
    }
  }

  // --- What the other hubs say ---------------------------------------------------------------------------------------------------------

  /** An entry as the watch has it; null: it was removed. What this hub writes meanwhile comes after it, or is older: that shows then. */
  heard(entryKey: string, value: Uint8Array | null, revision: number): void {
    const writing = this.#writing.get(entryKey);
    if (writing === undefined) this.#take(entryKey, { value, revision });
    else writing.heard = { value, revision };
  }

  #take(entryKey: string, { value, revision }: Heard): void {
    if (revision < (this.#written.get(entryKey) ?? 0)) return;
    const key = this.#keys.get(entryKey);
    const place = value === null ? null : readStickyPlace(value);
    if (place === null) {
      this.#places.delete(entryKey);
      if (value !== null || key === undefined) return;
      this.#keys.delete(entryKey);
      this.#options.askFront({ what: 'end', key }).catch((error: unknown) => this.#failed(error));
      return;
    }
    this.#places.set(entryKey, place);
    // Its own from before a restart is news as well.
    const isOwn = place.hub === this.#options.hub && revision === this.#written.get(entryKey);
    const unsaid = this.#unsaid.get(entryKey);
    // A new watch begins with what this hub wrote before it was cut off.
    if (isOwn && unsaid !== undefined) void this.moved(unsaid);
    if (isOwn || key === undefined) return;
    this.#unsaid.delete(entryKey);
    this.#options.toFront({ type: 'moveSticky', key, nodeId: place.nodeId });
  }

  // --- Now and then ------------------------------------------------------------------------------------------------------------------------

  /** Before the watch begins: moves of sessions from before a restart are of interest as well. Never rejects. */
  async learn(): Promise<void> {
    try {
      for (const { key } of await this.#options.askFront({ what: 'all' }))
        this.#keys.set(stickyEntryKey(key), key);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Says what the cluster has not taken, and which of the sessions that are written down were used here since, before they count as over. Never rejects. */
  async refresh(): Promise<void> {
    await Promise.all([...this.#unsaid.values()].map((session) => this.moved(session)));
    let isAway = false;
    try {
      for (const session of await this.#options.askFront({ what: 'all' })) {
        const there = this.#places.peek(stickyEntryKey(session.key));
        if (there === undefined || there.nodeId !== session.nodeId) continue;
        isAway ||= !(await this.#refreshOne(session, there));
        if (isAway) await this.#letGo(session, there);
      }
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Whether the cluster could be asked. */
  async #refreshOne(session: StoredStickySession, there: StickyPlace): Promise<boolean> {
    const { bucket, hub, nowMs } = this.#options;
    const { key, nodeId, ttlMs, strict, unusedMs } = session;
    const usedAtMs = Math.round(nowMs() - unusedMs);
    if (usedAtMs - there.usedAtMs < ttlMs / CLUSTER_STICKY.refreshDivisor) return true;
    const place = { nodeId, ttlMs, strict: strict || there.strict, usedAtMs, hub };
    try {
      await changeEntry(bucket, stickyEntryKey(key), (value) => {
        const now = value === null ? null : readStickyPlace(value);
        // Another hub has moved it, or uses it as well.
        if (now !== null && (now.nodeId !== nodeId || now.usedAtMs >= usedAtMs)) return null;
        return writeStickyPlace(place);
      });
      return true;
    } catch (error) {
      if (error instanceof ClusterAwayError) return false;
      throw error;
    }
  }

  /** Cut off for its time to live: another hub may soon begin a strict session with another device. */
  async #letGo({ key, strict }: StoredStickySession, there: StickyPlace): Promise<void> {
    if (!strict || isLive(there, this.#options.nowMs(), 0)) return;
    this.#places.delete(stickyEntryKey(key));
    await this.#options.askFront({ what: 'end', key });
  }

  #isLive(place: StickyPlace): boolean {
    return isLive(place, this.#options.nowMs(), CLUSTER_STICKY.slackMs);
  }

  #failed(error: unknown): void {
    const isExpected = error instanceof ClusterAwayError || error instanceof UserError;
    if (!isExpected) this.#options.onError(error);
  }
}
