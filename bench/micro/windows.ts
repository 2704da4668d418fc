// What window accounting costs: bytes consumed on a stream, and the decision about its window at every top-up.

import type { Bench } from 'tinybench';
import { WINDOW } from '../../src/limits/path.ts';
import { PROTOCOL } from '../../src/limits/wire.ts';
import { nextWindow, WindowBudget } from '../../src/tunnel/window.ts';

const ROUND_TRIP_MS = 40;

export function addWindows(bench: Bench): void {
  const budget = new WindowBudget(WINDOW.sessionBudgetBytes, new WindowBudget(WINDOW.threadBudgetBytes));
  const initial = PROTOCOL.initialWindowBytes;
  bench.add('windows: a stream grows to the largest window and gives it back', () => {
    let window: number = initial;
    while (window < PROTOCOL.maxWindowBytes)
      window = nextWindow(window, window / 2, 1, ROUND_TRIP_MS, budget);
    budget.give(window - initial);
    if (budget.usedBytes !== 0) throw new Error('the budget leaks');
  });
  bench.add('windows: a top-up that changes nothing', () => {
    if (nextWindow(initial, initial / 2, 60, ROUND_TRIP_MS, budget) !== initial) throw new Error('it grew');
  });
}
