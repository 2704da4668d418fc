// The first page: what the whole fleet does now, and a row per device.

import { throughputChart } from './chart.ts';
import { el, heading, setText } from './dom.ts';
import { causes, figures } from './figures.ts';
import { count, duration, perSecond, plural, rate } from './format.ts';
import type { HubState } from './hubState.ts';
import { nodeTable } from './nodeRows.ts';
import type { View } from './view.ts';

export function fleetView(hub: HubState): View {
  const chart = throughputChart(null);
  const why = causes();
  const table = nodeTable(hub);
  const big = figures({
    down: 'Down',
    up: 'Up',
    streams: 'Streams',
    connects: 'Connections/s',
    failures: 'Failures/s',
    nodes: 'Devices',
  });
  const subtitle = el('p', { class: 'muted' });
  const busy = el(
    'div',
    { class: 'stack' },
    big.root,
    el('div', { class: 'beside' }, chart.root, why.root),
    table.root,
  );
  const empty = emptyFleet();
  const root = el(
    'div',
    { class: 'stack' },
    el('div', { class: 'viewHead' }, heading('Fleet'), subtitle),
    empty,
    busy,
  );

  function showHub(): void {
    const { status } = hub;
    if (status === null) return;
    const nobody = ![...hub.nodes.values()].some((node) => !node.revoked);
    empty.hidden = !nobody;
    busy.hidden = nobody;
    big.set('down', rate(status.downBytesPerSecond));
    big.set('up', rate(status.upBytesPerSecond));
    big.set('streams', count(status.streams));
    big.set('connects', perSecond(status.connectsPerSecond));
    big.set('failures', perSecond(status.failuresPerSecond));
    big.set('nodes', count(status.nodesConnected), `of ${count(status.nodesPaired)}`);
    why.set(status.connects, hub.isInCluster);
    const up = duration(Math.max(0, Date.now() - Date.parse(status.startedAt)));
    setText(subtitle, `Hub ${status.version}, up ${up}, ${plural(status.clients, 'client')} connected`);
  }

  function showAll(): void {
    showHub();
    table.update(null);
  }

  const unwatch = hub.watch(({ tick, changed }) => {
    showHub();
    table.update(changed);
    chart.push(tick.at, tick.hub.downBytesPerSecond, tick.hub.upBytesPerSecond);
  }, showAll);
  showAll();
  return {
    title: 'Fleet',
    root,
    close() {
      unwatch();
      chart.close();
      table.close();
    },
  };
}

function emptyFleet(): HTMLElement {
  const step = (title: string, text: string): HTMLElement =>
    el('li', {}, el('strong', {}, title), el('span', { class: 'muted' }, text));
  return el(
    'section',
    { class: 'card empty', hidden: true },
    el('h2', {}, 'Pair your first device'),
    el(
      'p',
      { class: 'muted' },
      'Programs on this server can then reach the web from the device’s own address.',
    ),
    el(
      'ol',
      { class: 'steps' },
      step('Make a link', 'It works once, for ten minutes, for one device.'),
      step('Open it on the device', 'Scan the code with a phone, or run one command on a laptop.'),
      step('Send traffic through it', 'Copy a line for curl, Playwright, Scrapy and others from “Use it”.'),
    ),
    el('a', { class: 'button primary big', href: '#/pair' }, 'Pair a device'),
  );
}
