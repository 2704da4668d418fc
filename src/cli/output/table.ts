// Plain text tables. Pure; called by whatever lists things.

import { cellsOf, printable } from './cells.ts';

/** Columns two spaces apart, each as wide as its widest cell; lines end with "\n" and carry no trailing blanks. */
export function drawTable(rows: readonly (readonly string[])[]): string {
  const clean = rows.map((row) => row.map(printable));
  const widths: number[] = [];
  for (const row of clean) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cellsOf(cell));
    });
  }
  const lines = clean.map((row) =>
    row
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - cellsOf(cell)))
      .join('  ')
      .trimEnd(),
  );
  return lines.map((line) => `${line}\n`).join('');
}
