// Medians over rounds, and ours against the best of the tunnels, round by round. Used by table.ts, result.ts and plots.

import type { PeerName } from '../peers/peer.ts';
import type { CaseResult } from '../runScenario.ts';
import type { Metric } from '../scenarios/scenario.ts';

/** Those that do what we do: encrypt, between two processes. */
const TUNNELS: readonly PeerName[] = ['ssh', 'shadowsocks'];

export function medianOf(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function valuesOf(result: CaseResult, peer: PeerName, key: string): number[] {
  return (result.samples[peer] ?? [])
    .map(({ numbers }) => numbers[key])
    .filter((value) => value !== undefined);
}

/** Median over the rounds of ours / best tunnel of the same round; null without either. */
export function ratioToBest(result: CaseResult, metric: Metric): number | null {
  const ours = valuesOf(result, 'restunnel', metric.key);
  const ratios: number[] = [];
  for (const [round, own] of ours.entries()) {
    const others = TUNNELS.map((peer) => valuesOf(result, peer, metric.key)[round]).filter(
      (value) => value !== undefined,
    );
    if (others.length === 0) continue;
    ratios.push(own / (metric.better === 'lower' ? Math.min(...others) : Math.max(...others)));
  }
  return medianOf(ratios);
}
