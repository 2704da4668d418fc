// The live view as lines: exactly what is drawn for a window of a given size, and that nothing of a name reaches the terminal raw.

import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { renderStatus, type StatusState, type Window } from '../../src/cli/output/statusView.ts';
import { cellsOf } from '../../src/cli/output/terminalText.ts';
import type { EventRecord, HubStatus, NodeView } from '../../src/model/fleet.ts';
import { anyText } from './anyText.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const EVERYTHING: Window = { width: 120, height: Number.POSITIVE_INFINITY, colour: false };

const HUB: HubStatus = {
  version: '1.2.3',
  startedAt: '2026-03-01T09:00:00Z',
  addresses: {
    tunnel: '0.0.0.0:9000',
    socks: '127.0.0.1:1080',
    http: '127.0.0.1:1081',
    dashboard: '[::1]:8080',
  },
  publicKey: 'key',
  io: 'epoll',
  workers: 2,
  stopping: false,
  nodesConnected: 1,
  nodesPaired: 2,
  streams: 12,
  clients: 14,
  strangers: 0,
  downBytesPerSecond: 1_500_000,
  upBytesPerSecond: 20_000,
  connectsPerSecond: 2.34,
  failuresPerSecond: 0,
  connects: { since: '', succeeded: 0, failed: 0, failures: {}, connectMs: null },
  datagrams: { up: 0, down: 0, dropped: 0 },
  residentBytes: 80_000_000,
  heldBytes: 0,
  heldMaxBytes: 64_000_000,
  cpuPercent: 12.6,
};

function node(changes: Partial<NodeView> = {}): NodeView {
  return {
    id: 'id-of-phone',
    name: 'phone',
    state: 'connected',
    connected: true,
    revoked: false,
    tags: [],
    country: null,
    paused: false,
    limits: { mbitPerSecond: null, streams: null, monthlyBytes: null, hours: null },
    rotateSchedule: null,
    createdAt: '',
    lastSeenAt: '',
    revokedAt: null,
    platform: 'android',
    network: 'cellular',
    version: '1.2.3',
    batteryPercent: null,
    charging: null,
    canRotate: null,
    keyShared: false,
    way: 'tcp',
    via: null,
    publicAddress: null,
    lanes: 1,
    roundTripMs: 41.6,
    streams: 12,
    downBytesPerSecond: 1_500_000,
    upBytesPerSecond: 20_000,
    today: { downBytes: 2e9, upBytes: 0 },
    month: { downBytes: 40e9, upBytes: 2e9 },
    ...changes,
  };
}

function event(number: number, changes: Partial<EventRecord> = {}): EventRecord {
  // Without a zone: the clock of whoever looks.
  const at = new Date(2026, 2, 1, 11, 0, number).toISOString();
  return { number, at, kind: 'connected', nodeId: null, nodeName: null, text: `event ${number}`, ...changes };
}

function state(changes: Partial<StatusState> = {}): StatusState {
  return {
    hub: HUB,
    nodes: [node({ name: 'gone', id: 'gone', revoked: true, connected: false, state: 'revoked' })],
    events: [],
    down: [0, 1, 2],
    up: [],
    nodeRates: new Map(),
    nowMs: NOW,
    trouble: null,
    ...changes,
  };
}

const AWAY = node({
  id: 'away',
  name: 'attic',
  state: 'away',
  connected: false,
  network: null,
  roundTripMs: null,
});

test('a hub that stops says so', () => {
  const first = (hub: HubStatus, colour: boolean) =>
    renderStatus(state({ hub }), { ...EVERYTHING, colour })[0];
  expect(first({ ...HUB, stopping: true }, false)).toContain(
    'Restunnel 1.2.3  stopping: no new streams  up 3h  1 of 2 nodes connected',
  );
  expect(stripVTControlCharacters(first({ ...HUB, stopping: true }, true) ?? '')).toContain('stopping');
  expect(first(HUB, false)).not.toContain('stopping');
});

test('how nodes come has a column once one does not come directly', () => {
  const head = (nodes: NodeView[]) =>
    renderStatus(state({ nodes }), EVERYTHING).find((line) => line.startsWith('NODE'));
  expect(head([node()])).not.toContain('WAY');
  expect(head([node(), node({ id: 'x', way: 'webSocket' })])).toMatch(/NETWORK +WAY +RTT/);
});

test('all of it, in a wide window', () => {
  const lines = renderStatus(
    state({
      nodes: [AWAY, node(), node({ id: 'x', state: 'overQuota', name: 'x'.repeat(30) })],
      nodeRates: new Map([['id-of-phone', [1, 7]]]),
      events: [
        event(9, { nodeName: 'phone', text: 'connected from 192.0.2.1' }),
        event(8, { nodeName: 'phone', text: 'phone was paired' }),
      ],
    }),
    EVERYTHING,
  );
  expect(lines).toEqual([
    'Restunnel 1.2.3  up 3h  1 of 2 nodes connected  12 streams  14 clients',
    'SOCKS5 127.0.0.1:1080  HTTP 127.0.0.1:1081  dashboard http://[::1]:8080  tunnel 0.0.0.0:9000',
    `down  1.50 MB/s  ${' '.repeat(57)}▁▅█`,
    'up    20.0 kB/s',
    '2.3 connects/s  0 failures/s  CPU 13 %  80.0 MB  2 workers (epoll)',
    '',
    'NODE                      STATE       NETWORK     RTT  STREAMS       DOWN         UP  LAST 15 S          TODAY    MONTH',
    'phone                     connected   cellular  42 ms       12  1.50 MB/s  20.0 kB/s               ▂█  2.00 GB  42.0 GB',
    `${'x'.repeat(23)}…  over quota  cellular  42 ms       12  1.50 MB/s  20.0 kB/s                   2.00 GB  42.0 GB`,
    'attic                     away        -             -        -          -          -                   2.00 GB  42.0 GB',
    '',
    'EVENTS',
    '11:00:09  phone: connected from 192.0.2.1',
    '11:00:08  phone was paired',
  ]);
});

