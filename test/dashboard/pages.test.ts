// The pages in Chromium, over a fleet that is not there: axe and layout on every page in every form, what each page does, and that
// nothing a device says becomes code.

import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type jsqr from 'jsqr';
import { PNG } from 'pngjs';
import puppeteer, { type Browser, type BrowserContext, type Page } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { findProgram } from '../../bench/machine/programs.ts';
import { needs } from '../require.ts';
import { eventually } from '../system/harness.ts';
import { type FakeDashboard, type FakeOptions, serveFake } from './serveFake.ts';

const require = createRequire(import.meta.url);
/** Its types speak of a default export that there is none of. */
const jsQR = require('jsqr') as typeof jsqr.default;
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const FORMS = {
  light: { width: 1280, height: 860, scheme: 'light' },
  dark: { width: 1280, height: 860, scheme: 'dark' },
  phone: { width: 360, height: 740, scheme: 'light' },
  darkPhone: { width: 320, height: 640, scheme: 'dark' },
} as const;
type Form = keyof typeof FORMS;

const EVIL = '<img src=x onerror=alert(1)>';
const PAGES_FOLDER = fileURLToPath(new URL('../../src/dashboard/pages/', import.meta.url));
const need = needs('chromium');

let browser: Browser;
const open: { close(): Promise<unknown> }[] = [];
/** What no page may do, as it was done. */
let complaints: string[] = [];
/** How often a page has asked for the live channel. */
let liveAsked = 0;

beforeAll(async () => {
  if (need.skip) return;
  browser = await puppeteer.launch({
    executablePath: findProgram('chromium')!,
    args: ['--no-sandbox', '--headless=new', '--disable-dev-shm-usage'],
  });
});
afterAll(() => browser?.close());
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
  const heard = complaints;
  complaints = [];
  liveAsked = 0;
  expect(heard).toEqual([]);
});

async function serve(...options: FakeOptions): Promise<FakeDashboard> {
  const fake = await serveFake(...options);
  open.push(fake);
  return fake;
}

