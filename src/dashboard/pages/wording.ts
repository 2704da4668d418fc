// What the hub's names mean, in words for its owner. Pure.

import type {
  ConnectFigures,
  EventKind,
  LiveStream,
  Network,
  NodeState,
  NodeView,
} from '../../model/fleet.ts';
import { bytes } from './format.ts';

export type Tone = 'good' | 'wait' | 'bad' | 'off';

interface StateWords {
  readonly label: string;
  readonly tone: Tone;
  /** Why, where the label alone does not say it; else empty. */
  readonly reason: string;
}

const STATES: Readonly<Record<NodeState, { label: string; tone: Tone }>> = {
  connected: { label: 'Connected', tone: 'good' },
  rotating: { label: 'Rotating', tone: 'wait' },
  draining: { label: 'Draining', tone: 'wait' },
  paused: { label: 'Paused', tone: 'wait' },
  overQuota: { label: 'Over quota', tone: 'bad' },
  offHours: { label: 'Off hours', tone: 'wait' },
  away: { label: 'Away', tone: 'off' },
  revoked: { label: 'Revoked', tone: 'off' },
};

export function stateWords(node: NodeView): StateWords {
  const words = { ...STATES[node.state], reason: stateReason(node) };
  if (!node.keyShared || node.revoked) return words;
  return { ...words, tone: 'bad', reason: 'two devices have its key: pair the copy with a link of its own' };
}

function stateReason({ state, limits }: NodeView): string {
  switch (state) {
    case 'rotating':
      return 'getting a new public address';
    case 'draining':
      return 'finishing its streams before it stops';
    case 'paused':
      return 'by you: no new streams';
    case 'overQuota':
      return limits.monthlyBytes === null
        ? 'until next month'
        : `${bytes(limits.monthlyBytes)} used this month`;
    case 'offHours':
      return limits.hours === null ? '' : `works ${limits.hours.replace('-', '–')}`;
    case 'revoked':
      return 'cannot come back without a new link';
    default:
      return '';
  }
}

export function networkWords(network: Network | null): string {
  return network === null ? '–' : { wifi: 'WiFi', cellular: 'Cellular', ethernet: 'Ethernet' }[network];
}

/** How it comes to the hub. */
export function wayWords({ way, via }: NodeView): string {
  if (way === null) return '–';
  const proxy = via === null ? '' : { http: 'HTTP proxy', socks5: 'SOCKS5 proxy' }[via];
  const carrier = { tcp: proxy === '' ? 'Direct' : '', webSocket: 'WebSocket', both: 'Direct and WebSocket' };
  return [carrier[way], proxy].filter((word) => word !== '').join(', ');
}

/** For a line of the table: nothing where it comes directly, as most do. */
export function indirectWords(node: NodeView): string {
  return node.way === null || (node.way === 'tcp' && node.via === null) ? '' : wayWords(node);
}

const PLATFORMS: Readonly<Record<string, string>> = {
  linux: 'Linux',
  macos: 'macOS',
  windows: 'Windows',
  android: 'Android',
  ios: 'iOS',
};

export function platformWords(platform: string | null): string {
  return platform === null ? '–' : (PLATFORMS[platform] ?? platform);
}

export function batteryWords({ batteryPercent, charging }: NodeView): string {
  if (batteryPercent === null) return '–';
  return `${Math.round(batteryPercent)} %${charging === true ? ' ⚡' : ''}`;
}

/** Open-ended: the hub may know causes that this page does not. */
const FAILURE_WORDS: Readonly<Record<string, string>> = {
  internal: 'The device could not open the connection',
  policy: 'Private or reserved address, refused by the device',
  networkUnreachable: 'No route to the target',
  hostUnreachable: 'Target host unreachable',
  refused: 'Target refused the connection',
  timedOut: 'Target did not answer in time',
  nameNotFound: 'Name not found',
  nameTimedOut: 'Name lookup timed out',
  resolverSilent: 'No name is answered',
  nodeBusy: 'Device had no room for another stream',
  draining: 'Device was shutting down',
  badTarget: 'Not a valid host and port',
  noNode: 'No device was connected',
  nodeLost: 'Device was lost before it answered',
  nodeSilent: 'Device fell silent',
  targetLost: 'Target closed before it answered',
  hubBusy: 'Hub had no room for another stream',
  openTimedOut: 'Device gave no answer in time',
  stopping: 'Hub was shutting down',
  badRequest: 'Malformed request',
  commandNotSupported: 'Command not supported',
  udpNotSupported: 'Device does not support UDP',
  addressNotSupported: 'Address type not supported',
  headTooLarge: 'Request head too large',
  badResponse: 'Malformed answer from the target',
  nodePaused: 'Device is paused',
  nodeOverQuota: 'Monthly quota used up',
  nodeOffHours: 'Outside the device’s hours',
  nodeRotating: 'Device was getting a new address',
  nodeStreamsLimit: 'Device reached its limit of streams',
  authRequired: 'User name or password missing or wrong',
  badUsername: 'User name not understood',
  userLimit: 'User reached a limit',
  noMatch: 'No connected device fits the request',
  sessionLost: 'The session’s device is gone',
  ruleRefused: 'Refused by a rule',
};

export function failureWords(cause: string): string {
  return FAILURE_WORDS[cause] ?? sentenceOf(cause);
}

/** "ruleRefused" reads "Rule refused". */
function sentenceOf(name: string): string {
  const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Most frequent first. */
export function causesOf({ failures }: ConnectFigures): { words: string; times: number }[] {
  return Object.entries(failures)
    .filter(([, times]) => times > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([cause, times]) => ({ words: failureWords(cause), times }));
}

export const EVENT_WORDS: Readonly<Record<EventKind, { label: string; tone: Tone }>> = {
  hubStarted: { label: 'Hub started', tone: 'good' },
  hubStopping: { label: 'Hub stopping', tone: 'wait' },
  linkMade: { label: 'Link made', tone: 'off' },
  linkCancelled: { label: 'Link cancelled', tone: 'off' },
  paired: { label: 'Paired', tone: 'good' },
  connected: { label: 'Connected', tone: 'good' },
  disconnected: { label: 'Disconnected', tone: 'wait' },
  refused: { label: 'Refused', tone: 'bad' },
  changed: { label: 'Changed', tone: 'off' },
  revoked: { label: 'Revoked', tone: 'bad' },
  overQuota: { label: 'Over quota', tone: 'bad' },
  rotated: { label: 'New address', tone: 'good' },
  userChanged: { label: 'User changed', tone: 'off' },
  rulesLoaded: { label: 'Rules loaded', tone: 'off' },
  warning: { label: 'Warning', tone: 'wait' },
};

/** Also for kinds that only a newer hub sends. */
export function eventWords(kind: string): { label: string; tone: Tone } {
  return Object.hasOwn(EVENT_WORDS, kind)
    ? EVENT_WORDS[kind as EventKind]
    : { label: sentenceOf(kind), tone: 'off' };
}

export const PROTOCOL_WORDS: Readonly<Record<LiveStream['protocol'], string>> = {
  socks: 'SOCKS5',
  'http-connect': 'HTTP CONNECT',
  http: 'HTTP',
  udp: 'UDP',
};

export const STREAM_STATE_WORDS: Readonly<Record<LiveStream['state'], string>> = {
  opening: 'Opening',
  open: 'Open',
  halfClosed: 'Half-closed',
};
