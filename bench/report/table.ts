// The table on stdout: a block per case, a row per peer, medians over the rounds, and ours against the best tunnel. Used by run.ts.

import type { PeerName } from '../peers/peer.ts';
import type { CaseResult } from '../runScenario.ts';
import type { Scenario } from '../scenarios/scenario.ts';
import { medianOf, ratioToBest, valuesOf } from './stats.ts';

export function drawTable(scenario: Scenario, results: readonly CaseResult[]): string {
  return results.map((result) => `\n${scenario.name}: ${result.label}\n${drawCase(result)}`).join('');
}

function drawCase(result: CaseResult): string {
  const peers = Object.keys(result.samples) as PeerName[];
  const rows = [['', ...result.metrics.map(({ label }) => label)]];
  for (const peer of peers) {
    const cells = result.metrics.map(({ key, digits }) =>
      medianOf(valuesOf(result, peer, key))?.toFixed(digits),
    );
    rows.push([peer, ...cells.map((cell) => cell ?? '-')]);
  }
  const ratios = result.metrics.map((metric) => ratioToBest(result, metric));
  if (ratios.some((ratio) => ratio !== null)) {
    rows.push(['ours / best tunnel', ...ratios.map((ratio) => ratio?.toFixed(2) ?? '-')]);
  }
  if (result.metrics.some(({ target }) => target !== undefined)) {
    rows.push(['target', ...result.metrics.map(({ target }) => (target === undefined ? '' : `≤ ${target}`))]);
  }
  return draw(rows);
}

function draw(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join('  ');
  return rows.map((row) => `  ${line(row)}\n`).join('');
}
