// What `restunnel status` shows, as lines that fit a terminal. Pure: the state of the hub and the size of the window go in.

import { styleText } from 'node:util';
import type { EventRecord, HubStatus, NodeState, NodeView } from '../../model/fleet.ts';
import { formatBytes, formatRate, roundDuration } from '../units.ts';
import { clockOf, sentenceOf } from './eventText.ts';
import { isIndirect, stateWord, wayWords } from './nodeText.ts';
import { cellsOf, cut, fill, printable } from './terminalText.ts';

export interface StatusState {
  readonly hub: HubStatus;
  /** In the order of the list. */
  readonly nodes: readonly NodeView[];
  /** Newest first. */
  readonly events: readonly EventRecord[];
  /** Hubs of the cluster whose events are missing. */
  readonly missingHubs?: readonly string[];
  /** Bytes per second of the last minutes, oldest first. */
  readonly down: readonly number[];
  readonly up: readonly number[];
  /** By node id, both directions together, second by second; a node without any has no bars. */
  readonly nodeRates: ReadonlyMap<string, readonly number[]>;
  readonly nowMs: number;
  /** Why this is not how it is now; null: it is. */
  readonly trouble: string | null;
}

export interface Window {
  readonly width: number;
  /** Infinity: everything is shown. */
  readonly height: number;
  readonly colour: boolean;
}

const BARS = '▁▂▃▄▅▆▇█';

/** Of a node: one for each second. */
export const NODE_BARS = 15;

type Style = Parameters<typeof styleText>[0];
type Segment = readonly [text: string, style?: Style];

/** At most `height` lines of at most `width` cells. Styles aside, no line holds anything but printable text. */
export function renderStatus(state: StatusState, { width, height, colour }: Window): string[] {
  const head = [...hubLines(state, width), []];
  const nodes = sortedNodes(state.nodes);
  const events = state.events;
  // Nodes matter most, but a few events stay in sight.
  const room = Math.max(0, height - head.length - 4);
  const eventRows = Math.min(events.length, Math.max(room - nodes.length, Math.min(3, Math.floor(room / 3))));
  const nodeRows = nodes.length <= room - eventRows ? nodes.length : Math.max(0, room - eventRows - 1);
  const lines = [...head, ...nodeLines(state, nodes.slice(0, nodeRows), width)];
  if (nodeRows < nodes.length) lines.push([[`and ${nodes.length - nodeRows} more: restunnel nodes`, 'dim']]);
  if (eventRows > 0)
    lines.push([], eventsTitle(state.missingHubs ?? []), ...eventLines(events.slice(0, eventRows)));
  return lines.slice(0, height).map((line) => drawLine(line, width, colour));
}

function hubLines({ hub, down, up, nowMs, trouble }: StatusState, width: number): Segment[][] {
  const { addresses } = hub;
  const uptime = roundDuration(nowMs - Date.parse(hub.startedAt));
  const bars = Math.max(0, Math.min(60, width - 22));
  return [
    trouble === null
      ? [
          [`Restunnel ${hub.version}`, 'bold'],
          ...(hub.stopping ? [['  stopping: no new streams', 'yellow'] satisfies Segment] : []),
          [
            `  up ${uptime}  ${hub.nodesConnected} of ${hub.nodesPaired} nodes connected  ` +
              `${hub.streams} streams  ${hub.clients} clients`,
          ],
        ]
      : [
          [`Restunnel ${hub.version}`, 'bold'],
          [`  ${trouble}`, 'red'],
        ],
    [
      [
        `SOCKS5 ${addresses.socks}  HTTP ${addresses.http}  dashboard http://${addresses.dashboard}  ` +
          `tunnel ${addresses.tunnel}`,
        'dim',
      ],
    ],
    [[`down ${fill(formatRate(hub.downBytesPerSecond), 10, 'right')}  `], [sparkline(down, bars), 'green']],
    [[`up   ${fill(formatRate(hub.upBytesPerSecond), 10, 'right')}  `], [sparkline(up, bars), 'cyan']],
    [
      [
        `${round(hub.connectsPerSecond)} connects/s  ${round(hub.failuresPerSecond)} failures/s  ` +
          `CPU ${round(hub.cpuPercent)} %  ${formatBytes(hub.residentBytes)}  ` +
          `${hub.workers} ${hub.workers === 1 ? 'worker' : 'workers'} (${hub.io})`,
      ],
    ],
  ];
}

/** Those that can be used first, else as they came; the revoked are gone. */
function sortedNodes(nodes: readonly NodeView[]): NodeView[] {
  const present = nodes.filter(({ revoked }) => !revoked);
  return [...present.filter(({ connected }) => connected), ...present.filter(({ connected }) => !connected)];
}

interface Column {
  readonly title: string;
  /** Leaves last; 0 never leaves. */
  readonly rank: number;
  readonly side: 'left' | 'right';
  readonly maxCells: number;
  /** Of numbers that change: so that the columns behind them stand still. */
  readonly minCells?: number;
  read(node: NodeView): string;
  style?(node: NodeView): Style | undefined;
}

const STATE_STYLES: Partial<Record<NodeState, Style>> = {
  connected: 'green',
  away: 'dim',
  overQuota: 'yellow',
  offHours: 'yellow',
  paused: 'yellow',
  draining: 'yellow',
  rotating: 'yellow',
};

