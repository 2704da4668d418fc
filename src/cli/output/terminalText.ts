// Text as a terminal shows it: without what could move the cursor or turn the line around, cut or padded to a width, in tables. Pure.

import stringWidth from 'string-width';

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** Without control, format, private and unassigned characters, and with line breaks as blanks. */
export function printable(text: string): string {
  return text
    .normalize('NFC')
    .replace(/[\s\p{Zl}\p{Zp}]/gu, ' ')
    .replace(/\p{C}|\p{Variation_Selector}/gu, '');
}

/** Cells that printable text fills. */
export function cellsOf(text: string): number {
  return stringWidth(text);
}

/** At most `cells` wide, with "…" where something was cut off. */
export function cut(text: string, cells: number): string {
  if (cellsOf(text) <= cells) return text;
  let left = cells - 1;
  let kept = '';
  for (const { segment } of graphemes.segment(text)) {
    left -= cellsOf(segment);
    if (left < 0) break;
    kept += segment;
  }
  return cells > 0 ? `${kept}…` : '';
}

/** Exactly `cells` wide: cut, or filled with blanks behind it (in front of it where numbers line up on the right). */
export function fill(text: string, cells: number, side: 'left' | 'right' = 'left'): string {
  const short = cut(text, cells);
  const blanks = ' '.repeat(Math.max(0, cells - cellsOf(short)));
  return side === 'left' ? short + blanks : blanks + short;
}

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
      .map((cell, column) => fill(cell, widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return lines.map((line) => `${line}\n`).join('');
}
