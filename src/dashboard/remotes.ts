// How many requests one remote address may send. Refused ones have a store of their own, so that a page elsewhere that floods the
// dashboard with what is refused anyway does not take the owner's. Pure.

import { LRUCache } from 'lru-cache';
import { sourceKey } from '../base/sourceKey.ts';
import { Bucket } from '../base/tokenBucket.ts';
import { DASHBOARD } from '../limits/owner.ts';

interface Remote {
  readonly requests: Bucket;
  readonly refusals: Bucket;
  readonly guesses: Bucket;
}

export class Remotes {
  readonly #remotes = new LRUCache<string, Remote>({ max: DASHBOARD.remotesMax });

  /** Whether one more request is within the rate. */
  takeRequest(address: string, nowMs: number): boolean {
    const { requests } = this.#of(address, nowMs);
    return requests.take(DASHBOARD.requestsPerSecond, DASHBOARD.requestsBurst, nowMs);
  }

  /** Whether one more refusal is worth a sentence. */
  takeRefusal(address: string, nowMs: number): boolean {
    const { refusals } = this.#of(address, nowMs);
    return refusals.take(DASHBOARD.refusalsPerSecond, DASHBOARD.refusalsBurst, nowMs);
  }

  /** Whether one more password may be tried. */
  takeGuess(address: string, nowMs: number): boolean {
    const { guesses } = this.#of(address, nowMs);
    return guesses.take(DASHBOARD.guessesPerSecond, DASHBOARD.guessesBurst, nowMs);
  }

  #of(address: string, nowMs: number): Remote {
    const known = this.#remotes.get(address);
    if (known !== undefined) return known;
    const remote = {
      requests: new Bucket(DASHBOARD.requestsBurst, nowMs),
      refusals: new Bucket(DASHBOARD.refusalsBurst, nowMs),
      guesses: new Bucket(DASHBOARD.guessesBurst, nowMs),
    };
    this.#remotes.set(address, remote);
    return remote;
  }
}

/** Who counts as one: an address, or the /64 of an IPv6 one. */
export function remoteOf({
  socket,
}: {
  readonly socket: { readonly remoteAddress?: string | undefined };
}): string {
  return sourceKey(socket.remoteAddress ?? '');
}
