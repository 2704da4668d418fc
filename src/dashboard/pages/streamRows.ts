// The streams that are open on a device now, asked for every two seconds.

import type { LiveStream } from '../../model/fleet.ts';
import { getStreams } from './apiClient.ts';
import { el, setText } from './dom.ts';
import { duration, plural } from './format.ts';
import { PROTOCOL_WORDS, STREAM_STATE_WORDS } from './wording.ts';

const EVERY_MS = 2_000;
const SHOWN_MAX = 50;

export function streamList(nodeId: string): { root: HTMLElement; close(): void } {
  const found = el('p', { class: 'muted' });
  const body = el('tbody');
  const head = ['Target', 'Protocol', 'State', 'Age'].map((text) => el('th', { scope: 'col' }, text));
  const table = el('table', { class: 'plain' }, el('thead', {}, el('tr', {}, ...head)), body);
  const scroll = el(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Live streams, a table' },
    table,
  );
  const root = el(
    'section',
    { class: 'card', 'aria-label': 'Live streams' },
    el('div', { class: 'cardHead' }, el('h2', {}, 'Live streams'), found),
    scroll,
  );

  async function load(): Promise<void> {
    if (document.hidden) return;
    try {
      show(await getStreams(nodeId));
    } catch {
      // The banner already says that the hub is gone.
    }
  }

  function show(streams: readonly LiveStream[]): void {
    scroll.hidden = streams.length === 0;
    const shown = streams.slice(0, SHOWN_MAX);
    const hidden = streams.length - shown.length;
    setText(
      found,
      streams.length === 0
        ? 'No stream is open.'
        : `${plural(streams.length, 'stream')}${hidden > 0 ? `, ${SHOWN_MAX} shown` : ''}`,
    );
    while (body.rows.length > shown.length) body.deleteRow(-1);
    shown.forEach((stream, at) => {
      const row = body.rows[at] ?? body.appendChild(el('tr', {}, el('td'), el('td'), el('td'), el('td')));
      const { target, protocol, state, ageMs } = stream;
      const texts = [
        target ?? 'not shown',
        PROTOCOL_WORDS[protocol],
        STREAM_STATE_WORDS[state],
        duration(ageMs),
      ];
      for (const [column, text] of texts.entries()) setText(row.cells[column]!, text);
      row.cells[0]!.className = target === null ? 'muted' : 'target';
      row.cells[0]!.title = target === null ? 'To show targets, start the hub with --show-targets' : target;
    });
  }

  const timer = setInterval(() => void load(), EVERY_MS);
  void load();
  return { root, close: () => clearInterval(timer) };
}
