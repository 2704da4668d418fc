// A minute of a node's throughput as a line the size of a word.

import { svg } from './dom.ts';
import { TRAIL_LENGTH, type Trail } from './hubState.ts';

const WIDTH = 96;
const HEIGHT = 24;

export function sparkline(): SVGSVGElement {
  const line = svg('polyline', { points: '' });
  return svg(
    'svg',
    { class: 'spark', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    line,
  );
}

export function drawSparkline(element: SVGSVGElement, trail: Trail | undefined): void {
  const points = trail === undefined ? '' : sparkPoints(trail);
  const line = element.firstElementChild as SVGPolylineElement;
  if (line.getAttribute('points') !== points) line.setAttribute('points', points);
}

function sparkPoints({ values, start, known }: Trail): string {
  let most = 1_000;
  for (const value of values) if (value > most) most = value;
  let points = '';
  for (let step = TRAIL_LENGTH - known; step < TRAIL_LENGTH; step++) {
    const value = values[(start + step) % TRAIL_LENGTH]!;
    const x = (step / (TRAIL_LENGTH - 1)) * WIDTH;
    points += `${x.toFixed(1)},${(HEIGHT - 1.5 - (value / most) * (HEIGHT - 3)).toFixed(1)} `;
  }
  return points;
}
