// A limit of the fleet divided among the hubs by use: each hub computes its own share of what all of them say they use. Pure.

import { SHARES } from '../limits/cluster.ts';

/**
 * One hub's share of a rate. Whoever uses its share in full grows at the expense of the idle, who keep a little to begin with: so shares
 * settle within a few rounds of saying.
 * @param uses of all hubs that reach the node, this one's included
 */
export function rateShare(limit: number, own: number, uses: readonly number[]): number {
  const floor = (limit * SHARES.idleShare) / Math.max(1, uses.length);
  const weight = (use: number) => Math.min(use, limit) + floor;
  const sum = uses.reduce((all, use) => all + weight(use), 0);
  return sum === 0 ? limit : (limit * weight(own)) / sum;
}

/**
 * One hub's share of a number of streams, in whole ones: the shares of all hubs together are the limit. As long as streams are free, each hub
 * may open one more than it has, whatever its share: an idle hub of a small limit would have none otherwise, and never come to use one.
 * @param hub names this one in `uses`
 * @param uses open streams by hub
 */
export function streamShare(limit: number, hub: string, uses: ReadonlyMap<string, number>): number {
  // The same order everywhere, for sums to the last bit as well: the remainders go to the same hubs.
  const hubs = [...uses.keys()].sort();
  if (!hubs.includes(hub)) return 0;
  const inOrder = hubs.map((each) => uses.get(each)!);
  const exact = new Map(hubs.map((each, at) => [each, rateShare(limit, inOrder[at]!, inOrder)]));
  const shares = new Map(hubs.map((each) => [each, Math.floor(exact.get(each)!)]));
  let left = limit - [...shares.values()].reduce((all, share) => all + share, 0);
  const remainder = (each: string) => exact.get(each)! - shares.get(each)!;
  for (const each of hubs.toSorted(
    (one, other) => remainder(other) - remainder(one) || (one < other ? -1 : 1),
  )) {
    if (left <= 0) break;
    shares.set(each, shares.get(each)! + 1);
    left--;
  }
  const share = shares.get(hub)!;
  const open = inOrder.reduce((all, use) => all + use, 0);
  return open < limit ? Math.max(share, uses.get(hub)! + 1) : share;
}
