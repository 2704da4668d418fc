// The throughput chart: down and up over ten minutes (live) to thirty days, of the hub or of one node, also as a sentence and as a table
// for people who cannot see it.

import uPlot from '/assets/uPlot.js';
import type { History, HistoryRange } from '../../model/fleet.ts';
import { ApiError, getHistory } from './apiClient.ts';
import { el, freshId, setText } from './dom.ts';
import { bytes, pointTime, rate } from './format.ts';
import { extended, type Rates, ratesOf } from './historyRates.ts';

const RANGES: readonly { range: HistoryRange; label: string; ms: number; words: string }[] = [
  { range: '10m', label: '10 min', ms: 600_000, words: 'last 10 minutes' },
  { range: '1h', label: '1 h', ms: 3_600_000, words: 'last hour' },
  { range: '1d', label: '1 day', ms: 86_400_000, words: 'last day' },
  { range: '30d', label: '30 days', ms: 30 * 86_400_000, words: 'last 30 days' },
];
const RELOAD_EVERY_MS = 60_000;
const HEIGHT_PX = 220;
const TABLE_ROWS = 30;
/** The scale goes at least this far, so that a quiet fleet draws no mountains. */
const QUIET_BYTES_PER_SECOND = 10_000;

export interface Chart {
  readonly root: HTMLElement;
  /** The rates of this second. */
  push(at: string, downBytesPerSecond: number, upBytesPerSecond: number): void;
  close(): void;
}

/** `nodeId` null: the whole hub. */
export function throughputChart(nodeId: string | null): Chart {
  let chosen = RANGES[0]!;
  let history: History | null = null;
  let data: Rates = [[], [], []];
  /** Of the last tick, by the hub's clock: until then everything is counted. */
  let tickedMs: number | null = null;
  /** Of the rates down, as the summary says it. */
  let peak = 0;
  let plot: uPlot | null = null;
  let asked = 0;

  const readout = el('p', { class: 'readout', 'aria-hidden': 'true' });
  const canvas = el('div', { class: 'plot', role: 'img' });
  const summary = el('p', { class: 'summary muted' });
  const table = el('div', {
    class: 'scroll',
    tabindex: 0,
    role: 'region',
    'aria-label': 'Throughput as a table',
  });
  const details = el('details', {}, el('summary', {}, 'As a table'), table);
  const root = el(
    'section',
    { class: 'card chart', 'aria-label': 'Throughput' },
    el('div', { class: 'cardHead' }, el('h2', {}, 'Throughput'), readout, rangeButtons()),
    canvas,
    el('div', { class: 'chartFoot' }, summary, details),
  );
  details.addEventListener('toggle', drawTable);

  function rangeButtons(): HTMLElement {
    const group = el('fieldset', { class: 'segments' }, el('legend', { class: 'unseen' }, 'Range'));
    const name = freshId('range');
    for (const option of RANGES) {
      const input = el('input', { type: 'radio', name, value: option.range, checked: option === chosen });
      input.addEventListener('change', () => {
        chosen = option;
        void load();
      });
      group.append(el('label', {}, input, el('span', {}, option.label)));
    }
    return group;
  }

  async function load(): Promise<void> {
    asked += 1;
    const mine = asked;
    try {
      const answer = await getHistory(nodeId, chosen.range);
      if (mine !== asked) return;
      take(answer);
      describe();
    } catch (error) {
      if (mine === asked && data[0].length === 0 && error instanceof ApiError)
        setText(summary, error.message);
    }
  }

  function take(next: History): void {
    history = next;
    data = ratesOf(next, tickedMs ?? Date.now());
    plot?.setData(data);
  }

  /** The width comes first: a plot is made when its place has one. */
  function draw(): void {
    plot?.destroy();
    plot = canvas.clientWidth === 0 ? null : new uPlot(plotOptions(canvas.clientWidth, show), data, canvas);
  }

  function show(index: number | null): void {
    const at = index === null ? data[0].length - 1 : index;
    const [down, up] = [data[1][at], data[2][at]];
    const when = index === null ? '' : `${pointTime((data[0][at] ?? 0) * 1000, stepMs(1))} · `;
    setText(readout, down === undefined || up === undefined ? '' : `${when}↓ ${rate(down)}  ↑ ${rate(up)}`);
  }

  /** Between points that are `count` apart. */
  function stepMs(count: number): number {
    return ((data[0][count] ?? Number.POSITIVE_INFINITY) - (data[0][0] ?? 0)) * 1000;
  }

  function describe(): void {
    const words = chosen.words;
    const sum = (name: 'downBytes' | 'upBytes'): number =>
      history?.points.reduce((total, point) => total + point[name], 0) ?? 0;
    const [down, up] = [sum('downBytes'), sum('upBytes')];
    peak = data[1].reduce((most, value) => Math.max(most, value), 0);
    const text =
      down + up === 0
        ? `No traffic in the ${words}.`
        : `In the ${words}: ${bytes(down)} down, ${bytes(up)} up; at most ${rate(peak)} down.`;
    setText(summary, text);
    canvas.setAttribute('aria-label', `Chart of the throughput. ${text}`);
    drawTable();
    if (plot?.cursor.idx == null) show(null);
  }

  function drawTable(): void {
    if (!details.open) return;
    const group = Math.ceil(data[0].length / TABLE_ROWS) || 1;
    const rows: HTMLElement[] = [];
    for (let start = 0; start < data[0].length; start += group) {
      const mean = (column: number[]): number => {
        const part = column.slice(start, start + group);
        return part.reduce((sum, value) => sum + value, 0) / part.length;
      };
      const at = pointTime(data[0][start]! * 1000, stepMs(group));
      rows.push(
        el(
          'tr',
          {},
          el('th', { scope: 'row' }, at),
          el('td', {}, rate(mean(data[1]))),
          el('td', {}, rate(mean(data[2]))),
        ),
      );
    }
    const head = ['From', 'Down', 'Up'].map((text) => el('th', { scope: 'col' }, text));
    table.replaceChildren(
      el('table', { class: 'plain' }, el('thead', {}, el('tr', {}, ...head)), el('tbody', {}, ...rows)),
    );
  }

  const resized = new ResizeObserver(() => {
    if (plot === null) draw();
    else if (plot.width !== canvas.clientWidth)
      plot.setSize({ width: canvas.clientWidth, height: HEIGHT_PX });
  });
  resized.observe(canvas);
  document.addEventListener('themechange', draw);
  document.addEventListener('hubreopen', load);
  const reload = setInterval(() => {
    if (!document.hidden) void load();
  }, RELOAD_EVERY_MS);
  let described = 0;
  void load();

  return {
    root,
    push(at, down, up) {
      const nowMs = Date.parse(at);
      const seconds = tickedMs === null ? 1 : (nowMs - tickedMs) / 1000;
      tickedMs = nowMs;
      if (history === null || history.range !== '10m' || seconds <= 0) return;
      const counted = Math.min(seconds, history.stepMs / 1000);
      take(extended(history, nowMs, down * counted, up * counted));
      if (plot?.cursor.idx == null) show(null);
      // The line never rises above the "at most" beside it.
      if (data[1].at(-1)! <= peak && performance.now() - described < 10_000) return;
      described = performance.now();
      describe();
    },
    close() {
      asked += 1;
      clearInterval(reload);
      document.removeEventListener('themechange', draw);
      document.removeEventListener('hubreopen', load);
      resized.disconnect();
      plot?.destroy();
    },
  };
}

