// A link as a QR code, dark on light in any theme, with its quiet zone.

import { encode } from '/assets/uqr.js';
import { svg } from './dom.ts';

/** ISO/IEC 18004: four modules of white around it. */
const QUIET_MODULES = 4;

/** Of the whole code, where there is room. */
const SIDE_PX = 340;

/** Modules are whole pixels of the screen, so that cameras and decoders of screenshots see them all alike. */
export function qrCode(text: string, roomPx: number): SVGSVGElement {
  const { data, size } = encode(text, { ecc: 'M', border: QUIET_MODULES });
  let path = '';
  data.forEach((row, y) => {
    row.forEach((dark, x) => {
      if (dark) path += `M${x} ${y}h1v1h-1z`;
    });
  });
  const sidePx = Math.min(SIDE_PX, roomPx);
  const modulePx = Math.max(1, Math.round((sidePx * devicePixelRatio) / size)) / devicePixelRatio;
  const shrunkPx = modulePx * size > roomPx ? modulePx - 1 / devicePixelRatio : modulePx;
  return svg(
    'svg',
    {
      class: 'qr',
      width: shrunkPx * size,
      height: shrunkPx * size,
      viewBox: `0 0 ${size} ${size}`,
      role: 'img',
      'aria-label': 'QR code of the pairing link',
      'shape-rendering': 'crispEdges',
    },
    svg('rect', { width: size, height: size, fill: '#fff' }),
    svg('path', { d: path, fill: '#000' }),
  );
}
