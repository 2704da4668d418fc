// Rendezvous hashing for the choice of a node, on every new sticky session of a cluster: every hub computes the same ranks. Pure.

/** FNV-1a, 32 bits, over UTF-16 code units. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    hash ^= text.charCodeAt(at);
    hash = Math.imul(hash, 0x01000193);
  }
  return hash >>> 0;
}

/** From 0 to 2^32 - 1, evenly: the node with the greatest one is first. The mixing is MurmurHash3's (fmix32). */
export function rankOf(keyHash: number, nodeHash: number): number {
  let rank = Math.imul(keyHash, 0x9e3779b1) ^ nodeHash;
  rank = Math.imul(rank ^ (rank >>> 16), 0x85ebca6b);
  rank = Math.imul(rank ^ (rank >>> 13), 0xc2b2ae35);
  return (rank ^ (rank >>> 16)) >>> 0;
}
