// The fleet's devices, a row each, filtered and sorted. Rows are made once; later only changed cells of rows in view are touched. On a
// phone each row is a card (views.css).

import type { NodeView } from '../../model/fleet.ts';
import { el, setText, setTitle } from './dom.ts';
import { bytes, count, millis, plural, rate } from './format.ts';
import type { HubState } from './hubState.ts';
import { compareNodes, matchesFilter, ORDERS, type Order } from './nodeOrder.ts';
import { relativeTime, setTime } from './relativeTime.ts';
import { drawSparkline, sparkline } from './sparkline.ts';
import { batteryWords, networkWords, platformWords, stateWords } from './wording.ts';

/** A button shows the rest: a page of ten thousand rows helps nobody. */
const ROWS_MAX = 300;
/** Live values move rows at most this often, and never under the reader's pointer or focus. */
const REORDER_MS = 5_000;

const COLUMNS: readonly { name: string; label: string; order: Order | null; number?: true }[] = [
  { name: 'name', label: 'Device', order: 'name' },
  { name: 'state', label: 'State', order: 'state' },
  { name: 'network', label: 'Network', order: null },
  { name: 'address', label: 'Public address', order: null },
  { name: 'battery', label: 'Battery', order: null, number: true },
  { name: 'roundTrip', label: 'Round trip', order: 'roundTrip', number: true },
  { name: 'throughput', label: 'Throughput', order: 'throughput' },
  { name: 'streams', label: 'Streams', order: 'streams', number: true },
  { name: 'today', label: 'Today', order: 'today', number: true },
  { name: 'month', label: 'Month', order: 'month', number: true },
];

class Row {
  readonly root: HTMLTableRowElement;
  inView = true;
  readonly #name = el('a', { class: 'name' });
  readonly #platform = el('span', { class: 'sub' });
  readonly #badge = el('span', { class: 'badge' });
  readonly #reason = el('span', { class: 'sub' });
  readonly #seen = relativeTime(new Date(0).toISOString());
  readonly #rate = el('span', { class: 'sub rate' });
  readonly #spark = sparkline();
  readonly #cells = new Map<string, HTMLTableCellElement>();
  #title = '';

  constructor(node: NodeView) {
    this.root = el('tr', { role: 'row' });
    for (const { name, label, number } of COLUMNS) {
      const tag = name === 'name' ? 'th' : 'td';
      const cell = el(tag, {
        class: number === true ? `${name} number` : name,
        role: name === 'name' ? 'rowheader' : 'cell',
        scope: name === 'name' ? 'row' : null,
        'data-label': label,
      });
      this.#cells.set(name, cell);
      this.root.append(cell);
    }
    this.#cells.get('name')!.append(this.#name, this.#platform);
    this.#cells.get('state')!.append(this.#badge, this.#reason);
    this.#cells.get('throughput')!.append(this.#spark, this.#rate);
    this.#name.href = `#/nodes/${encodeURIComponent(node.id)}`;
  }

