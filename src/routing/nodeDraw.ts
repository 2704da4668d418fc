// The choice among the nodes that fit: of a few, the least loaded; of many, the better of two drawn by weight (the power of two choices).
// The hubs of a cluster begin a sticky session with the same node, by rendezvous hashing. Pure: time, figures and randomness come through
// functions.

import { ROUTING } from '../limits/routing.ts';
import type { FailureName } from '../model/failures.ts';
import type { CandidateSet } from './candidateSet.ts';
import { rankOf } from './rendezvous.ts';
import { type RoutedNode, type SessionFigures, SILENT_LOAD } from './routedNode.ts';

/** HostBans.of(). */
type Bans = ReadonlyMap<string, number> | null;

export class NodeDraw {
  readonly #figures: SessionFigures;
  readonly #nowMs: () => number;
  readonly #random: () => number;

  /** @param random evenly from [0, 1) */
  constructor(figures: SessionFigures, nowMs: () => number, random: () => number) {
    this.#figures = figures;
    this.#nowMs = nowMs;
    this.#random = random;
  }

  /**
   * A node for one more stream, which counts as chosen; null when none takes it. Allocates nothing.
   * @param bans of the stream's host
   * @param excluded ids of nodes that are left out
   */
  choose(set: CandidateSet, bans: Bans, excluded: readonly string[]): RoutedNode | null {
    const node = this.#among(set.available, bans, excluded) ?? this.#among(set.tripped, bans, excluded);
    if (node !== null) node.recent++;
    return node;
  }

  /** The node that ranks first for a key, whoever asks; it counts as chosen. null when none takes the stream. */
  first(keyHash: number, set: CandidateSet, bans: Bans, excluded: readonly string[]): RoutedNode | null {
    const node =
      this.#firstAmong(keyHash, set.available, bans, excluded) ??
      this.#firstAmong(keyHash, set.tripped, bans, excluded);
    if (node !== null) node.recent++;
    return node;
  }

  #firstAmong(
    keyHash: number,
    nodes: readonly RoutedNode[],
    bans: Bans,
    excluded: readonly string[],
  ): RoutedNode | null {
    let best: RoutedNode | null = null;
    let bestRank = -1;
    for (let at = 0; at < nodes.length; at++) {
      const node = nodes[at]!;
      const rank = rankOf(keyHash, node.hash);
      // Of two with one rank, which is rare, the id decides: the order of the list is this hub's own.
      const isBetter = rank > bestRank || (rank === bestRank && best !== null && node.id < best.id);
      if (!isBetter || !this.#takes(node, bans, excluded)) continue;
      best = node;
      bestRank = rank;
    }
    return best;
  }

  #among(nodes: readonly RoutedNode[], bans: Bans, excluded: readonly string[]): RoutedNode | null {
    if (nodes.length === 0) return null;
    const first = this.#drawByWeight(nodes);
    if (nodes.length <= ROUTING.comparedMax) return this.#leastLoaded(nodes, first, bans, excluded);
    let best: RoutedNode | null = null;
    let bestScore = 0;
    let node = first;
    for (let draws = 0; draws < ROUTING.drawsMax; draws++) {
      if (this.#takes(node, bans, excluded)) {
        const score = this.#score(node);
        if (best !== null) return score < bestScore ? node : best;
        best = node;
        bestScore = score;
      }
      node = this.#drawByWeight(nodes);
    }
    return best ?? this.#anyThatTakes(nodes, bans, excluded);
  }

  /** Rejection sampling: a node drawn evenly is taken with a probability equal to its weight, which is 1 for the best node. */
  #drawByWeight(nodes: readonly RoutedNode[]): RoutedNode {
    const random = this.#random;
    let node = nodes[(random() * nodes.length) | 0]!;
    for (let draws = 1; draws < ROUTING.drawsMax && random() >= node.weight; draws++) {
      node = nodes[(random() * nodes.length) | 0]!;
    }
    return node;
  }

  /** All are compared, beginning with the one drawn, which wins among equals. */
  #leastLoaded(
    nodes: readonly RoutedNode[],
    drawn: RoutedNode,
    bans: Bans,
    excluded: readonly string[],
  ): RoutedNode | null {
    let best: RoutedNode | null = null;
    let bestScore = Number.POSITIVE_INFINITY;
    const start = nodes.indexOf(drawn);
    for (let step = 0; step < nodes.length; step++) {
      const node = nodes[(start + step) % nodes.length]!;
      const score = this.#score(node);
      if (score >= bestScore || !this.#takes(node, bans, excluded)) continue;
      best = node;
      bestScore = score;
    }
    return best;
  }

  /** The draws found only nodes that take nothing: all are asked, beginning anywhere. */
  #anyThatTakes(nodes: readonly RoutedNode[], bans: Bans, excluded: readonly string[]): RoutedNode | null {
    const start = (this.#random() * nodes.length) | 0;
    for (let step = 0; step < nodes.length; step++) {
      const node = nodes[(start + step) % nodes.length]!;
      if (this.#takes(node, bans, excluded)) return node;
    }
    return null;
  }

  #takes(node: RoutedNode, bans: Bans, excluded: readonly string[]): boolean {
    if (node.load(this.#figures) >= node.streamsMax) return false;
    if (node.breaker.state === 'halfOpen' && node.breaker.probes <= 0) return false;
    if (bans !== null && (bans.get(node.id) ?? 0) > this.#nowMs()) return false;
    return excluded.length === 0 || !excluded.includes(node.id);
  }

  /** Streams that are open, and recent choices, for each unit of weight. The lowest is next. */
  #score(node: RoutedNode): number {
    const silent = node.isSilent(this.#figures) ? SILENT_LOAD : 0;
    return (node.load(this.#figures) + node.recent + silent) / node.weight;
  }

  /** Why choose() found nobody; null: no node fits at all. */
  whyNone(set: CandidateSet, bans: Bans, excluded: readonly string[]): FailureName | null {
    for (const nodes of [set.available, set.tripped]) {
      for (const node of nodes) {
        if (excluded.includes(node.id) || bans?.has(node.id)) continue;
        if (node.load(this.#figures) < node.streamsMax) continue;
        return node.streamsMax === node.routing.streamsMax ? 'nodeStreamsLimit' : 'nodeBusy';
      }
    }
    return set.closedWhy;
  }
}
