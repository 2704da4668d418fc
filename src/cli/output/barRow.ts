// A row of numbers as a row of bars. Pure. Called by the live view.

const BARS = '▁▂▃▄▅▆▇█';

/**
 * The last `width` values, oldest first, each a bar between nothing and the largest of them; fewer values leave blanks in front. Anything
 * above nothing can be told from nothing.
 */
export function sparkline(values: readonly number[], width: number): string {
  const shown = width > 0 ? values.slice(-width) : [];
  const most = Math.max(0, ...shown);
  const bars = shown.map((value) => BARS[value > 0 ? Math.max(1, Math.ceil((value / most) * 7)) : 0]);
  return ' '.repeat(Math.max(0, width - shown.length)) + bars.join('');
}