  update(node: NodeView): void {
    const { label, tone, reason } = stateWords(node);
    setText(this.#name, node.name);
    const tags = node.tags.length > 0 ? ` · ${node.tags.join(', ')}` : '';
    setText(
      this.#platform,
      `${platformWords(node.platform)}${node.country === null ? '' : ` · ${node.country}`}${tags}`,
    );
    setText(this.#badge, label);
    if (this.#title !== tone) this.#badge.className = `badge ${tone}`;
    this.#title = tone;
    if (node.state === 'away' && !node.keyShared) {
      setTime(this.#seen, node.lastSeenAt);
      if (this.#reason.firstChild !== this.#seen) this.#reason.replaceChildren(this.#seen);
    } else setText(this.#reason, reason);
    this.#cell('network', networkWords(node.network));
    this.#cell('address', node.publicAddress ?? '–');
    this.#cell('battery', batteryWords(node));
    this.#cell('roundTrip', millis(node.connected ? node.roundTripMs : null));
    this.#cell('streams', count(node.streams));
    this.#traffic('today', node.today);
    this.#traffic('month', node.month);
    setText(this.#rate, node.connected ? rate(node.downBytesPerSecond + node.upBytesPerSecond) : '–');
  }

  draw(hub: HubState, node: NodeView): void {
    drawSparkline(this.#spark, hub.trails.get(node.id));
  }

  #cell(name: string, text: string): void {
    setText(this.#cells.get(name)!, text);
  }

  #traffic(name: string, { downBytes, upBytes }: NodeView['today']): void {
    this.#cell(name, bytes(downBytes + upBytes));
    setTitle(this.#cells.get(name)!, `${bytes(downBytes)} down, ${bytes(upBytes)} up`);
  }
}

export interface NodeTable {
  readonly root: HTMLElement;
  /** `changed` null: any may have. */
  update(changed: ReadonlySet<string> | null): void;
  close(): void;
}

export function nodeTable(hub: HubState): NodeTable {
  const rows = new Map<string, Row>();
  const rowOf = new WeakMap<Element, Row>();
  let order: Order = 'name';
  let orderedAt = 0;
  let shown: string[] = [];
  let max = ROWS_MAX;

  const body = el('tbody', { role: 'rowgroup' });
  const headers = COLUMNS.map(({ name, label, order: by, number }) => {
    const sorter = by === null ? label : el('button', { type: 'button', click: () => setOrder(by) }, label);
    const classes = number === true ? `${name} number` : name;
    return el('th', { class: classes, role: 'columnheader', scope: 'col' }, sorter);
  });
  const table = el(
    'table',
    { class: 'nodes', role: 'table', 'aria-label': 'Devices' },
    el('thead', { role: 'rowgroup' }, el('tr', { role: 'row' }, ...headers)),
    body,
  );
  const filter = el('input', {
    type: 'search',
    placeholder: 'Filter by name, tag, address',
    'aria-label': 'Filter the devices',
    'aria-keyshortcuts': '/',
    autocomplete: 'off',
    input: () => arrange(),
  });
  const sort = el('select', {
    'aria-label': 'Sort the devices',
    change: () => setOrder(sort.value as Order),
  });
  for (const [name, label] of Object.entries(ORDERS)) sort.append(el('option', { value: name }, label));
  const revoked = el('input', { type: 'checkbox', change: () => arrange() });
  const revokedLabel = el('label', { class: 'check', hidden: true }, revoked, 'show revoked');
  const found = el('p', { class: 'muted found', role: 'status' });
  const more = el('button', { type: 'button', hidden: true, click: () => showAll() });
  const root = el(
    'section',
    { class: 'card', 'aria-label': 'Devices' },
    el(
      'div',
      { class: 'cardHead' },
      el('h2', {}, 'Devices'),
      found,
      el('div', { class: 'tools' }, revokedLabel, filter, sort),
    ),
    table,
    more,
  );
  const watcher = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const row = rowOf.get(target);
      if (row === undefined) continue;
      row.inView = isIntersecting;
      if (isIntersecting) refresh(row, target.getAttribute('data-id') ?? '');
    }
  });

  function setOrder(next: Order): void {
    order = next;
    sort.value = next;
    arrange();
  }

  function showAll(): void {
    max = Number.POSITIVE_INFINITY;
    arrange();
  }

  function refresh(row: Row, id: string): void {
    const node = hub.nodes.get(id);
    if (node === undefined) return;
    row.update(node);
    row.draw(hub, node);
  }

  /** Shows the wanted rows in order; moves only those that are out of place. */
  function arrange(): void {
    orderedAt = performance.now();
    const all = [...hub.nodes.values()];
    const revokedCount = all.filter((node) => node.revoked).length;
    revokedLabel.hidden = revokedCount === 0;
    const wanted = all
      .filter((node) => (revoked.checked || !node.revoked) && matchesFilter(node, filter.value))
      .sort((a, b) => compareNodes(a, b, order));
    const next = wanted.slice(0, max).map(({ id }) => id);
    headers.forEach((header, index) => {
      const by = COLUMNS[index]!.order;
      if (by === order)
        header.setAttribute('aria-sort', by === 'name' || by === 'roundTrip' ? 'ascending' : 'descending');
      else header.removeAttribute('aria-sort');
    });
    more.hidden = wanted.length <= next.length;
    setText(more, `Show all ${plural(wanted.length, 'device')}`);
    const few = all.length - revokedCount <= 5;
    filter.hidden = few && filter.value === '';
    sort.hidden = few;
    setText(found, filter.value === '' ? '' : `${plural(wanted.length, 'device')} found`);
    if (next.length === shown.length && next.every((id, index) => id === shown[index])) return;
    shown = next;
    place(next);
  }

  function place(ids: readonly string[]): void {
    const kept = new Set(ids);
    for (const [id, row] of rows) {
      if (kept.has(id)) continue;
      watcher.unobserve(row.root);
      row.root.remove();
      rows.delete(id);
    }
    let before: Element | null = body.firstElementChild;
    for (const id of ids) {
      const row = rows.get(id) ?? makeRow(id);
      if (row.root === before) before = before.nextElementSibling;
      else body.insertBefore(row.root, before);
    }
  }

  function makeRow(id: string): Row {
    const node = hub.nodes.get(id)!;
    const row = new Row(node);
    row.root.setAttribute('data-id', id);
    rows.set(id, row);
    rowOf.set(row.root, row);
    row.update(node);
    row.draw(hub, node);
    watcher.observe(row.root);
    return row;
  }

  sort.value = order;
  return {
    root,
    update(changed) {
      const isNew = changed === null || [...changed].some((id) => !rows.has(id));
      const isDue = performance.now() - orderedAt > REORDER_MS && !table.matches(':hover, :focus-within');
      if (isNew || isDue) arrange();
      for (const [id, row] of rows) {
        if (!row.inView) continue;
        const node = hub.nodes.get(id);
        if (node === undefined) continue;
        if (changed === null || changed.has(id)) row.update(node);
        row.draw(hub, node);
      }
    },
    close: () => watcher.disconnect(),
  };
}
