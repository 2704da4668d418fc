// What an open dashboard costs the hub: its CPU time with a browser at the fleet page and without, in turns, on a fleet whose every node
// changes every second: node scripts/dashboardCost.ts [--nodes 200] [--streams 5000] [--seconds 10] [--rounds 3]

import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import puppeteer from 'puppeteer-core';
import { openStream, whoServes } from '../bench/fleet/ask.ts';
import { HOLD_PATH } from '../bench/fleet/lightNode.ts';
import { findProgram } from '../bench/machine/programs.ts';
import { endAll, startHub } from '../test/system/harness.ts';
import { startFleet } from '../test/system/lightFleet.ts';

/** Linux counts a process's time in these. */
const TICKS_PER_SECOND = 100;
const PULSE_BYTES = 200;
const PULSE_MS = 1_000;
const SETTLE_MS = 2_000;
const AT_ONCE = 100;

/** So that a page which shows nothing does not pass for a cheap one. */
const COUNT_CHANGES = `window.changedCells = 0;
  new MutationObserver((list) => { window.changedCells += list.length; })
    .observe(document.querySelector('main'), { subtree: true, childList: true, characterData: true, attributes: true });`;

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '200' },
    streams: { type: 'string', default: '5000' },
    seconds: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '3' },
  },
});
const number = (name: keyof typeof values): number => Number(values[name]);

const hub = await startHub({ workers: 0 });
const browser = await puppeteer.launch({ executablePath: findProgram('chromium')!, args: ['--no-sandbox'] });
try {
  const nodes = await startFleet(hub, number('nodes'));
  for (let open = 0; open < number('streams'); open += AT_ONCE) {
    const sockets = await Promise.all(Array.from({ length: AT_ONCE }, () => openStream(hub)));
    await Promise.all(sockets.map((socket) => whoServes(socket, HOLD_PATH)));
    for (const socket of sockets) socket.resume();
  }
  const pulse = setInterval(() => {
    for (const node of nodes) node.pulse(PULSE_BYTES);
  }, PULSE_MS);
  const changes: number[] = [];
  const drawnMs: number[] = [];
  const elements: number[] = [];
  const shares = { without: [] as number[], with: [] as number[] };
  for (let round = 0; round < number('rounds'); round++) {
    shares.without.push(await cpuShare());
    const page = await browser.newPage();
    await page.setViewport({ width: 1_280, height: 3_000 });
    const openedMs = performance.now();
    await page.goto(`http://${hub.ready.dashboard}/`);
    await page.waitForSelector('tbody tr');
    drawnMs.push(performance.now() - openedMs);
    elements.push(Number(await page.evaluate('document.querySelectorAll("*").length')));
    await page.evaluate(COUNT_CHANGES);
    shares.with.push(await cpuShare());
    changes.push(Number(await page.evaluate('window.changedCells')));
    await page.close();
  }
  clearInterval(pulse);
  const mean = (list: number[]): number => list.reduce((sum, one) => sum + one, 0) / list.length;
  console.log(
    `${nodes.length} nodes, ${number('streams')} streams, each of them moving ${PULSE_BYTES} B a second`,
  );
  console.log(
    'hub, % of a core, without a dashboard:',
    shares.without.map((one) => one.toFixed(2)).join(' '),
  );
  console.log('hub, % of a core, with one open:     ', shares.with.map((one) => one.toFixed(2)).join(' '));
  console.log('the page is drawn, ms:', drawnMs.map((one) => one.toFixed(0)).join(' '));
  console.log('its elements:', elements.join(' '));
  console.log('changes that the open page showed meanwhile:', changes.join(' '));
  console.log(`the dashboard: ${(mean(shares.with) - mean(shares.without)).toFixed(2)} % of a core`);
} finally {
  await browser.close();
  await endAll();
}

/** Of the hub's process, in percent of a core. */
async function cpuShare(): Promise<number> {
  await delay(SETTLE_MS);
  const before = cpuSeconds();
  const startedMs = performance.now();
  await delay(number('seconds') * 1_000);
  return ((cpuSeconds() - before) / ((performance.now() - startedMs) / 1_000)) * 100;
}

function cpuSeconds(): number {
  const fields = readFileSync(`/proc/${hub.pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
