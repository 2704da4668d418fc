// Medians over rounds, and ours against others, round by round.

import { OTHER_TUNNELS, type PeerName } from '../peers/peer.ts';
import type { CaseResult, ContestantSamples } from '../runScenario.ts';
import type { Metric } from '../scenarios/scenario.ts';

/** Those that do what we do: encrypt, between two processes. */
export const TUNNELS: readonly PeerName[] = ['ssh', 'shadowsocks', ...OTHER_TUNNELS];

export function medianOf(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function valuesOf({ samples }: ContestantSamples, key: string): number[] {
  return samples.map(({ numbers }) => numbers[key]).filter((value) => value !== undefined);
}

/** Median over the rounds of ours / the best of those in the same round; null without either. */
export function ratioToBest({ contestants }: CaseResult, metric: Metric, of = TUNNELS): number | null {
  const ours = contestants.find(({ peer }) => peer === 'restunnel');
  const others = contestants.filter(({ peer }) => of.includes(peer));
  if (ours === undefined || others.length === 0) return null;
  const ratios: number[] = [];
  for (const [round, own] of valuesOf(ours, metric.key).entries()) {
    const values = others
      .map((other) => valuesOf(other, metric.key)[round])
      .filter((value) => value !== undefined);
    const best = metric.better === 'lower' ? Math.min(...values) : Math.max(...values);
    if (values.length > 0 && best > 0) ratios.push(own / best);
  }
  return medianOf(ratios);
}
