// A device's row in the table of the fleet: made once, later only changed cells are touched.

import type { NodeView } from '../../model/fleet.ts';
import { el, setText, setTitle } from './dom.ts';
import { bytes, count, millis, rate } from './format.ts';
import type { HubState } from './hubState.ts';
import type { Order } from './nodeOrder.ts';
import { relativeTime, setTime } from './relativeTime.ts';
import { drawSparkline, sparkline } from './sparkline.ts';
import { batteryWords, indirectWords, networkWords, platformWords, stateWords } from './wording.ts';

export const COLUMNS: readonly { name: string; label: string; order: Order | null; number?: true }[] = [
  { name: 'name', label: 'Device', order: 'name' },
  { name: 'state', label: 'State', order: 'state' },
  { name: 'hubs', label: 'Hubs', order: null },
  { name: 'network', label: 'Network', order: null },
  { name: 'address', label: 'Public address', order: null },
  { name: 'battery', label: 'Battery', order: null, number: true },
  { name: 'roundTrip', label: 'Round trip', order: 'roundTrip', number: true },
  { name: 'throughput', label: 'Throughput', order: 'throughput' },
  { name: 'streams', label: 'Streams', order: 'streams', number: true },
  { name: 'today', label: 'Today', order: 'today', number: true },
  { name: 'month', label: 'Month', order: 'month', number: true },
];

export class Row {
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
    const way = indirectWords(node);
    const country = node.country === null ? '' : ` · ${node.country}`;
    const indirect = way === '' ? '' : ` · ${way}`;
    setText(this.#platform, `${platformWords(node.platform)}${country}${tags}${indirect}`);
    setText(this.#badge, label);
    if (this.#title !== tone) this.#badge.className = `badge ${tone}`;
    this.#title = tone;
    if (node.state === 'away' && !node.keyShared) {
      setTime(this.#seen, node.lastSeenAt);
      if (this.#reason.firstChild !== this.#seen) this.#reason.replaceChildren(this.#seen);
    } else setText(this.#reason, reason);
    this.#cell('hubs', (node.hubs ?? []).join(', ') || '–');
    this.#cell('network', networkWords(node.network));
    this.#cell('address', node.publicAddress ?? '–');
    this.#cell('battery', batteryWords(node));
    this.#cell('roundTrip', millis(node.connected ? node.roundTripMs : null));
    this.#cell('streams', count(node.streams));
    this.#traffic('today', node.today);
    this.#traffic('month', node.month);
    setText(this.#rate, node.connected ? rate(node.downBytesPerSecond + node.upBytesPerSecond) : '–');
  }

  /** `index`: among all devices of the table, from 0; its head is the first row. */
  setIndex(index: number): void {
    const rowIndex = String(index + 2);
    if (this.root.getAttribute('aria-rowindex') !== rowIndex)
      this.root.setAttribute('aria-rowindex', rowIndex);
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