function columnsOf({ nodeRates, nodes }: StatusState): Column[] {
  const live = (node: NodeView, text: string) => (node.connected ? text : '-');
  const right = { side: 'right', maxCells: 12 } as const;
  const left = { side: 'left', maxCells: 12 } as const;
  return [
    { title: 'NODE', rank: 0, side: 'left', maxCells: 24, read: ({ name }) => printable(name) },
    {
      ...left,
      title: 'STATE',
      rank: 0,
      read: ({ state }) => stateWord(state),
      style: ({ state }) => STATE_STYLES[state],
    },
    ...(nodes.some(({ hubs }) => hubs !== undefined)
      ? [
          {
            ...left,
            title: 'HUBS',
            rank: 3,
            maxCells: 24,
            read: ({ hubs }: NodeView) => printable((hubs ?? []).join(',') || '-'),
          },
        ]
      : []),
    { ...left, title: 'NETWORK', rank: 5, read: ({ network }) => network ?? '-' },
    ...(nodes.some(isIndirect)
      ? [{ title: 'WAY', rank: 8, side: 'left', maxCells: 24, read: wayOf } satisfies Column]
      : []),
    {
      ...right,
      title: 'RTT',
      rank: 4,
      read: (node) => live(node, node.roundTripMs === null ? '-' : `${Math.round(node.roundTripMs)} ms`),
    },
    { ...right, title: 'STREAMS', rank: 2, read: (node) => live(node, String(node.streams)) },
    {
      ...right,
      minCells: 9,
      title: 'DOWN',
      rank: 1,
      read: (node) => live(node, formatRate(node.downBytesPerSecond)),
    },
    {
      ...right,
      minCells: 9,
      title: 'UP',
      rank: 1,
      read: (node) => live(node, formatRate(node.upBytesPerSecond)),
    },
    {
      title: `LAST ${NODE_BARS} S`,
      rank: 7,
      side: 'left',
      maxCells: NODE_BARS,
      read: (node) => sparkline(nodeRates.get(node.id) ?? [], NODE_BARS),
      style: () => 'green',
    },
    { ...right, title: 'TODAY', rank: 3, read: ({ today }) => formatBytes(today.downBytes + today.upBytes) },
    { ...right, title: 'MONTH', rank: 6, read: ({ month }) => formatBytes(month.downBytes + month.upBytes) },
  ];
}

function wayOf(node: NodeView): string {
  return wayWords(node) || '-';
}

function nodeLines(state: StatusState, nodes: readonly NodeView[], width: number): Segment[][] {
  if (state.nodes.every(({ revoked }) => revoked)) {
    return [[['No devices are paired yet; make a link with: restunnel pair', 'dim']]];
  }
  const columns = columnsOf(state).map((column) => {
    const cells = nodes.map((node) => column.read(node));
    const widest = Math.max(column.minCells ?? 0, cellsOf(column.title), ...cells.map(cellsOf));
    return { ...column, cells, width: Math.min(column.maxCells, widest) };
  });
  const total = () => columns.reduce((sum, column) => sum + column.width + 2, -2);
  while (total() > width && columns.some(({ rank }) => rank > 0)) {
    const worst = Math.max(...columns.map(({ rank }) => rank));
    columns.splice(
      columns.findLastIndex(({ rank }) => rank === worst),
      1,
    );
  }
  const title = columns.map((column) => fill(column.title, column.width, column.side)).join('  ');
  const rows = nodes.map((node, row) =>
    columns.flatMap((column, at): Segment[] => {
      const text = fill(column.cells[row]!, column.width, column.side);
      const style = column.style?.(node);
      const cell: Segment = style === undefined ? [text] : [text, style];
      return at === 0 ? [cell] : [['  '], cell];
    }),
  );
  return [[[title.trimEnd(), 'dim']], ...rows];
}

function eventsTitle(missingHubs: readonly string[]): Segment[] {
  if (missingHubs.length === 0) return [['EVENTS', 'dim']];
  return [
    ['EVENTS', 'dim'],
    [`  no answer from ${missingHubs.map(printable).join(', ')}`, 'yellow'],
  ];
}

function eventLines(events: readonly EventRecord[]): Segment[][] {
  const hubs = events.map(({ hub }) => (hub === undefined ? '' : printable(hub)));
  const widest = Math.min(24, Math.max(...hubs.map(cellsOf)));
  return events.map((event, at) => {
    const hub = widest === 0 ? '' : `${fill(hubs[at]!, widest)}  `;
    return [[`${clockOf(event.at)}  ${hub}`, 'dim'], [sentenceOf(event)]];
  });
}

/**
 * The last `width` values, oldest first, each a bar between nothing and the largest of them; fewer values leave blanks in front. Anything
 * above nothing shows.
 */
export function sparkline(values: readonly number[], width: number): string {
  const shown = width > 0 ? values.slice(-width) : [];
  const most = Math.max(0, ...shown);
  const bars = shown.map((value) => BARS[value > 0 ? Math.max(1, Math.ceil((value / most) * 7)) : 0]);
  return ' '.repeat(Math.max(0, width - shown.length)) + bars.join('');
}

/** One figure behind the point while it says something. */
function round(value: number): string {
  return value >= 10 ? String(Math.round(value)) : String(Math.round(value * 10) / 10);
}

/** Cut to the width, then each part in its style. */
function drawLine(segments: readonly Segment[], width: number, colour: boolean): string {
  let rest = cut(
    segments
      .map(([text]) => text)
      .join('')
      .trimEnd(),
    width,
  );
  let line = '';
  for (const [text, style] of segments) {
    const shown = rest.slice(0, text.length);
    rest = rest.slice(text.length);
    const styled = colour && style !== undefined && shown !== '';
    line += styled ? styleText(style, shown, { validateStream: false }) : shown;
  }
  return line;
}
