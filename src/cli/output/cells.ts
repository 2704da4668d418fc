// Text as a terminal shows it: how many cells it fills, cut and padded to a width, and without what could move the cursor or turn the
// line around. Pure. Called by the tables and the live view.

/** East Asian Wide and Fullwidth (UAX #11), and the blocks of emoji. */
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0xa4cf],
  [0xa960, 0xa97c],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6b],
  [0xff01, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f1e6, 0x1f64f],
  [0x1f680, 0x1f6ff],
  [0x1f900, 0x1faff],
  [0x20000, 0x3fffd],
];

const COMBINING = /\p{M}/u;
const EMOJI = /\p{Emoji_Presentation}/u;

/** Without control, format, private and unassigned characters, and with line breaks as blanks. */
export function printable(text: string): string {
  return text
    .normalize('NFC')
    .replace(/[\s\p{Zl}\p{Zp}]/gu, ' ')
    .replace(/\p{C}|\p{Variation_Selector}/gu, '');
}

/** Cells that printable text fills. */
export function cellsOf(text: string): number {
  let cells = 0;
  for (const character of text) cells += cellsOfCharacter(character);
  return cells;
}

/** At most `cells` wide, with "…" where something was cut off. */
export function cut(text: string, cells: number): string {
  if (cellsOf(text) <= cells) return text;
  let left = cells - 1;
  let kept = '';
  for (const character of text) {
    left -= cellsOfCharacter(character);
    if (left < 0) break;
    kept += character;
  }
  return cells > 0 ? `${kept}…` : '';
}

/** Exactly `cells` wide: cut, or filled with blanks behind it (in front of it where numbers line up on the right). */
export function fill(text: string, cells: number, side: 'left' | 'right' = 'left'): string {
  const short = cut(text, cells);
  const blanks = ' '.repeat(Math.max(0, cells - cellsOf(short)));
  return side === 'left' ? short + blanks : blanks + short;
}

function cellsOfCharacter(character: string): number {
  const code = character.codePointAt(0)!;
  if (code < 0x300) return 1;
  if (COMBINING.test(character)) return 0;
  if (EMOJI.test(character)) return 2;
  return WIDE.some(([first, last]) => code >= first && code <= last) ? 2 : 1;
}
