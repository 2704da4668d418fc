// Takes the pictures of the dashboard that README and docs show, over a made-up fleet: npx node scripts/dashboardPictures.ts

import { fileURLToPath } from 'node:url';
import puppeteer from 'puppeteer-core';
import { findProgram } from '../bench/machine/programs.ts';
import { serveFake } from '../test/dashboard/serveFake.ts';

const PICTURES = [
  { file: 'dashboard-fleet-light.png', width: 1200, height: 800, scheme: 'light', hash: '#/' },
  { file: 'dashboard-fleet-dark.png', width: 1200, height: 800, scheme: 'dark', hash: '#/' },
  { file: 'dashboard-pair.png', width: 1000, height: 560, scheme: 'dark', hash: '#/pair' },
] as const;
const DAY_MS = 86_400_000;
const SECONDS_WATCHED = 8;

const chromium = findProgram('chromium');
if (chromium === null) throw new Error('chromium is not installed');
let aheadMs = -3 * DAY_MS;
const { fleet, url, close } = await serveFake({ nodes: 3, now: () => Date.now() + aheadMs });
aheadMs = 0;
const browser = await puppeteer.launch({ executablePath: chromium, args: ['--no-sandbox'] });
try {
  for (const { file, width, height, scheme, hash } of PICTURES) {
    const page = await browser.newPage();
    await page.setViewport({ width, height });
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
    await page.goto(`${url}/${hash}`);
    await page.waitForSelector('.viewHead');
    if (hash === '#/pair') {
      await page.click('form button');
      await page.waitForSelector('.pairing');
    }
    for (let second = 0; second < SECONDS_WATCHED; second++) {
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      fleet.tick();
    }
    // No focus ring, no pointer.
    await page.evaluate('document.activeElement?.blur()');
    await page.screenshot({
      path: fileURLToPath(new URL(`../docs/${file}`, import.meta.url)) as `${string}.png`,
    });
    await page.close();
  }
} finally {
  await browser.close();
  await close();
}