test('without nodes it says how to get one', () => {
  expect(renderStatus(state(), EVERYTHING).at(-1)).toBe(
    'No devices are paired yet; make a link with: restunnel pair',
  );
});

test('a hub that does not answer is a sentence of its own', () => {
  const [first] = renderStatus(state({ trouble: 'stopped; waiting for it' }), EVERYTHING);
  expect(first).toBe('Restunnel 1.2.3  stopped; waiting for it');
});

test('a narrow window leaves columns out, the least of them first', () => {
  const titles = (width: number) =>
    renderStatus(state({ nodes: [node()] }), { ...EVERYTHING, width })
      .find((line) => line.startsWith('NODE'))!
      .split(/ {2,}/)
      .join(' ');
  expect(titles(120)).toBe('NODE STATE NETWORK RTT STREAMS DOWN UP LAST 15 S TODAY MONTH');
  expect(titles(95)).toBe('NODE STATE NETWORK RTT STREAMS DOWN UP TODAY MONTH');
  expect(titles(70)).toBe('NODE STATE RTT STREAMS DOWN UP TODAY');
  expect(titles(50)).toBe('NODE STATE STREAMS DOWN UP');
  expect(titles(20)).toBe('NODE STATE');
});

test('a low window shows the nodes that work first, says how many are missing, and keeps some events', () => {
  const nodes = [AWAY, ...Array.from({ length: 9 }, (_, n) => node({ id: `n${n}`, name: `n${n}` }))];
  const events = [3, 2, 1].map((number) => event(number));
  const lines = renderStatus(state({ nodes, events }), { ...EVERYTHING, height: 16 });
  expect(lines.map((line) => line.split('  ')[0]).slice(6)).toEqual([
    'NODE',
    'n0',
    'n1',
    'n2',
    'and 7 more: restunnel nodes',
    '',
    'EVENTS',
    '11:00:03',
    '11:00:02',
  ]);
});

test('in a cluster, a column has the hubs of a device, events have theirs, and silent hubs are named', () => {
  const event: EventRecord = {
    number: 1,
    at: '2026-03-01T12:00:00.000Z',
    kind: 'changed',
    nodeId: null,
    nodeName: null,
    text: 'list 2 is in force',
  };
  const state: StatusState = {
    hub: HUB,
    nodes: [node({ hubs: ['berlin', 'paris'] }), node({ id: 'other', name: 'tablet', hubs: [] })],
    events: [
      { ...event, hub: 'berlin' },
      { ...event, hub: 'rome' },
    ],
    missingHubs: ['paris'],
    down: [],
    up: [],
    nodeRates: new Map(),
    nowMs: NOW,
    trouble: null,
  };
  const text = renderStatus(state, EVERYTHING).join('\n');
  expect(text).toMatch(/NODE +STATE +HUBS +NETWORK/);
  expect(text).toMatch(/phone +connected +berlin,paris +cellular/);
  expect(text).toMatch(/tablet +connected +- +cellular/);
  expect(text).toMatch(/EVENTS {2}no answer from paris/);
  expect(text).toMatch(/berlin {2}list 2 is in force/);
  expect(text).toMatch(/rome {4}list 2 is in force/);
  expect(renderStatus({ ...state, nodes: [node()] }, EVERYTHING).join('\n')).not.toContain('HUBS');
});

describe('a name that wants to do harm', () => {
  const evil = 'a\u001b[2J\u0007\u202e\n📱电话';

  test('is shown without what would do it', () => {
    const lines = renderStatus(
      state({ nodes: [node({ name: evil })], events: [event(1, { nodeName: evil, text: `${evil} left` })] }),
      EVERYTHING,
    );
    expect(lines.find((line) => line.startsWith('a['))).toMatch(/^a\[2J 📱电话 {2}connected {2}/);
    expect(lines.at(-1)).toBe('11:00:01  a[2J 📱电话 left');
    expect(lines.join('')).not.toMatch(/\p{C}/u);
  });

  test('fits any window, whatever it is made of', () => {
    const text = anyText(40);
    const nodes = fc.array(
      text.map((name) => node({ name, id: name })),
      { maxLength: 12 },
    );
    const events = fc.array(fc.tuple(text, text), { maxLength: 6 });
    fc.assert(
      fc.property(
        nodes,
        events,
        fc.integer({ min: 1, max: 140 }),
        fc.integer({ min: 1, max: 40 }),
        fc.boolean(),
        (nodes, told, width, height, colour) => {
          const events = told.map(([nodeName, text], at) => event(at, { nodeName, text }));
          const lines = renderStatus(state({ nodes, events, down: [1, 2, 3] }), { width, height, colour });
          expect(lines.length).toBeLessThanOrEqual(height);
          for (const line of lines) {
            const plain = stripVTControlCharacters(line);
            expect(plain).not.toMatch(/\p{C}/u);
            expect(cellsOf(plain)).toBeLessThanOrEqual(width);
          }
        },
      ),
    );
  });
});

test('colour adds styles and nothing else', () => {
  const seen = state({ nodes: [node(), AWAY], events: [event(1)] });
  const plain = renderStatus(seen, { width: 80, height: 30, colour: false });
  const coloured = renderStatus(seen, { width: 80, height: 30, colour: true });
  expect(coloured.join('')).toContain('\u001b[32mconnected\u001b[39m');
  expect(coloured.map(stripVTControlCharacters).map((line) => line.trimEnd())).toEqual(plain);
});