function plotOptions(width: number, show: (index: number | null) => void): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  const grid = { stroke: color('line'), width: 1 };
  const axis = { stroke: color('muted'), font: '12px system-ui, sans-serif', ticks: { show: false } };
  return {
    width,
    height: HEIGHT_PX,
    padding: [12, 20, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { setScale: false, x: false, y: false }, points: { size: 7 } },
    scales: { y: { range: (_plot, _min, max) => [0, Math.max(max * 1.1, QUIET_BYTES_PER_SECOND)] } },
    axes: [
      { ...axis, grid: { show: false }, space: 58, size: 30, values: axisTimes },
      { ...axis, grid, size: 74, space: 44, values: (_plot, values) => values.map((value) => rate(value)) },
    ],
    series: [
      {},
      {
        label: 'Down',
        stroke: color('accent'),
        fill: color('accentWash'),
        width: 2,
        points: { show: false },
      },
      { label: 'Up', stroke: color('second'), width: 2, points: { show: false } },
    ],
    hooks: { setCursor: [(plot) => show(plot.cursor.idx ?? null)] },
  };
}

/** Hours and minutes, or days where the grid is as coarse as that. */
function axisTimes(_plot: uPlot, seconds: number[], _axis: number, _space: number, step: number): string[] {
  const format: Intl.DateTimeFormatOptions =
    step >= 86_400
      ? { day: 'numeric', month: 'short' }
      : { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
  if (step < 60) format.second = '2-digit';
  return seconds.map((at) => new Date(at * 1000).toLocaleString(undefined, format));
}
