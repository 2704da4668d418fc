// One device: what it does, what it may do, and the owner's actions.

import type { NodeView } from '../../model/fleet.ts';
import { changeNode, getConnects, revokeNode, rotateNode } from './apiClient.ts';
import { throughputChart } from './chart.ts';
import { askText, confirmByName } from './dialogs.ts';
import { actionButton, el, heading, setText } from './dom.ts';
import { causes, figures } from './figures.ts';
import { bytes, count, millis, percent, rate } from './format.ts';
import type { HubState } from './hubState.ts';
import { notify, notifyError } from './notices.ts';
import { relativeTime, setTime } from './relativeTime.ts';
import { settingsForm } from './settingsForm.ts';
import { streamList } from './streamRows.ts';
import type { View } from './view.ts';
import { batteryWords, networkWords, platformWords, stateWords, wayWords } from './wording.ts';

const CONNECTS_EVERY_MS = 5_000;

export function nodeView(hub: HubState, id: string): View {
  const node = hub.nodes.get(id) ?? [...hub.nodes.values()].find(({ name }) => name === id);
  return node === undefined ? noSuchNode() : knownNode(hub, node);
}

function noSuchNode(): View {
  const root = el(
    'div',
    { class: 'stack' },
    el('div', { class: 'viewHead' }, heading('No such device')),
    el('p', {}, 'This hub has no device with this id. ', el('a', { href: '#/' }, 'Back to the fleet')),
  );
  return { title: 'No such device', root, close: () => {} };
}

function knownNode(hub: HubState, first: NodeView): View {
  const { id } = first;
  const title = heading(first.name);
  const badge = el('span', { class: 'badge' });
  const reason = el('span', { class: 'muted' });
  const facts = factList();
  const big = figures({
    down: 'Down',
    up: 'Up',
    streams: 'Streams',
    success: 'Success rate',
    today: 'Today',
    month: 'This month',
  });
  const times = figures({ p50: 'Median', p90: '90 % within', p99: '99 % within' });
  const chart = throughputChart(id);
  const why = causes();
  why.root.append(el('h3', {}, 'Time to connect'), times.root);
  const form = settingsForm(hub, id);
  const streams = streamList(id);
  const buttons = nodeButtons(hub, first);
  const root = el(
    'div',
    { class: 'stack' },
    el(
      'div',
      { class: 'viewHead' },
      el('p', { class: 'back' }, el('a', { href: '#/' }, 'Fleet'), ' /'),
      el('div', { class: 'titleLine' }, title, badge, reason),
      buttons.root,
    ),
    facts.root,
    big.root,
    el('div', { class: 'beside' }, chart.root, why.root),
    el('div', { class: 'halves' }, form.root, streams.root),
  );

  function showAll(): void {
    const node = hub.nodes.get(id);
    if (node === undefined) return;
    const { label, tone, reason: because } = stateWords(node);
    setText(title, node.name);
    setText(badge, label);
    badge.className = `badge ${tone}`;
    setText(reason, because);
    facts.set(node);
    buttons.set(node);
    form.root.hidden = node.revoked;
    form.set(node);
    big.set('down', rate(node.downBytesPerSecond));
    big.set('up', rate(node.upBytesPerSecond));
    big.set(
      'streams',
      count(node.streams),
      node.limits.streams === null ? '' : `of ${count(node.limits.streams)}`,
    );
    const sum = ({ downBytes, upBytes }: NodeView['today']): number => downBytes + upBytes;
    big.set('today', bytes(sum(node.today)));
    const quota = node.limits.monthlyBytes;
    big.set('month', bytes(sum(node.month)), quota === null ? '' : `of ${bytes(quota)}`);
  }

  async function loadConnects(): Promise<void> {
    if (document.hidden) return;
    try {
      const connects = await getConnects(id);
      why.set(connects, hub.isInCluster);
      big.set('success', percent(connects.succeeded, connects.succeeded + connects.failed));
      for (const name of ['p50', 'p90', 'p99'] as const)
        times.set(name, millis(connects.connectMs?.[name] ?? null));
    } catch {
      // The banner already says that the hub is gone.
    }
  }

  const unwatch = hub.watch(({ tick, changed }) => {
    const node = hub.nodes.get(id);
    if (node === undefined) return;
    chart.push(
      tick.at,
      node.connected ? node.downBytesPerSecond : 0,
      node.connected ? node.upBytesPerSecond : 0,
    );
    if (changed.has(id)) showAll();
  }, showAll);
  const timer = setInterval(() => void loadConnects(), CONNECTS_EVERY_MS);
  void loadConnects();
  showAll();
  return {
    title: first.name,
    root,
    close() {
      clearInterval(timer);
      unwatch();
      chart.close();
      streams.close();
    },
  };
}

