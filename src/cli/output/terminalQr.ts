// A QR code for the terminal, two modules per character. Pure.

import { encode } from 'uqr';

/** Modules of light border that ISO/IEC 18004 asks for. */
const QUIET_ZONE = 4;

/**
 * Half blocks, light modules drawn and dark ones left blank, as readers expect of a dark terminal; on a terminal that
 * shows colours (`colour`) black on white is forced, so that it reads on a light one too. Lines end with "\n".
 */
export function drawQr(text: string, colour: boolean): string {
  const { data, size } = encode(text, { ecc: 'L', border: QUIET_ZONE });
  let drawing = '';
  for (let y = 0; y < size; y += 2) {
    let line = '';
    for (let x = 0; x < size; x++) {
      const top = data[y]?.[x] !== true;
      // The row below the last one is blank paper.
      const bottom = data[y + 1]?.[x] !== true;
      line += top ? (bottom ? '█' : '▀') : bottom ? '▄' : ' ';
    }
    drawing += colour ? `\x1b[97;40m${line}\x1b[0m\n` : `${line}\n`;
  }
  return drawing;
}
