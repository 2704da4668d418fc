// The dashboard's page: follows the hub and shows the view that the address names.

import { getHistory, getNodes, getStatus, logOut } from './apiClient.ts';
import { fleetView } from './fleetView.ts';
import { HubState, isNews } from './hubState.ts';
import { followHub } from './liveFeed.ts';
import { announce, notifyError } from './notices.ts';
import { startTimes } from './relativeTime.ts';
import { startTheme } from './theme.ts';
import type { OpenView, View } from './view.ts';
import { eventWords } from './wording.ts';

/** Of figures that no tick brings, such as connects since the start. */
const STATUS_EVERY_MS = 10_000;

/** Above it the page does not ask for the past minute, which takes a request per device. */
const RECALLED_NODES_MAX = 20;

/** By the first part of the address after the #. Views that few people open are loaded when somebody does. */
const VIEWS: Readonly<Record<string, () => Promise<OpenView>>> = {
  '': async () => fleetView,
  nodes: async () => (await import('./nodePage.ts')).nodeView,
  pair: async () => (await import('./pairView.ts')).pairView,
  use: async () => (await import('./useView.ts')).useView,
  events: async () => (await import('./eventsView.ts')).eventsView,
};

const hub = new HubState();
const main = byId('main');
const banner = byId('banner');
const stopping = byId('stopping');
let view: View | null = null;
let reachable = false;

function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element;
}

/** `#/nodes/abc` is the view `nodes` with the argument `abc`. */
async function show(moveFocus: boolean): Promise<void> {
  const address = location.hash;
  const [name = '', argument = ''] = address.replace(/^#\/?/, '').split('?')[0]!.split('/');
  const open = await (VIEWS[name] ?? VIEWS['']!)();
  if (location.hash !== address) return;
  view?.close();
  view = open(hub, decode(argument));
  main.replaceChildren(view.root);
  document.title = `${view.title} · Restunnel`;
  const current = name === 'nodes' || VIEWS[name] === undefined ? '' : name;
  for (const link of document.querySelectorAll<HTMLAnchorElement>('nav a')) {
    if (link.hash.replace(/^#\/?/, '') === current) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  if (!moveFocus) return;
  scrollTo(0, 0);
  main.querySelector<HTMLElement>('h1')?.focus({ preventScroll: true });
}

function decode(argument: string): string {
  try {
    return decodeURIComponent(argument);
  } catch {
    return argument;
  }
}

function setReachable(now: boolean): void {
  banner.hidden = now;
  if (now && !reachable && document.body.dataset.wasLost !== undefined) announce('The hub answers again');
  if (!now) document.body.dataset.wasLost = '';
  reachable = now;
  showStopping();
}

function showStopping(): void {
  // A hub that no longer answers has a banner of its own.
  stopping.hidden = !reachable || hub.status?.stopping !== true;
}

async function recall(): Promise<void> {
  const connected = [...hub.nodes.values()].filter((node) => node.connected && !hub.trails.has(node.id));
  if (connected.length > RECALLED_NODES_MAX) return;
  await Promise.all(connected.map(async ({ id }) => hub.recall(id, await getHistory(id, '10m'))));
}

startTheme(byId('theme') as HTMLButtonElement);
startTimes();
byId('logout').addEventListener('click', () => void logOut().catch(notifyError));
byId('skip').addEventListener('click', (event) => {
  event.preventDefault();
  main.querySelector<HTMLElement>('h1')?.focus();
});
addEventListener('hashchange', () => {
  if (view !== null) void show(true);
});
document.addEventListener('keydown', (event) => {
  const writing = event.target instanceof HTMLElement && event.target.matches('input, select, textarea');
  if (event.key !== '/' || writing || event.ctrlKey || event.metaKey || event.altKey) return;
  const filter = main.querySelector<HTMLInputElement>('input[type=search]');
  if (filter === null) return;
  event.preventDefault();
  filter.focus();
});
setInterval(() => {
  if (!reachable || document.hidden) return;
  getStatus().then(
    (status) => hub.setStatus(status),
    () => {},
  );
}, STATUS_EVERY_MS);

hub.watch(showStopping, showStopping);
void followHub({
  admitted: ({ hasPassword }) => {
    byId('logout').hidden = !hasPassword;
  },
  opened: async () => {
    const [status, nodes] = await Promise.all([getStatus(), getNodes()]);
    hub.refresh(status, nodes);
    if (view === null) await show(false);
    else document.dispatchEvent(new Event('hubreopen'));
    setReachable(true);
    recall().catch(() => {});
  },
  tick: (tick) => {
    hub.take(tick);
    for (const event of tick.events) {
      if (isNews(event))
        announce(`${event.nodeName ?? 'Hub'}: ${eventWords(event.kind).label.toLowerCase()}`);
    }
  },
  lost: () => setReachable(false),
});