function factList(): { root: HTMLElement; set(node: NodeView): void } {
  const seen = relativeTime(new Date(0).toISOString());
  const made = relativeTime(new Date(0).toISOString());
  const values = new Map<string, HTMLElement>();
  const root = el('dl', { class: 'facts' });
  const labels = [
    'Platform',
    'Network',
    'Public address',
    'Way',
    'Battery',
    'Round trip',
    'Lanes',
    'Hubs',
    'Version',
    'Last seen',
    'Paired',
  ];
  for (const label of labels) {
    const value = el('dd', {});
    values.set(label, value);
    root.append(el('div', {}, el('dt', {}, label), value));
  }
  values.get('Last seen')!.append(seen);
  values.get('Paired')!.append(made);
  return {
    root,
    set(node) {
      const texts: Record<string, string> = {
        Platform: platformWords(node.platform),
        Network: networkWords(node.network),
        'Public address': node.publicAddress ?? '–',
        Way: wayWords(node),
        Battery: batteryWords(node),
        'Round trip': millis(node.connected ? node.roundTripMs : null),
        Lanes: String(node.lanes),
        Hubs: (node.hubs ?? []).join(', ') || '–',
        Version: node.version ?? '–',
      };
      for (const [label, text] of Object.entries(texts)) setText(values.get(label)!, text);
      // A hub alone has none to name.
      values.get('Hubs')!.parentElement!.hidden = node.hubs === undefined;
      setTime(seen, node.connected ? new Date().toISOString() : node.lastSeenAt);
      setTime(made, node.createdAt);
    },
  };
}

function nodeButtons(hub: HubState, first: NodeView): { root: HTMLElement; set(node: NodeView): void } {
  const { id } = first;
  /** As it was last seen: a hub that is back may not know it any more. */
  let current = first;
  const pause = actionButton('Pause', {}, async () => {
    try {
      hub.setNode(await changeNode(id, { paused: !current.paused }));
    } catch (error) {
      notifyError(error);
    }
  });
  const rename = el('button', { type: 'button', click: () => askName(hub, current) }, 'Rename');
  const rotate = actionButton('New address', {}, async () => {
    notify(`${current.name} is getting a new address…`);
    try {
      const { oldAddress, newAddress, tookMs } = await rotateNode(id);
      notify(`${oldAddress ?? 'An unknown address'} became ${newAddress ?? 'another'} in ${millis(tookMs)}.`);
    } catch (error) {
      notifyError(error);
    }
  });
  const revoke = el(
    'button',
    { type: 'button', class: 'danger', click: () => askRevoke(hub, current) },
    'Revoke',
  );
  const root = el('div', { class: 'actions' }, pause, rename, rotate, revoke);
  return {
    root,
    set(node) {
      current = node;
      setText(pause, node.paused ? 'Resume' : 'Pause');
      root.hidden = node.revoked;
      rotate.hidden = !node.connected || node.canRotate === false;
    },
  };
}

function askName(hub: HubState, { id, name }: NodeView): void {
  askText('Name', name, {
    title: 'Rename the device',
    action: 'Rename',
    async run(text) {
      hub.setNode(await changeNode(id, { name: text }));
    },
  });
}

function askRevoke(hub: HubState, { id, name, streams }: NodeView): void {
  const open =
    streams === 1 ? 'Its open stream breaks off' : `All ${count(streams)} of its open streams break off`;
  confirmByName(name, {
    title: `Revoke ${name}?`,
    action: 'Revoke',
    body: [
      el(
        'ul',
        {},
        el('li', {}, 'The hub cuts its connection at once and no longer accepts its key.'),
        streams === 0 ? el('li', {}, 'It has no open streams.') : el('li', {}, `${open}.`),
        el('li', {}, 'This cannot be undone. To come back, the device must be paired again.'),
      ),
    ],
    async run() {
      hub.setNode(await revokeNode(id));
      notify(`${name} was revoked.`);
    },
  });
}
