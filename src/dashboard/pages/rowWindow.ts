// Which rows of a long list are worth drawing, when rows are not all equally high. Pure.

/** Until one was measured, in CSS pixels. */
const ROW_HEIGHT = 62;
/** The ends of what is drawn are multiples of it, so that most steps of a scroll change nothing. */
const STEP_ROWS = 10;

export interface RowRange {
  readonly first: number;
  /** One behind the last. */
  readonly end: number;
}

/** Heights of rows as they were when they were drawn last; the others are as high as those on average. */
export class RowHeights {
  readonly #heights = new Map<string, number>();
  #sum = 0;

  set(id: string, height: number): void {
    if (height <= 0) return;
    this.#sum += height - (this.#heights.get(id) ?? 0);
    this.#heights.set(id, height);
  }

  /** The width has changed. */
  clear(): void {
    this.#heights.clear();
    this.#sum = 0;
  }

  of(id: string): number {
    return this.#heights.get(id) ?? this.average;
  }

  /** From row `first` up to row `end`. */
  between(ids: readonly string[], first: number, end: number): number {
    let height = 0;
    for (let at = first; at < end; at++) height += this.of(ids[at]!);
    return height;
  }

  get average(): number {
    return this.#heights.size === 0 ? ROW_HEIGHT : this.#sum / this.#heights.size;
  }
}

/** Rows that a view from `top` to `bottom` shows, measured from where the list begins, and as much again above and below. */
export function rowsAround(
  ids: readonly string[],
  heights: RowHeights,
  top: number,
  bottom: number,
): RowRange {
  const margin = bottom - top;
  let first = 0;
  let y = 0;
  while (first < ids.length) {
    const height = heights.of(ids[first]!);
    if (y + height > top - margin) break;
    y += height;
    first++;
  }
  let end = first;
  while (end < ids.length && y < bottom + margin) y += heights.of(ids[end++]!);
  return {
    first: Math.floor(first / STEP_ROWS) * STEP_ROWS,
    end: Math.min(ids.length, Math.ceil(end / STEP_ROWS) * STEP_ROWS),
  };
}
