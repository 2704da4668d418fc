// The QR code that a page shows, as a camera would read it off the screen.

import jsqr from 'jsqr';
import { PNG } from 'pngjs';
import type { Page } from 'puppeteer-core';

/** Null: there is none, or it cannot be read. */
export async function readQr(page: Page): Promise<string | null> {
  const { data, width, height } = PNG.sync.read(Buffer.from(await page.screenshot()));
  // The package's types call the function a module.
  return jsqr.default(new Uint8ClampedArray(data), width, height)?.data ?? null;
}
