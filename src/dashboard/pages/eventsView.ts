// What happened and why, newest first: filtered, live, older events on demand.

import type { EventKind, EventPage, EventRecord } from '../../model/fleet.ts';
import { type EventFilter, getEventPage, getEvents } from './apiClient.ts';
import { actionButton, el, heading, setText } from './dom.ts';
import type { HubState } from './hubState.ts';
import { notifyError } from './notices.ts';
import { relativeTime } from './relativeTime.ts';
import type { View } from './view.ts';
import { EVENT_WORDS, eventWords } from './wording.ts';

const PAGE = 50;
/** Above it, live rows push the oldest out at the bottom. */
const ROWS_MAX = 1_000;
const TYPING_MS = 250;
/** How often other hubs of a cluster are asked for what has happened there: ticks have this hub's events alone. */
const OTHERS_MS = 5_000;

export function eventsView(hub: HubState): View {
  const kind = el('select', { 'aria-label': 'Kind of event', change: () => void load() });
  kind.append(el('option', { value: '' }, 'All kinds'));
  for (const [name, { label }] of Object.entries(EVENT_WORDS))
    kind.append(el('option', { value: name }, label));
  const node = el('select', {
    'aria-label': 'Device',
    change: () => {
      followNode();
      void load();
    },
  });
  const text = el('input', {
    type: 'search',
    placeholder: 'Text…',
    'aria-label': 'Text of the event',
    'aria-keyshortcuts': '/',
    autocomplete: 'off',
    input: () => {
      clearTimeout(typing);
      typing = setTimeout(() => void load(), TYPING_MS);
    },
  });
  const list = el('ol', { class: 'events' });
  const none = el('p', { class: 'muted', role: 'status' });
  const missing = el('p', { class: 'muted', role: 'status', hidden: true });
  const older = actionButton('Older events', { hidden: true }, loadOlder);
  const root = el(
    'div',
    { class: 'stack' },
    el(
      'div',
      { class: 'viewHead' },
      heading('Events'),
      el('p', { class: 'muted' }, 'What happened, and why.'),
    ),
    el(
      'section',
      { class: 'card', 'aria-label': 'Events' },
      el('div', { class: 'tools' }, kind, node, text),
      missing,
      list,
      none,
      older,
    ),
  );
  let typing = 0;
  let asked = 0;
  /** Of each hub, the number of its newest event here; '' is a hub without a cluster. */
  const newest = new Map<string, number>();
  /** Links to the events before the last row, and after the first page. */
  let olderLink: string | null = null;
  let newerLink: string | null = null;
  /** Behind the last row of a page: the link to the next one. */
  const pageEnds = new WeakMap<Element, string>();

  function filter(): EventFilter {
    return {
      kind: kind.value === '' ? null : (kind.value as EventKind),
      nodeId: node.value === '' ? null : node.value,
      contains: text.value.trim(),
    };
  }

  async function load(): Promise<void> {
    asked += 1;
    const mine = asked;
    try {
      const page = await getEvents(filter(), PAGE);
      if (mine !== asked) return;
      list.replaceChildren();
      newest.clear();
      top(page);
      bottom(page);
      setText(none, page.events.length === 0 ? 'No such event.' : '');
    } catch (error) {
      notifyError(error);
    }
  }

  /** What came while nobody looked, and at the other hubs. */
  async function catchUp(): Promise<void> {
    const mine = asked;
    if (newerLink === null) return;
    try {
      const page = await getEventPage(newerLink);
      if (mine !== asked) return;
      // More than a page was missed.
      if (page.older !== null) {
        await load();
        return;
      }
      top(page);
      take(page.events);
    } catch {
      // The banner already says that the hub is gone.
    }
  }

  async function loadOlder(): Promise<void> {
    const mine = asked;
    if (olderLink === null) return;
    try {
      const page = await getEventPage(olderLink);
      if (mine === asked) bottom(page);
    } catch (error) {
      notifyError(error);
    }
  }

  function top({ newer, missingHubs }: EventPage): void {
    newerLink = newer ?? newerLink;
    missing.hidden = missingHubs.length === 0;
    const names = missingHubs.join(', ');
    setText(
      missing,
      missingHubs.length === 0 ? '' : `No answer from ${names}: what happened there comes once it answers.`,
    );
  }

  function bottom({ events, older: link }: EventPage): void {
    list.append(...events.map(row));
    for (const { hub: at = '', number } of events) newest.set(at, Math.max(newest.get(at) ?? 0, number));
    const last = list.lastElementChild;
    if (link !== null && last !== null) pageEnds.set(last, link);
    olderLink = link;
    older.hidden = link === null;
  }

  /** Those of a tick come in any order, and from other hubs later than their time. */
  function take(events: readonly EventRecord[]): void {
    const { kind: only, nodeId, contains } = filter();
    for (const event of [...events].sort((a, b) => a.number - b.number)) {
      const at = event.hub ?? '';
      if (event.number <= (newest.get(at) ?? 0)) continue;
      newest.set(at, event.number);
      if (only !== null && event.kind !== only) continue;
      if (nodeId !== null && event.nodeId !== nodeId) continue;
      if (!event.text.toLowerCase().includes(contains.toLowerCase())) continue;
      const made = row(event);
      made.classList.add('fresh');
      insert(made);
      setText(none, '');
    }
    if (list.childElementCount > ROWS_MAX) trim();
  }

  function insert(made: HTMLElement): void {
    const time = made.dataset.at ?? '';
    let behind = list.firstElementChild;
    while (behind instanceof HTMLElement && (behind.dataset.at ?? '') > time)
      behind = behind.nextElementSibling;
    list.insertBefore(made, behind);
  }

  /** To the end of a page, from which a link leads on. */
  function trim(): void {
    for (let last = list.lastElementChild; last !== null; last = list.lastElementChild) {
      const link = pageEnds.get(last);
      if (link !== undefined && list.childElementCount <= ROWS_MAX) {
        olderLink = link;
        older.hidden = false;
        return;
      }
      last.remove();
    }
    void load();
  }

  function fillNodes(): void {
    const all = [...hub.nodes.values()].sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
    if (
      node.options.length === all.length + 1 &&
      all.every(({ name }, at) => node.options[at + 1]!.text === name)
    )
      return;
    const { value } = node;
    node.replaceChildren(
      el('option', { value: '' }, 'All devices'),
      ...all.map(({ id, name }) => el('option', { value: id }, name)),
    );
    node.value = hub.nodes.has(value) ? value : '';
  }

  /** When it came or left, the event may be in its own history alone. */
  let lanes = -1;
  function followNode(): void {
    const now = hub.nodes.get(node.value)?.lanes ?? -1;
    if (now !== lanes && now >= 0 && lanes >= 0) void load();
    lanes = now;
  }

  const unwatch = hub.watch(({ tick }) => {
    if (tick.events.length > 0) take(tick.events);
    followNode();
    if (tick.events.some((event) => event.kind === 'paired')) fillNodes();
  }, fillNodes);
  document.addEventListener('hubreopen', catchUp);
  const others = setInterval(() => {
    if (!document.hidden && hub.isInCluster) void catchUp();
  }, OTHERS_MS);
  fillNodes();
  void load();
  return {
    title: 'Events',
    root,
    close() {
      asked += 1;
      clearTimeout(typing);
      clearInterval(others);
      document.removeEventListener('hubreopen', catchUp);
      unwatch();
    },
  };
}

function row({ at, kind, nodeId, nodeName, text, hub }: EventRecord): HTMLElement {
  const { label, tone } = eventWords(kind);
  return el(
    'li',
    { 'data-at': at, class: hub === undefined ? '' : 'ofHub' },
    relativeTime(at),
    ...(hub === undefined ? [] : [el('span', { class: 'hub' }, hub)]),
    el('span', { class: `badge ${tone}` }, label),
    el('span', { class: 'text' }, ...sentence(text, nodeId, nodeName)),
  );
}

/** The device's name links to the device. A sentence without the name gets it in front. */
function sentence(text: string, nodeId: string | null, nodeName: string | null): (Node | string)[] {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  if (nodeId === null) return [capital];
  const name = nodeName ?? nodeId;
  const link = el('a', { class: 'name', href: `#/nodes/${encodeURIComponent(nodeId)}` }, name);
  const at = text.indexOf(name);
  return at < 0 ? [link, `: ${text}`] : [capital.slice(0, at), link, text.slice(at + name.length)];
}
