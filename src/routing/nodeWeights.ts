// The weighing of nodes: about once a second it looks at what each of them did, sets its weight, and tells its breaker. Pure: time and
// figures come from outside.

import { ROUTING } from '../limits/routing.ts';
import type { NodeTable } from './nodeTable.ts';
import type { RoutedNode, SessionFigures } from './routedNode.ts';

/** What the nodes of one pass add up to. */
interface Sums {
  recent: number;
  weight: number;
  /** The largest raw weight. */
  best: number;
  /** Of the nodes whose peak rate is known. */
  peak: number;
  peaks: number;
}

export class NodeWeights {
  readonly #table: NodeTable;
  readonly #figures: SessionFigures;
  /** The pass over all nodes that is under way; null between two. */
  #pass: MapIterator<RoutedNode> | null = null;
  #sums = noSums();
  /** Of the last whole pass: recent choices for a weight of 1, the largest raw weight, and the mean of the peak rates. */
  #usualRecent = 0;
  #bestWeight = 1;
  #usualPeak = 0;

  constructor(table: NodeTable, figures: SessionFigures) {
    this.#table = table;
    this.#figures = figures;
  }

  /** A node with its first lane counts as busy as the others: it does not get every stream until it has caught up. */
  welcome(node: RoutedNode, nowMs: number): void {
    node.recent = this.#usualRecent * node.weight;
    node.sampledMs = nowMs;
  }

  /** Looks at up to ROUTING.sampleNodesMax nodes. True when that ends a pass over all of them. */
  sampleSome(nowMs: number): boolean {
    this.#pass ??= this.#table.all();
    for (let looked = 0; looked < ROUTING.sampleNodesMax; looked++) {
      const { value: node, done } = this.#pass.next();
      if (done) {
        this.#endPass();
        return true;
      }
      if (node.lanes.length === 0 && node.recent === 0 && node.breaker.state === 'closed') continue;
      this.sample(node, nowMs);
      this.#weigh(node);
    }
    return false;
  }

  /** What the node did since the last call. Also call it before one of its lanes leaves. */
  sample(node: RoutedNode, nowMs: number): void {
    const figures = this.#figures;
    let succeeded = 0;
    let failed = 0;
    let bytes = 0;
    let roundTripMs = -1;
    for (const lane of node.lanes) {
      const { index } = lane.route;
      const succeededNow = figures.succeeded(index);
      const failedNow = figures.failed(index);
      const bytesNow = figures.bytes(index);
      succeeded += (succeededNow - lane.succeeded) | 0;
      failed += (failedNow - lane.failed) | 0;
      bytes += bytesNow - lane.bytes;
      lane.succeeded = succeededNow;
      lane.failed = failedNow;
      lane.bytes = bytesNow;
      const laneMs = figures.roundTripMs(index);
      if (laneMs >= 0 && (roundTripMs < 0 || laneMs < roundTripMs)) roundTripMs = laneMs;
    }
    const elapsedMs = nowMs - node.sampledMs;
    node.sampledMs = nowMs;
    node.recent *= 2 ** (-elapsedMs / ROUTING.recentHalfLifeMs);
    if (node.recent < 1e-3) node.recent = 0;
    node.quality.note(succeeded, failed, roundTripMs, bytes, elapsedMs);
    if (node.breaker.note(succeeded, failed, nowMs)) this.#table.breakerChanged(node);
  }

  #weigh(node: RoutedNode): void {
    const raw = node.quality.weight(this.#usualPeak);
    node.weight = Math.min(1, raw / this.#bestWeight);
    if (node.lanes.length === 0) return;
    const sums = this.#sums;
    sums.recent += node.recent;
    sums.weight += node.weight;
    sums.best = Math.max(sums.best, raw);
    const peak = node.quality.peakBytesPerSecond;
    if (peak === 0) return;
    sums.peak += peak;
    sums.peaks++;
  }

  #endPass(): void {
    const { recent, weight, best, peak, peaks } = this.#sums;
    this.#usualRecent = weight === 0 ? 0 : recent / weight;
    this.#bestWeight = best === 0 ? 1 : best;
    this.#usualPeak = peaks === 0 ? 0 : peak / peaks;
    this.#sums = noSums();
    this.#pass = null;
  }
}

function noSums(): Sums {
  return { recent: 0, weight: 0, best: 0, peak: 0, peaks: 0 };
}
