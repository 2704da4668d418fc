// Bars of a scenario's first metric as SVG, readable on light and on dark pages, with what we aim at as a mark.

import type { PeerName } from '../peers/peer.ts';
import type { CaseResult } from '../runScenario.ts';
import type { Metric, Scenario } from '../scenarios/scenario.ts';
import { medianOf, TUNNELS, valuesOf } from './stats.ts';

const WIDTH = 720;
const LABELS_WIDTH = 190;
const VALUES_WIDTH = 80;
const BAR_HEIGHT = 16;
const ROW_HEIGHT = 22;
const CASE_HEIGHT = 34;
const TOP = 34;

const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .title { font-weight: 600; }
  .case { fill: #59636e; }
  .bar { fill: #8c959f; }
  .ours { fill: #0969da; }
  .aim { stroke: #bc4c00; stroke-width: 2; }
  .aimText { fill: #bc4c00; font-size: 11px; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .case { fill: #9198a1; }
    .bar { fill: #6e7681; }
    .ours { fill: #4493f8; }
    .aim { stroke: #f0883e; }
    .aimText { fill: #f0883e; }
  }`;

export function drawPlot(scenario: Scenario, results: readonly CaseResult[]): string {
  const parts: string[] = [];
  let y = TOP;
  for (const result of results) {
    const metric = result.metrics[0];
    if (metric === undefined) continue;
    parts.push(text(0, y + 20, 'case', `${result.label}: ${metric.label}, ${metric.better} is better`));
    y += CASE_HEIGHT;
    const { svg, height } = drawBars(result, metric, y);
    parts.push(svg);
    y += height;
  }
  const title = text(0, 18, 'title', `${scenario.name}: ${scenario.about}`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 8}" role="img">
<title>${escaped(`${scenario.name}: ${scenario.about}`)}</title>
<style>${STYLE}
</style>
${[title, ...parts].join('\n')}
</svg>
`;
}

function drawBars(result: CaseResult, metric: Metric, top: number): { svg: string; height: number } {
  const rows = result.contestants
    .map((contestant) => ({ ...contestant, value: medianOf(valuesOf(contestant, metric.key)) }))
    // Without a tunnel there is nothing to measure: no proxy has no CPU time.
    .filter(({ peer, value }) => value !== null && !(peer === 'direct' && value === 0));
  const aim = aimOf(metric, rows);
  const largest = Math.max(...rows.map(({ value }) => value!), aim ?? 0, Number.MIN_VALUE);
  const width = WIDTH - LABELS_WIDTH - VALUES_WIDTH;
  const lengthOf = (value: number): number => (Math.max(value, 0) / largest) * width;
  const bars = rows.map(({ name, peer, value }, at) => {
    const y = top + at * ROW_HEIGHT;
    const length = lengthOf(value!);
    const kind = peer === 'restunnel' ? 'bar ours' : 'bar';
    return [
      text(0, y + 13, '', name),
      `<rect class="${kind}" x="${LABELS_WIDTH}" y="${y}" width="${length.toFixed(1)}" height="${BAR_HEIGHT}" rx="2"/>`,
      text(LABELS_WIDTH + length + 6, y + 13, '', value!.toFixed(metric.digits)),
    ].join('\n');
  });
  let height = rows.length * ROW_HEIGHT;
  if (aim !== null) {
    const x = (LABELS_WIDTH + lengthOf(aim)).toFixed(1);
    bars.push(`<line class="aim" x1="${x}" x2="${x}" y1="${top - 3}" y2="${top + height}"/>`);
    height += 14;
    bars.push(text(Number(x), top + height - 3, 'aimText', `aim ${aim.toFixed(metric.digits)}`, 'middle'));
  }
  return { svg: bars.join('\n'), height };
}

/** In the metric's own unit. */
function aimOf(metric: Metric, rows: readonly { peer: PeerName; value: number | null }[]): number | null {
  if (metric.limit !== undefined) return metric.limit;
  const tunnels = rows.filter(({ peer }) => TUNNELS.includes(peer)).map(({ value }) => value!);
  if (metric.target === undefined || tunnels.length === 0) return null;
  return metric.target * (metric.better === 'lower' ? Math.min(...tunnels) : Math.max(...tunnels));
}

function text(x: number, y: number, kind: string, words: string, anchor = 'start'): string {
  return `<text class="${kind}" x="${x.toFixed(1)}" y="${y}" text-anchor="${anchor}">${escaped(words)}</text>`;
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
