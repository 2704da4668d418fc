// Nodes as text for people: the table of all, and everything about one. Pure.

import type { ConnectFigures, NodeLimits, NodeState, NodeView, Rotation } from '../../model/fleet.ts';
import { formatBytes, formatRate, roundDuration } from '../units.ts';
import { drawTable } from './terminalText.ts';

const STATE_WORDS: Record<NodeState, string> = {
  revoked: 'revoked',
  away: 'away',
  rotating: 'rotating',
  draining: 'draining',
  paused: 'paused',
  overQuota: 'over quota',
  offHours: 'off hours',
  connected: 'connected',
};

const SHARED_KEY =
  'two devices have its key, and whichever comes second is sent away; delete node_key.bin and node.json on the copy and pair it with its own link';

/** Columns that would be empty for all are left out. */
export function drawNodes(nodes: readonly NodeView[], nowMs: number): string {
  if (nodes.length === 0) return 'No devices are paired yet; make a link with: restunnel pair\n';
  const columns: [string, (node: NodeView) => string][] = [
    ['ID', (node) => node.id],
    ['NAME', (node) => node.name],
    ['STATE', stateOf],
    ['STREAMS', (node) => (node.connected ? String(node.streams) : '-')],
    ['LAST SEEN', (node) => (node.connected ? 'now' : ago(node.lastSeenAt, nowMs))],
    ['PAIRED', (node) => ago(node.createdAt, nowMs)],
  ];
  const areDirect = !nodes.some(isIndirect);
  const perhaps: [string, (node: NodeView) => string][] = [
    ['HUBS', ({ hubs }) => (hubs ?? []).join(',')],
    ['NETWORK', ({ network }) => network ?? ''],
    ['WAY', (node) => (areDirect ? '' : wayWords(node))],
    ['ADDRESS', ({ publicAddress }) => publicAddress ?? ''],
    ['MONTH', ({ month }) => (month === undefined ? '' : formatBytes(month.downBytes + month.upBytes))],
    ['COUNTRY', ({ country }) => country ?? ''],
    ['TAGS', ({ tags }) => (tags ?? []).join(',')],
    ['LIMITS', ({ limits }) => (limits === undefined ? '' : limitsText(limits))],
    ['NOTE', ({ keyShared }) => (keyShared === true ? 'two devices have its key' : '')],
  ];
  columns.push(...perhaps.filter(([, read]) => nodes.some((node) => read(node) !== '')));
  const rows = nodes.map((node) => columns.map(([, read]) => read(node) || '-'));
  return drawTable([columns.map(([title]) => title), ...rows]);
}

/** `connects` null: no hub runs that could have counted any. */
export function drawNode(node: NodeView, connects: ConnectFigures | null, nowMs: number): string {
  const rows: [string, string | null][] = [
    ['name', node.name],
    ['id', node.id],
    ['state', stateOf(node)],
    ['note', node.keyShared === true ? SHARED_KEY : null],
    ['device', deviceText(node)],
    ['hubs', (node.hubs ?? []).join(', ') || null],
    ['network', networkText(node)],
    ['way', wayWords(node) || null],
    ['streams', node.connected ? String(node.streams) : null],
    [
      'rates',
      node.connected && node.downBytesPerSecond !== undefined
        ? `down ${formatRate(node.downBytesPerSecond)}, up ${formatRate(node.upBytesPerSecond ?? 0)}`
        : null,
    ],
    ['today', trafficText(node.today)],
    ['this month', trafficText(node.month)],
    ['connects', connects === null ? null : connectsText(connects, nowMs)],
    ['failures', connects === null ? null : failuresText(connects)],
    ['limits', node.limits === undefined ? null : limitsText(node.limits) || 'none'],
    ['tags', node.tags === undefined ? null : node.tags.join(', ') || 'none'],
    ['country', node.country ?? null],
    ['rotates', node.rotateSchedule ?? null],
    ['last seen', node.connected ? 'now' : ago(node.lastSeenAt, nowMs)],
    ['paired', `${node.createdAt} (${ago(node.createdAt, nowMs)})`],
    ['revoked', node.revokedAt],
  ];
  return drawTable(rows.filter((row): row is [string, string] => row[1] !== null));
}

