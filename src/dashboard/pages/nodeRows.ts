// The fleet's devices, filtered and sorted, a row each. Of a long list only the rows around those in view are in the page, with empty space
// in place of the others. On a phone each row is a card (views.css).

import type { NodeView } from '../../model/fleet.ts';
import { el, setText } from './dom.ts';
import { plural } from './format.ts';
import type { HubState } from './hubState.ts';
import { compareNodes, matchesFilter, ORDERS, type Order } from './nodeOrder.ts';
import { COLUMNS, Row } from './nodeRow.ts';
import { RowHeights, rowsAround } from './rowWindow.ts';

/** A list that is no longer is in the page as a whole. */
const WHOLE_MAX = 200;
/** Live values move rows at most this often, and never under the reader's pointer or focus. */
const REORDER_MS = 5_000;

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
  /** Where each of them is. */
  let places = new Map<string, number>();
  const heights = new RowHeights();
  const spaces: HTMLTableRowElement[] = [];
  let drawing = 0;

  const body = el('tbody', { role: 'rowgroup' });
  const headers = COLUMNS.map(({ name, label, order: by, number }) => {
    const sorter = by === null ? label : el('button', { type: 'button', click: () => setOrder(by) }, label);
    const classes = number === true ? `${name} number` : name;
    return el('th', { class: classes, role: 'columnheader', scope: 'col' }, sorter);
  });
  const table = el(
    'table',
    { class: 'nodes', role: 'table', 'aria-label': 'Devices' },
    el('thead', { role: 'rowgroup' }, el('tr', { role: 'row', 'aria-rowindex': 1 }, ...headers)),
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
    const next = all
      .filter(isWanted)
      .sort((a, b) => compareNodes(a, b, order))
      .map(({ id }) => id);
    headers.forEach((header, index) => {
      const by = COLUMNS[index]!.order;
      if (by === order)
        header.setAttribute('aria-sort', by === 'name' || by === 'roundTrip' ? 'ascending' : 'descending');
      else header.removeAttribute('aria-sort');
    });
    table.classList.toggle(
      'clustered',
      all.some(({ hubs }) => hubs !== undefined),
    );
    const few = all.length - revokedCount <= 5;
    filter.hidden = few && filter.value === '';
    sort.hidden = few;
    setText(found, filter.value === '' ? '' : `${plural(next.length, 'device')} found`);
    if (next.length === shown.length && next.every((id, index) => id === shown[index])) return;
    shown = next;
    places = new Map(next.map((id, place) => [id, place]));
    table.setAttribute('aria-rowcount', String(next.length + 1));
    draw();
  }

  function isWanted(node: NodeView): boolean {
    return (revoked.checked || !node.revoked) && matchesFilter(node, filter.value);
  }

  /** Brings the rows around the view into the page, in order, and lets the others go; moves only those that are out of place. */
  function draw(): void {
    for (const [id, { root: row }] of rows) heights.set(id, row.offsetHeight);
    const wanted = placesToDraw();
    const kept = new Set(wanted.map((place) => shown[place]!));
    for (const [id, row] of rows) {
      if (kept.has(id)) continue;
      watcher.unobserve(row.root);
      row.root.remove();
      rows.delete(id);
    }
    let before: Element | null = body.firstElementChild;
    const put = (element: Element): void => {
      if (element === before) before = before.nextElementSibling;
      else body.insertBefore(element, before);
    };
    let usedSpaces = 0;
    let isNew = false;
    let drawn = 0;
    const skipTo = (place: number): void => {
      if (place === drawn) return;
      const space = spaces[usedSpaces] ?? makeSpace();
      spaces[usedSpaces] = space;
      usedSpaces += 1;
      space.style.height = `${heights.between(shown, drawn, place)}px`;
      put(space);
      drawn = place;
    };
    for (const place of wanted) {
      skipTo(place);
      const id = shown[place]!;
      if (!rows.has(id)) isNew = true;
      const row = rows.get(id) ?? makeRow(id);
      row.setIndex(place);
      put(row.root);
      drawn += 1;
    }
    skipTo(shown.length);
    for (const unused of spaces.slice(usedSpaces)) unused.remove();
    setWidths(wanted.length < shown.length);
    // Once the new rows are laid out, the space in place of the others is as high as they are.
    if (isNew) drawSoon();
  }

  /** In order. The row with the focus stays, wherever the page is scrolled to, and so do those that Tab leads to from there. */
  function placesToDraw(): number[] {
    const top = -body.getBoundingClientRect().top;
    const { first, end } =
      shown.length <= WHOLE_MAX
        ? { first: 0, end: shown.length }
        : rowsAround(shown, heights, top, top + innerHeight);
    const wanted = Array.from({ length: end - first }, (_, at) => first + at);
    const row = body.contains(document.activeElement) ? document.activeElement?.closest('tr') : null;
    const focused = places.get(row?.getAttribute('data-id') ?? '');
    if (focused === undefined) return wanted;
    const around = [focused - 1, focused, focused + 1].filter(
      (place) => place >= 0 && place < shown.length && (place < first || place >= end),
    );
    return focused < first ? [...around, ...wanted] : [...wanted, ...around];
  }

  /** Columns that keep their widths while rows come and go. */
  function setWidths(isPart: boolean): void {
    const isSet = table.classList.contains('part');
    if (isPart === isSet || (isPart && headers[0]!.offsetWidth === 0)) return;
    const widths = headers.map((header) => header.offsetWidth);
    headers.forEach((header, at) => {
      header.style.width = isPart ? `${widths[at]}px` : '';
    });
    table.classList.toggle('part', isPart);
  }

  function drawSoon(): void {
    if (shown.length <= WHOLE_MAX || drawing !== 0) return;
    drawing = requestAnimationFrame(() => {
      drawing = 0;
      draw();
    });
  }

  function resized(): void {
    heights.clear();
    setWidths(false);
    drawSoon();
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

  /** It should be in the list and is not, or the other way round. */
  function isMisplaced(id: string): boolean {
    const node = hub.nodes.get(id);
    return node !== undefined && isWanted(node) !== places.has(id);
  }

  addEventListener('scroll', drawSoon, { passive: true });
  addEventListener('resize', resized);
  sort.value = order;
  return {
    root,
    update(changed) {
      const isNew = changed === null || [...changed].some(isMisplaced);
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
    close() {
      watcher.disconnect();
      removeEventListener('scroll', drawSoon);
      removeEventListener('resize', resized);
      cancelAnimationFrame(drawing);
    },
  };
}

/** In place of rows that are not in the page. */
function makeSpace(): HTMLTableRowElement {
  return el('tr', { class: 'space', 'aria-hidden': 'true' }, el('td', { colspan: COLUMNS.length }));
}
