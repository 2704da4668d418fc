// How many passwords may be tried: from one source, for one name, and in all. No source can use up what the others have, and sources
// from which a user has logged in have a reserve. Pure: time and the digest are arguments.

import { LRUCache } from 'lru-cache';
import { Bucket } from '../../base/tokenBucket.ts';
import { USERS } from '../../limits/owner.ts';

interface Ration {
  readonly bucket: Bucket;
  readonly perSecond: number;
  readonly burst: number;
  readonly reserve: number;
}

export class GuessRations {
  readonly #digest: (...words: [string, string, string]) => Uint8Array;
  readonly #ofSources = new LRUCache<string, Bucket>({ max: USERS.sourcesMax });
  readonly #ofNamesAndSources: Bucket[];
  readonly #ofNames: Bucket[];
  readonly #ofAll: Bucket;
  /** A user has logged in from these. Strangers cannot displace them. */
  readonly #trusted = new LRUCache<string, true>({ max: USERS.sourcesMax });

  /** @param digest with a secret key: chooses the bucket of a name */
  constructor(digest: (...words: [string, string, string]) => Uint8Array, nowMs: number) {
    this.#digest = digest;
    this.#ofNamesAndSources = buckets(USERS.guessesBurst, nowMs);
    this.#ofNames = buckets(USERS.nameGuessesBurst, nowMs);
    this.#ofAll = new Bucket(USERS.allGuessesBurst, nowMs);
  }

  /** A right password came from there. */
  trust(source: string): void {
    this.#trusted.set(source, true);
  }

  /** One guess, to be given back when it was right; null: not now. */
  take(name: string, source: string, nowMs: number): { giveBack(): void } | null {
    const taken: Ration[] = [];
    const giveBack = () => {
      for (const { bucket, burst } of taken) bucket.giveBack(burst);
    };
    for (const ration of this.#rations(name, source, nowMs)) {
      const { bucket, perSecond, burst, reserve } = ration;
      if (!bucket.take(perSecond, burst, nowMs, reserve)) {
        // What is refused costs nothing.
        giveBack();
        return null;
      }
      taken.push(ration);
    }
    return { giveBack };
  }

  #rations(name: string, source: string, nowMs: number): readonly Ration[] {
    const isTrusted = this.#trusted.has(source);
    return [
      {
        bucket: this.#ofSource(source, nowMs),
        perSecond: USERS.sourceGuessesPerSecond,
        burst: USERS.sourceGuessesBurst,
        reserve: 0,
      },
      {
        bucket: this.#choose(this.#ofNamesAndSources, name, source),
        perSecond: USERS.guessesPerSecond,
        burst: USERS.guessesBurst,
        reserve: 0,
      },
      {
        bucket: this.#choose(this.#ofNames, name, ''),
        perSecond: USERS.nameGuessesPerSecond,
        burst: USERS.nameGuessesBurst,
        reserve: isTrusted ? 0 : USERS.nameGuessesReserve,
      },
      {
        bucket: this.#ofAll,
        perSecond: USERS.allGuessesPerSecond,
        burst: USERS.allGuessesBurst,
        reserve: isTrusted ? 0 : USERS.allGuessesReserve,
      },
    ];
  }

  #ofSource(source: string, nowMs: number): Bucket {
    const known = this.#ofSources.get(source);
    if (known !== undefined) return known;
    const bucket = new Bucket(USERS.sourceGuessesBurst, nowMs);
    this.#ofSources.set(source, bucket);
    return bucket;
  }

  #choose(from: readonly Bucket[], name: string, source: string): Bucket {
    const digest = this.#digest('', name, source);
    const at = ((digest[0]! << 16) | (digest[1]! << 8) | digest[2]!) % from.length;
    return from[at]!;
  }
}

function buckets(burst: number, nowMs: number): Bucket[] {
  return Array.from({ length: USERS.guessBuckets }, () => new Bucket(burst, nowMs));
}
