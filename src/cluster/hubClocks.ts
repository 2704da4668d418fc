// How far the clocks of other hubs are from this hub's, by the times that they say. Pure.

import { LRUCache } from 'lru-cache';
import { CLOCKS, HUB_LIST } from '../limits/cluster.ts';

interface Heard {
  /** Since when every word was of another time; null: the last one was not. */
  apartSinceMs: number | null;
  isTold: boolean;
}

export class HubClocks {
  readonly #hubs = new LRUCache<string, Heard>({ max: HUB_LIST.hubsMax });

  /**
   * One word that was held up on its way looks like a clock that is behind, so it says nothing alone.
   * @param aheadMs how far the time that the hub said is after this hub's
   * @param nowMs on a clock that is never set back
   * @returns whether its clock has been apart for a while, and the owner has not heard of it
   */
  hear(hub: string, aheadMs: number, nowMs: number): boolean {
    const heard = this.#hubs.get(hub) ?? { apartSinceMs: null, isTold: false };
    this.#hubs.set(hub, heard);
    if (Math.abs(aheadMs) <= CLOCKS.apartMs) {
      heard.apartSinceMs = null;
      heard.isTold = false;
      return false;
    }
    heard.apartSinceMs ??= nowMs;
    if (heard.isTold || nowMs - heard.apartSinceMs < CLOCKS.apartForMs) return false;
    heard.isTold = true;
    return true;
  }
}