/** A page of its own, or one more of a browser's, that has drawn its first view. `expected`: what it may complain of. */
async function openPage(
  fake: FakeDashboard,
  form: Form = 'light',
  path = '/',
  expected: RegExp | null = null,
  context: BrowserContext | null = null,
): Promise<Page> {
  if (context === null) {
    context = await browser.createBrowserContext();
    open.push(context);
  }
  const page = await context.newPage();
  // Tabs, too, are windows that somebody sees.
  await page.evaluateOnNewDocument(
    `Object.defineProperty(document, 'hidden', { value: false, configurable: true })`,
  );
  const complain = (text: string): void => {
    if (expected === null || !expected.test(text)) complaints.push(text);
  };
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warn') complain(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => complain(`error: ${String(error)}`));
  page.on('dialog', (dialog) => {
    complain(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    if (new URL(request.url()).pathname === '/api/v1/live') liveAsked += 1;
    // The browser draws its own icons of data: URLs.
    if (!request.url().startsWith(`${fake.url}/`) && !request.url().startsWith('data:'))
      complain(`request to ${request.url()}`);
  });
  const { scheme, ...viewport } = FORMS[form];
  await page.setViewport(viewport);
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
  await page.goto(`${fake.url}${path}`);
  await page.waitForSelector(path === '/login' ? '#password' : '.viewHead');
  return page;
}

/** Typed here, because the tests' types know no browser. */
function inPage<T>(page: Page, expression: string): Promise<T> {
  return page.evaluate(expression) as Promise<T>;
}

async function goTo(page: Page, hash: string, title: string): Promise<void> {
  await inPage(page, `location.hash = ${JSON.stringify(hash)}`);
  await page.waitForFunction(`document.title.startsWith(${JSON.stringify(title)})`);
}

function click(page: Page, button: string): Promise<void> {
  return inPage(
    page,
    `[...document.querySelectorAll('dialog[open] button, button')]
      .filter((one) => one.checkVisibility()).find((one) => one.textContent === ${JSON.stringify(button)}).click()`,
  );
}

const textOf = (page: Page, selector: string): Promise<string> =>
  inPage(page, `document.querySelector(${JSON.stringify(selector)})?.textContent ?? ''`);

async function expectSound(page: Page, what: string): Promise<void> {
  await page.evaluate(axe);
  const violations = await inPage<string[]>(
    page,
    `axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).join(' ')))`,
  );
  expect(violations, what).toEqual([]);
  const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
  expect(await inPage(page, overflow), `${what} scrolls sideways`).toBe(0);
  const clipped = `[...document.querySelectorAll('.scroll')].filter((one) => one.scrollWidth > one.clientWidth).length`;
  expect(await inPage(page, clipped), `${what} clips a table`).toBe(0);
}

describe.skipIf(need.skip)(`the pages in Chromium${need.why}`, () => {
  it.each(Object.keys(FORMS) as Form[])('are sound for everybody: %s', async (form) => {
    const fake = await serve({ nodes: 7, showTargets: true });
    const [first, second, third] = fake.fleet.nodes();
    fake.fleet.change(first!.id, { limits: { monthlyBytes: 2e12, hours: '22:00-06:00', streams: 500 } });
    fake.fleet.change(second!.id, { paused: true, name: `${'A very long name without end '.repeat(2)}x` });
    fake.fleet.setAway(third!.id, true);
    const page = await openPage(fake, form);
    fake.fleet.tick();
    await page.waitForSelector('.u-wrap');
    await inPage(page, `document.querySelector('details').open = true`);
    await expectSound(page, 'fleet');
    await goTo(page, `#/nodes/${first!.id}`, first!.name);
    await page.waitForFunction(`document.querySelectorAll('.plain tbody tr').length > 5`);
    await expectSound(page, 'node');
    await click(page, 'Revoke');
    await page.waitForSelector('dialog[open]');
    await expectSound(page, 'revoke');
    await page.keyboard.press('Escape');
    await goTo(page, '#/use', 'Use it');
    await page.select('select', first!.id);
    await expectSound(page, 'use');
    await goTo(page, '#/events', 'Events');
    await page.waitForSelector('.events li');
    await expectSound(page, 'events');
    await goTo(page, '#/pair', 'Pair a device');
    await expectSound(page, 'pair');
    await click(page, 'Make a pairing link');
    await page.waitForSelector('.qr');
    await expectSound(page, 'pairing');
  });

  it('turn a scanned code into “… is connected” by themselves', async () => {
    const fake = await serve({ nodes: 1 });
    const page = await openPage(fake, 'dark');
    await goTo(page, '#/pair', 'Pair a device');
    await page.type('form input', 'Pixel 8');
    await click(page, 'Make a pairing link');
    await page.waitForSelector('.qr');
    const { data, width, height } = PNG.sync.read(Buffer.from(await page.screenshot()));
    const scanned = jsQR(new Uint8ClampedArray(data), width, height)?.data;
    expect(scanned).toMatch(/^restunnel:\/\/hub\.example\.org:9000\/\?k=[\w-]{43}&t=[\w-]{43}$/);
    expect(await textOf(page, '.copyable code')).toBe(scanned);
    expect(await inPage(page, `document.querySelector('.qr').clientWidth`)).toBeGreaterThanOrEqual(320);
    fake.fleet.usePairing('pairing-1');
    fake.fleet.tick();
    await page.waitForSelector('.done');
    expect(await textOf(page, '.done h2')).toMatch(/^Pixel 8.* is connected$/);
    await expectSound(page, 'done');
  });

  it('burn the token when the pairing is cancelled', async () => {
    const fake = await serve({ nodes: 1 });
    const page = await openPage(fake);
    await goTo(page, '#/pair', 'Pair a device');
    await click(page, 'Make a pairing link');
    await page.waitForSelector('.qr');
    await click(page, 'Cancel this link');
    await page.waitForSelector('.noteLine');
    expect(fake.fleet.pairing('pairing-1').state).toBe('cancelled');
  });

  it('invite to pair the first device when there is none', async () => {
    const fake = await serve({ nodes: 0 });
    const page = await openPage(fake, 'phone');
    expect(await textOf(page, '.empty h2')).toBe('Pair your first device');
    expect(await inPage(page, `document.querySelector('.nodes').checkVisibility()`)).toBe(false);
    await expectSound(page, 'empty');
  });

  it('touch only what changed, and only in view, in a fleet of 200', async () => {
    let nowMs = Date.UTC(2026, 10, 22, 12);
    const fake = await serve({ nodes: 200, now: () => nowMs });
    const page = await openPage(fake);
    await page.waitForFunction(`document.querySelectorAll('.nodes tbody tr').length === 200`);
    fake.fleet.tick();
    await page.waitForFunction(`document.querySelector('.spark polyline').getAttribute('points') !== ''`);
    await inPage(
      page,
      `{
        window.touched = new Set();
        new MutationObserver((changes) => {
          for (const { target } of changes) touched.add((target.closest ? target : target.parentElement)?.closest('tr')?.dataset.id);
        }).observe(document.querySelector('.nodes tbody'), { subtree: true, childList: true, characterData: true });
      }`,
    );
    const ids = await inPage<string[]>(
      page,
      `[...document.querySelectorAll('.nodes tbody tr')].map((row) => row.dataset.id)`,
    );
    const touched = (): Promise<string[]> => inPage(page, `[...touched]`);
    fake.fleet.setAway(ids[0]!, true);
    fake.fleet.setAway(ids[199]!, true);
    fake.fleet.tick();
    await page.waitForFunction(`touched.size > 0`);
    expect(await touched()).toEqual([ids[0]]);
    // All others move as well; of 200 rows, only those in view are updated.
    nowMs += 7_000;
    fake.fleet.tick();
    await page.waitForFunction(`touched.size > 2`);
    expect((await touched()).length).toBeLessThan(40);
    // A row that comes into view says what it missed.
    await inPage(page, `document.querySelector('.nodes tbody tr:last-child').scrollIntoView()`);
    await page.waitForFunction(
      `document.querySelector('.nodes tbody tr:last-child .badge').textContent === 'Away'`,
    );
    await page.type('input[type=search]', 'pixel 7');
    await page.waitForFunction(`document.querySelectorAll('.nodes tbody tr').length < 60`);
    expect(await textOf(page, '.found')).toMatch(/^\d+ devices found$/);
  });

  it.each<Form>(['light', 'phone'])(
    'hold only the rows around the view of a fleet of 3,000: %s',
    async (form) => {
      const fake = await serve({ nodes: 3_000 });
      const page = await openPage(fake, form);
      const drawn = (): Promise<number> =>
        inPage(page, `document.querySelectorAll('table.nodes tbody tr').length`);
      await page.waitForFunction(`document.querySelector('table.nodes').ariaRowCount === '3001'`);
      expect(await inPage(page, `document.querySelectorAll('*').length`)).toBeLessThan(3_000);
      expect(await inPage(page, `document.querySelector('table.nodes tbody tr').ariaRowIndex`)).toBe('2');
      await expectSound(page, 'a part of 3,000');

      // Wherever the page is scrolled to, there are rows in view, and they say which they are.
      for (const share of [0.5, 0.9, 0.1, 1]) {
        await inPage(page, `scrollTo(0, ${share} * document.documentElement.scrollHeight)`);
        await page.waitForFunction(
          `document.elementFromPoint(innerWidth / 2, innerHeight / 3)?.closest('.nodes tr[aria-rowindex]')`,
        );
        expect(await drawn()).toBeLessThan(150);
        const indexes = await inPage<number[]>(
          page,
          `[...document.querySelectorAll('table.nodes tbody tr[aria-rowindex]')].map((row) => Number(row.ariaRowIndex))`,
        );
        expect(indexes).toEqual(indexes.map((_, at) => indexes[0]! + at));
      }
      // Rows that were never drawn may be higher than those that were: the end moves on until it is there.
      await page.waitForFunction(
        `scrollTo(0, document.documentElement.scrollHeight),
          [...document.querySelectorAll('table.nodes tbody tr')].at(-1).ariaRowIndex === '3001'`,
      );
      await expectSound(page, 'the end of 3,000');

      // What a filter finds is there as a whole, and so is its number.
      await page.type('input[type=search]', 'pixel 501');
      await page.waitForFunction(
        `/^\\d+ devices? found$/.test(document.querySelector('.found').textContent)`,
      );
      const found = Number.parseInt(await textOf(page, '.found'), 10);
      expect(found).toBeGreaterThan(0);
      expect(await inPage(page, `document.querySelector('table.nodes').ariaRowCount`)).toBe(
        String(found + 1),
      );
      expect(await drawn()).toBe(found);
    },
  );

  it('let the keyboard walk through 3,000 rows, and keep the focus where it is when the page is scrolled', async () => {
    const fake = await serve({ nodes: 3_000 });
    const page = await openPage(fake);
    await page.waitForFunction(`document.querySelector('table.nodes').ariaRowCount === '3001'`);
    await inPage(page, `document.querySelector('.nodes tbody .name a').focus()`);
    const focused = (): Promise<number> =>
      inPage(page, `Number(document.activeElement.closest('tr')?.ariaRowIndex ?? 0)`);
    for (let row = 2; row < 50; row++) {
      expect(await focused()).toBe(row);
      await page.keyboard.press('Tab');
      await inPage(
        page,
        'new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))',
      );
    }
    await inPage(page, 'scrollTo(0, document.documentElement.scrollHeight)');
    await page.waitForFunction(
      `[...document.querySelectorAll('table.nodes tbody tr')].at(-1).ariaRowIndex === '3001'`,
    );
    expect(await focused()).toBe(50);
    await page.keyboard.press('Tab');
    expect(await focused()).toBe(51);
    // Tab has brought it into view, with the rows around it.
    await page.waitForFunction(
      `document.querySelectorAll('table.nodes tbody tr:is([aria-rowindex="41"], [aria-rowindex="59"])').length === 2`,
    );
    await page.keyboard.down('Shift');
    await page.keyboard.press('Tab');
    await page.keyboard.up('Shift');
    expect(await focused()).toBe(50);
  });

  it('show whatever a device calls itself as text', async () => {
    const fake = await serve({ nodes: 3 });
    const [evil] = fake.fleet.nodes();
    fake.fleet.change(evil!.id, { name: EVIL });
    fake.fleet.plant(evil!.id, { tags: [EVIL], country: '<b' });
    fake.fleet.setAway(evil!.id, true);
    fake.fleet.pair({ name: EVIL, ttlMs: 60_000 });
    fake.fleet.usePairing('pairing-1');
    const page = await openPage(fake);
    const places: [hash: string, title: string, selector: string][] = [
      ['#/', 'Fleet', '.nodes tbody'],
      [`#/nodes/${evil!.id}`, EVIL, 'h1'],
      ['#/use', 'Use it', 'select'],
      ['#/events', 'Events', '.events li'],
      ['#/pair', 'Pair a device', 'h1'],
    ];
    for (const [hash, title, selector] of places) {
      await goTo(page, hash, title);
      await page.waitForSelector(selector);
      if (hash !== '#/pair') expect(await textOf(page, 'main'), hash).toContain(EVIL);
      expect(
        await inPage(page, `document.querySelectorAll('img, [onerror], main script').length`),
        hash,
      ).toBe(0);
    }
  });

  it('change, pause, rename and revoke a device, and say why not', async () => {
    const fake = await serve({ nodes: 2 });
    const [node, other] = fake.fleet.nodes();
    const page = await openPage(fake, 'light', `/#/nodes/${node!.id}`, /status of 4\d\d/);
    await page.waitForSelector('.settings input');
    expect(await inPage(page, `document.querySelector('.settings .primary').disabled`)).toBe(true);
    await page.type('.settings input', '16');
    await click(page, 'Save');
    await page.waitForSelector('.notice');
    expect(fake.fleet.node(node!.id).limits.mbitPerSecond).toBe(16);
    expect(fake.fleet.calls).toEqual([`change ${node!.id} {"limits":{"mbitPerSecond":16}}`]);

    await click(page, 'Pause');
    await page.waitForFunction(`document.querySelector('.titleLine .badge').textContent === 'Paused'`);
    expect(fake.fleet.node(node!.id).paused).toBe(true);

    await page.focus('.viewHead .actions button:nth-child(2)');
    await page.keyboard.press('Enter');
    await page.waitForSelector('dialog[open]');
    await inPage(page, `document.querySelector('dialog input').value = ''`);
    await page.type('dialog input', other!.name);
    await page.keyboard.press('Enter');
    await page.waitForSelector('.notice.bad');
    expect(await textOf(page, '.notice.bad')).toContain('Another device is called');
    await page.keyboard.press('Escape');
    await page.waitForFunction(`document.querySelector('dialog') === null`);
    expect(await inPage(page, 'document.activeElement.textContent')).toBe('Rename');

    await page.focus('.viewHead button.danger');
    await page.keyboard.press('Enter');
    await page.waitForSelector('dialog[open]');
    await page.keyboard.type('something else');
    expect(await inPage(page, `document.querySelector('dialog .danger').disabled`)).toBe(true);
    await inPage(page, `document.querySelector('dialog input').value = ''`);
    await page.keyboard.type(node!.name);
    await page.keyboard.press('Enter');
    await page.waitForFunction(`document.querySelector('.titleLine .badge').textContent === 'Revoked'`);
    expect(fake.fleet.node(node!.id).revoked).toBe(true);
  });

  it('offer a new address only where the device can get one', async () => {
    const fake = await serve({ nodes: 2 });
    const offered: boolean[] = [];
    for (const { id, canRotate } of fake.fleet.nodes()) {
      const page = await openPage(fake, 'light', `/#/nodes/${id}`);
      const button = `[...document.querySelectorAll('button')].find((one) => one.textContent === 'New address')`;
      const isOffered = await inPage<boolean>(page, `${button}.checkVisibility()`);
      expect(isOffered).toBe(canRotate);
      offered.push(isOffered);
    }
    expect(offered).toEqual([true, false]);
  });

  it('are walked by keyboard: links, titles, focus, back', async () => {
    const fake = await serve({ nodes: 8 });
    const page = await openPage(fake);
    const seen: string[] = [];
    const count = await inPage<number>(
      page,
      `[...document.querySelectorAll('a[href], button, input, select, summary, [tabindex="0"]')]
        .filter((one) => one.checkVisibility({ visibilityProperty: true }) && (one.type !== 'radio' || one.checked)).length`,
    );
    for (let step = 0; step < count; step++) {
      await page.keyboard.press('Tab');
      const focused = await inPage<{ name: string; outlined: boolean }>(
        page,
        `(() => {
          const one = document.activeElement;
          const shown = one.type === 'radio' ? one.nextElementSibling : one;
          return { name: one.id + one.textContent + (one.name ?? '') + (one.placeholder ?? ''), outlined: getComputedStyle(shown).outlineStyle !== 'none' };
        })()`,
      );
      expect(focused.outlined, `${focused.name} shows its focus`).toBe(true);
      seen.push(focused.name);
    }
    expect(new Set(seen).size).toBe(count);
    await inPage(page, `document.querySelector('nav a[href="#/events"]').focus()`);
    await page.keyboard.press('Enter');
    await page.waitForFunction(`document.title === 'Events · Restunnel'`);
    expect(await inPage(page, 'document.activeElement.textContent')).toBe('Events');
    expect(await textOf(page, 'nav [aria-current]')).toBe('Events');
    await page.keyboard.press('/');
    expect(await inPage(page, 'document.activeElement.type')).toBe('search');
    await page.goBack();
    await page.waitForFunction(`document.title === 'Fleet · Restunnel'`);
    expect(await inPage(page, 'document.activeElement.textContent')).toBe('Fleet');
  });

  it('filter events, show new ones at once and older ones on demand', async () => {
    const fake = await serve({ nodes: 60 });
    const page = await openPage(fake, 'light', '/#/events');
    const rows = (): Promise<number> => inPage(page, `document.querySelectorAll('.events li').length`);
    await eventually(async () => expect(await rows()).toBe(50));
    await click(page, 'Older events');
    await eventually(async () => expect(await rows()).toBe(100));
    fake.fleet.setAway('Pixel 8', true);
    fake.fleet.tick();
    await eventually(async () => expect(await rows()).toBe(101));
    await page.select('.tools select', 'disconnected');
    await eventually(async () => expect(await rows()).toBe(1));
    fake.fleet.setAway('Pixel 8', false);
    fake.fleet.tick();
    fake.fleet.setAway('Laptop at home', true);
    fake.fleet.tick();
    await eventually(async () => expect(await rows()).toBe(2));
    await page.type('.tools input', 'no such text');
    await eventually(async () => expect(await rows()).toBe(0));
  });

  it('show the hubs of a cluster, what happened at each, and which do not answer', async () => {
    const fake = await serve({ nodes: 2 });
    const nodes = fake.fleet.nodes.bind(fake.fleet);
    const [own] = await fake.fleet.events({ limit: 1 });
    const event = { ...own!, number: 1, at: new Date().toISOString(), hub: 'paris' };
    const asked: (string | null)[] = [];
    let isThere = false;
    Object.assign(fake.fleet, {
      nodes: () => nodes().map((view) => ({ ...view, hubs: ['berlin', 'paris'] })),
      hubs: {
        eventPage: async (_query: unknown, cursor: string | null) => {
          asked.push(cursor);
          if (cursor === null)
            return { events: [{ ...own!, hub: 'berlin' }], older: null, newer: 'N', missingHubs: ['paris'] };
          return isThere
            ? { events: [event], older: null, newer: 'N', missingHubs: [] }
            : { events: [], older: null, newer: 'N', missingHubs: ['paris'] };
        },
      },
    });
    const page = await openPage(fake);
    const cells = (): Promise<string[]> =>
      inPage(page, `[...document.querySelectorAll('.nodes tbody .hubs')].map((cell) => cell.innerText)`);
    await eventually(async () => expect(await cells()).toEqual(['berlin, paris', 'berlin, paris']));
    await page.goto(`${page.url().split('#')[0]}#/events`);
    const hubs = (): Promise<string[]> =>
      inPage(page, `[...document.querySelectorAll('.events .hub')].map((cell) => cell.textContent)`);
    const text = (): Promise<string> => inPage(page, `document.body.innerText`);
    await eventually(async () => {
      expect(await hubs()).toEqual(['berlin']);
      expect(await text()).toContain('No answer from paris');
    });
    // A look at the other hubs, every few seconds.
    isThere = true;
    await eventually(async () => expect(await hubs()).toEqual(['paris', 'berlin']), 30_000);
    expect(await text()).not.toContain('No answer from');
    expect(asked.slice(0, 2)).toEqual([null, 'N']);
  });

  it('share one live channel: eight of one browser load, and all hear', async () => {
    const fake = await serve({ nodes: 2 });
    const [node] = fake.fleet.nodes();
    const context = await browser.createBrowserContext();
    open.push(context);
    const pages: Page[] = [];
    for (let at = 0; at < 8; at++) pages.push(await openPage(fake, 'light', '/', null, context));
    expect(liveAsked).toBe(1);
    fake.fleet.setAway(node!.id, true);
    fake.fleet.tick();
    const away = `[...document.querySelectorAll('.badge')].some((one) => one.textContent === 'Away')`;
    for (const page of pages) await page.waitForFunction(away, { polling: 'mutation' });
  });

  it('let the live channel go while nobody looks, and catch up afterwards', async () => {
    const fake = await serve({ nodes: 2 });
    const page = await openPage(fake, 'light', '/#/events');
    await page.waitForSelector('.events li');
    const look = (hidden: boolean): Promise<void> =>
      inPage(
        page,
        `Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'))`,
      );
    await look(true);
    await eventually(async () => expect(fake.fleet.watchers.size).toBe(0));
    fake.fleet.setAway('Pixel 8', true);
    fake.fleet.tick();
    await look(false);
    await page.waitForFunction(`document.querySelector('.events li .badge').textContent === 'Disconnected'`);
    expect(fake.fleet.watchers.size).toBe(1);
  });

  it('say when the hub is gone, and go on when it is back', async () => {
    const fake = await serve({ nodes: 2 });
    const page = await openPage(fake, 'light', '/', /ERR_|Failed to load/);
    await page.waitForFunction(`document.querySelectorAll('.nodes tbody tr').length === 2`);
    expect(await inPage(page, `document.querySelector('#banner').hidden`)).toBe(true);
    await fake.dashboard.close();
    await page.waitForSelector('#banner:not([hidden])');
    expect(await textOf(page, '#banner')).toBe('The hub does not answer. Trying again…');
    const port = Number(new URL(fake.url).port);
    await serve({ nodes: 3 }, { bind: { host: '127.0.0.1', port } });
    await page.waitForSelector('#banner[hidden]');
    await page.waitForFunction(`document.querySelectorAll('.nodes tbody tr').length === 3`);
  });

  it('say that the hub is stopping, until it is gone', async () => {
    const fake = await serve({ nodes: 2 });
    const page = await openPage(fake, 'light', '/', /ERR_|Failed to load/);
    expect(await inPage(page, `document.querySelector('#stopping').hidden`)).toBe(true);
    fake.fleet.stopping = true;
    fake.fleet.tick();
    await page.waitForSelector('#stopping:not([hidden])');
    expect(await textOf(page, '#stopping')).toContain('The hub is stopping');
    await expectSound(page, 'while the hub stops');
    await fake.dashboard.close();
    await page.waitForSelector('#banner:not([hidden])');
    expect(await inPage(page, `document.querySelector('#stopping').hidden`)).toBe(true);
  });

  it('say that there is no such device', async () => {
    const fake = await serve({ nodes: 1 });
    const page = await openPage(fake, 'phone', '/#/nodes/0123abcd');
    expect(await textOf(page, 'h1')).toBe('No such device');
    await page.waitForFunction(`document.title.startsWith('No such device')`);
    await expectSound(page, 'no such device');
    fake.fleet.tick();
    await page.click('main a[href="#/"]');
    await page.waitForFunction(`document.title.startsWith('Fleet')`);
    expect(await inPage(page, `document.querySelectorAll('.nodes tbody tr').length`)).toBe(1);
  });

  it('ask for the password first, and for a right one', async () => {
    const fake = await serve({ nodes: 1 }, { password: 'correct horse battery' });
    const page = await openPage(fake, 'phone', '/login', /status of 40[13]/);
    await expectSound(page, 'login');
    await page.type('#password', 'wrong');
    await page.keyboard.press('Enter');
    await page.waitForFunction(`document.querySelector('#wrong').textContent !== ''`);
    await page.type('#password', 'correct horse battery');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.viewHead');
    expect(await page.title()).toBe('Fleet · Restunnel');
    await expectSound(page, 'behind a password');
    await click(page, 'Log out');
    await page.waitForSelector('#password');
  });

  it('remember dark or light', async () => {
    const fake = await serve({ nodes: 1 });
    const page = await openPage(fake);
    const scheme = (): Promise<string> =>
      inPage(page, `getComputedStyle(document.documentElement).colorScheme`);
    expect(await scheme()).toBe('light');
    await page.click('#theme');
    expect(await scheme()).toBe('dark');
    await page.reload();
    await page.waitForSelector('.viewHead');
    expect(await scheme()).toBe('dark');
  });
});

describe('the pages as files', () => {
  const sources = readdirSync(PAGES_FOLDER).map(
    (name) => [name, readFileSync(`${PAGES_FOLDER}/${name}`, 'utf8')] as const,
  );

  it.each(sources)('%s makes no markup of text, runs no text, asks nobody else', (_name, source) => {
    expect(source).not.toMatch(
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/,
    );
    expect(source.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
    expect(source).not.toMatch(/fetch\(\s*['"`]https?:/);
  });

  it('are small: what the first view loads is under 150 kB', async () => {
    const fake = await serve({ nodes: 1 });
    const loaded = new Set<string>();
    const load = async (path: string): Promise<number> => {
      if (loaded.has(path)) return 0;
      loaded.add(path);
      const text = await (await fetch(fake.url + path)).text();
      let bytes = Buffer.byteLength(text);
      for (const [, next] of text.matchAll(/(?:src|href)="(\/assets\/[^"]+)"|(?:^|\s)from '([^']+)'/gm)) {
        if (next !== undefined) bytes += await load(next);
      }
      for (const [, next] of text.matchAll(/^\s*(?:import|\}|export).* from '([^']+)'/gm)) {
        bytes += await load(new URL(next!, fake.url + path).pathname);
      }
      return bytes;
    };
    expect(await load('/')).toBeLessThan(150_000);
    expect(loaded).toContain('/assets/uPlot.js');
    expect(loaded).toContain('/assets/nodeRows.ts');
    expect(loaded).not.toContain('/assets/uqr.js');
  });
});
