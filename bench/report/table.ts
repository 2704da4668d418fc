// The table on stdout: a block per case, a row per contestant, medians over the rounds, ours against the best tunnel, and what we aim at.

import type { CaseResult } from '../runScenario.ts';
import type { Metric, Scenario } from '../scenarios/scenario.ts';
import { medianOf, ratioToBest, valuesOf } from './stats.ts';

export function drawTable(scenario: Scenario, results: readonly CaseResult[]): string {
  return results.map((result) => `\n${scenario.name}: ${result.label}\n${drawCase(result)}`).join('');
}

function drawCase(result: CaseResult): string {
  const { contestants, metrics } = result;
  const rows = [['', ...metrics.map(({ label }) => label)]];
  for (const contestant of contestants) {
    const cells = metrics.map(({ key, digits }) => medianOf(valuesOf(contestant, key))?.toFixed(digits));
    rows.push([contestant.name, ...cells.map((cell) => cell ?? '-')]);
  }
  const toTunnels = metrics.map((metric) => ratioToBest(result, metric));
  addRatios(rows, 'ours / best tunnel', toTunnels, metrics, ({ target }) => target);
  const toFloor = metrics.map((metric) =>
    metric.floorTarget === undefined ? null : ratioToBest(result, metric, ['floor']),
  );
  addRatios(rows, 'ours / floor', toFloor, metrics, ({ floorTarget }) => floorTarget);
  addAims(rows, 'aim', metrics, ({ limit }) => limit);
  return drawRows(rows);
}

function addRatios(
  rows: string[][],
  name: string,
  ratios: readonly (number | null)[],
  metrics: readonly Metric[],
  aimOf: (metric: Metric) => number | undefined,
): void {
  if (ratios.every((ratio) => ratio === null)) return;
  rows.push([name, ...ratios.map((ratio) => ratio?.toFixed(2) ?? '-')]);
  addAims(rows, 'aim (ratio)', metrics, aimOf);
}

function addAims(
  rows: string[][],
  name: string,
  metrics: readonly Metric[],
  aimOf: (metric: Metric) => number | undefined,
): void {
  if (metrics.every((metric) => aimOf(metric) === undefined)) return;
  const cells = metrics.map((metric) => {
    const aim = aimOf(metric);
    return aim === undefined ? '' : `${metric.better === 'higher' ? '≥' : '≤'} ${aim}`;
  });
  rows.push([name, ...cells]);
}

/** The first row is the head. */
export function drawRows(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!)))
      .join('  ')
      .trimEnd();
  return rows.map((row) => `  ${line(row)}\n`).join('');
}
