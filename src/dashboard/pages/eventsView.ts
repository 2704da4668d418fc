// What happened and why, newest first: filtered, live, older events on demand.

import type { EventKind, EventRecord } from '../../model/fleet.ts';
import { type EventFilter, getEvents } from './apiClient.ts';
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
      list,
      none,
      older,
    ),
  );
  let typing = 0;
  let asked = 0;
  let newest = 0;
  let oldest: number | null = null;

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
      const events = await getEvents(filter(), null, PAGE);
      if (mine !== asked) return;
      list.replaceChildren(...events.map(row));
      newest = events[0]?.number ?? newest;
      bottom(events);
      setText(none, events.length === 0 ? 'No such event.' : '');
    } catch (error) {
      notifyError(error);
    }
  }

  /** What came while nobody looked. */
  async function catchUp(): Promise<void> {
    const mine = asked;
    const known = newest;
    try {
      const events = await getEvents(filter(), null, PAGE);
      if (mine !== asked) return;
      // More than a page was missed, or a tick was faster.
      if ((events.at(-1)?.number ?? 0) > known || newest !== known) await load();
      else take(events);
    } catch {
      // The banner already says that the hub is gone.
    }
  }

  async function loadOlder(): Promise<void> {
    const mine = asked;
    try {
      const events = await getEvents(filter(), oldest, PAGE);
      if (mine !== asked) return;
      list.append(...events.map(row));
      bottom(events);
    } catch (error) {
      notifyError(error);
    }
  }

  function bottom(events: readonly EventRecord[]): void {
    oldest = events.at(-1)?.number ?? oldest;
    older.hidden = events.length < PAGE;
  }

  /** Those of a tick come in any order. */
  function take(events: readonly EventRecord[]): void {
    const { kind: only, nodeId, contains } = filter();
    for (const event of [...events].sort((a, b) => a.number - b.number)) {
      if (event.number <= newest) continue;
      newest = event.number;
      if (only !== null && event.kind !== only) continue;
      if (nodeId !== null && event.nodeId !== nodeId) continue;
      if (!event.text.toLowerCase().includes(contains.toLowerCase())) continue;
      const made = row(event);
      made.classList.add('fresh');
      list.prepend(made);
      setText(none, '');
    }
    while (list.childElementCount > ROWS_MAX) {
      list.lastElementChild?.remove();
      oldest = Number(list.lastElementChild?.getAttribute('data-number'));
      older.hidden = false;
    }
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
  fillNodes();
  void load();
  return {
    title: 'Events',
    root,
    close() {
      asked += 1;
      clearTimeout(typing);
      document.removeEventListener('hubreopen', catchUp);
      unwatch();
    },
  };
}

function row({ number, at, kind, nodeId, nodeName, text, hub }: EventRecord): HTMLElement {
  const { label, tone } = eventWords(kind);
  return el(
    'li',
    { 'data-number': number },
    relativeTime(at),
    el('span', { class: `badge ${tone}` }, label),
    el('span', { class: 'text' }, ...sentence(text, nodeId, nodeName), hub === undefined ? '' : ` (${hub})`),
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