/** `node` as the owner called it. */
export function rotationText(node: string, { oldAddress, newAddress, tookMs }: Rotation): string {
  const took = `in ${roundDuration(tookMs)}`;
  if (oldAddress === newAddress)
    return `${node} did what it does for a new address ${took}, but still comes from ${newAddress ?? 'an unknown one'}\n`;
  return `${node} went from ${oldAddress ?? 'an unknown address'} to ${newAddress ?? 'an unknown one'} ${took}\n`;
}

export function limitsText({ mbitPerSecond, streams, monthlyBytes, hours }: NodeLimits): string {
  const limits = [
    mbitPerSecond === null ? null : `${mbitPerSecond} Mbit/s`,
    streams === null ? null : `${streams} streams`,
    monthlyBytes === null ? null : `${formatBytes(monthlyBytes)} a month`,
    hours,
  ];
  return limits.filter((limit) => limit !== null).join(', ');
}

export function stateWord(state: NodeState): string {
  return STATE_WORDS[state] ?? state;
}

/** It comes inside a WebSocket, or through a proxy. */
export function isIndirect({ way, via }: NodeView): boolean {
  return (way ?? 'tcp') !== 'tcp' || (via ?? null) !== null;
}

/** How it comes to its hub; '' while it does not, and from a hub that does not say. */
export function wayWords({ way, via }: NodeView): string {
  if ((way ?? null) === null) return '';
  const proxy = { http: 'HTTP proxy', socks5: 'SOCKS5 proxy', none: '' }[via ?? 'none'];
  const carrier = { tcp: proxy === '' ? 'direct' : '', webSocket: 'WebSocket', both: 'direct and WebSocket' };
  return [carrier[way ?? 'tcp'], proxy].filter((word) => word !== '').join(', ');
}

function stateOf({ state, revoked, connected }: NodeView): string {
  return stateWord(state ?? (revoked ? 'revoked' : connected ? 'connected' : 'away'));
}

function deviceText({ platform, version, batteryPercent, charging }: NodeView): string | null {
  const battery =
    typeof batteryPercent === 'number'
      ? `battery ${batteryPercent} %${charging === true ? ', charging' : ''}`
      : null;
  const words = [platform, version ? `restunnel ${version}` : null, battery];
  return words.filter((word) => typeof word === 'string').join(', ') || null;
}

function networkText({ network, publicAddress, roundTripMs, lanes, connected }: NodeView): string | null {
  const words = [
    network,
    publicAddress,
    connected && typeof roundTripMs === 'number' ? `${Math.round(roundTripMs)} ms away` : null,
    connected && lanes !== undefined && lanes > 1 ? `${lanes} lanes` : null,
  ];
  return words.filter((word) => typeof word === 'string').join(', ') || null;
}

function trafficText(traffic: NodeView['today'] | undefined): string | null {
  if (traffic === undefined) return null;
  return `down ${formatBytes(traffic.downBytes)}, up ${formatBytes(traffic.upBytes)}`;
}

function connectsText({ since, succeeded, failed, connectMs }: ConnectFigures, nowMs: number): string {
  const all = succeeded + failed;
  const share = all === 0 ? '' : ` (${((100 * succeeded) / all).toFixed(1)} %)`;
  const times =
    connectMs === null
      ? ''
      : `; half within ${Math.round(connectMs.p50)} ms, 99 % within ${Math.round(connectMs.p99)} ms`;
  return `${succeeded} of ${all} succeeded${share} in ${roundDuration(nowMs - Date.parse(since))}${times}`;
}

function failuresText({ failures }: ConnectFigures): string | null {
  const causes = Object.entries(failures).sort(([, one], [, other]) => other - one);
  return causes.length === 0 ? null : causes.map(([cause, count]) => `${cause} ${count}`).join(', ');
}

function ago(time: string, nowMs: number): string {
  return `${roundDuration(nowMs - Date.parse(time))} ago`;
}
