// Big numbers in a row, and why connects failed.

import type { ConnectFigures } from '../../model/fleet.ts';
import { el, setText } from './dom.ts';
import { count, percent } from './format.ts';
import { relativeTime, setTime } from './relativeTime.ts';
import { causesOf } from './wording.ts';

export interface Figures {
  readonly root: HTMLElement;
  set(name: string, text: string, note?: string): void;
}

/** By the labels' names, in order. */
export function figures(labels: Readonly<Record<string, string>>): Figures {
  const values = new Map<string, { value: HTMLElement; note: HTMLElement }>();
  const root = el('dl', { class: 'figures' });
  for (const [name, label] of Object.entries(labels)) {
    const value = el('span', { class: 'value' }, '–');
    const note = el('span', { class: 'note' });
    values.set(name, { value, note });
    root.append(el('div', { class: `figure ${name}` }, el('dt', {}, label), el('dd', {}, value, note)));
  }
  return {
    root,
    set(name, text, note = '') {
      const figure = values.get(name);
      if (figure === undefined) return;
      setText(figure.value, text);
      setText(figure.note, note);
    },
  };
}

export interface Causes {
  readonly root: HTMLElement;
  /** `isInCluster`: other hubs count their own. */
  set(connects: ConnectFigures, isInCluster: boolean): void;
}

export function causes(): Causes {
  const since = relativeTime(new Date().toISOString());
  const where = el('span', {});
  const rateLine = el('p', { class: 'muted' });
  const list = el('ul', { class: 'causes' });
  const root = el(
    'section',
    { class: 'card', 'aria-label': 'Connections' },
    el(
      'div',
      { class: 'cardHead' },
      el('h2', {}, 'Connections'),
      el('p', { class: 'muted' }, 'counted since ', since, where),
    ),
    rateLine,
    list,
  );
  let shown = '';
  return {
    root,
    set(connects, isInCluster) {
      setTime(since, connects.since);
      setText(where, isInCluster ? ' at this hub' : '');
      const key = JSON.stringify(connects);
      if (key === shown) return;
      shown = key;
      const { succeeded, failed } = connects;
      const total = succeeded + failed;
      rateLine.replaceChildren(
        ...(total === 0
          ? ['No connections yet.']
          : [el('strong', {}, percent(succeeded, total)), ` of ${count(total)} succeeded`]),
      );
      const found = causesOf(connects);
      const most = found[0]?.times ?? 1;
      list.replaceChildren(
        ...found.slice(0, 6).map(({ words, times }) => {
          const bar = el('span', { class: 'bar' });
          bar.style.setProperty('--share', String(times / most));
          return el(
            'li',
            {},
            el('span', { class: 'words' }, words),
            el('span', { class: 'times' }, count(times)),
            bar,
          );
        }),
      );
      if (found.length === 0 && total > 0)
        list.replaceChildren(el('li', { class: 'muted' }, 'Nothing failed.'));
    },
  };
}
