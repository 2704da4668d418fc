// Rendezvous hashing (Thaler and Ravishankar, 1998): everybody who knows the same candidates ranks them alike for a key, and a candidate
// that comes or goes moves only what it wins or loses. Pure.

import sodium from 'sodium-native';

/** The candidates, the best first. Both in any bytes. */
export function rankedFor<Candidate>(
  key: Uint8Array,
  candidates: readonly Candidate[],
  bytesOf: (candidate: Candidate) => Uint8Array,
): Candidate[] {
  return candidates
    .map((candidate) => ({ candidate, score: scoreOf(key, bytesOf(candidate)) }))
    .sort((one, other) => Buffer.compare(other.score, one.score))
    .map(({ candidate }) => candidate);
}

function scoreOf(key: Uint8Array, candidate: Uint8Array): Uint8Array {
  const score = new Uint8Array(16);
  // The key's length goes first, so that no two pairs make the same bytes.
  const length = Uint8Array.of(key.length >>> 24, key.length >>> 16, key.length >>> 8, key.length);
  sodium.crypto_generichash_batch(score, [length, key, candidate]);
  return score;
}
