// What is said about a node on the command line, as the change it stands for; how nodes are drawn.

import { expect, test } from 'vitest';
import { UserError } from '../../src/base/userError.ts';
import { NONE, nodeChangeOf, orNone } from '../../src/cli/arguments/nodeFlags.ts';
import { parseCountry, parseMbit, parseTags } from '../../src/cli/arguments/values.ts';
import { drawNode, drawNodes, limitsText } from '../../src/cli/output/nodeText.ts';
import type { NodeView } from '../../src/model/fleet.ts';
import { FakeFleet } from '../api/fakeFleet.ts';

test('an option that is absent changes nothing; none removes a limit', () => {
  expect(nodeChangeOf({ mbit: 20 })).toEqual({ limits: { mbitPerSecond: 20 } });
  expect(
    nodeChangeOf({
      mbit: NONE,
      streams: NONE,
      quota: NONE,
      hours: NONE,
      tags: NONE,
      country: NONE,
      rotateSchedule: NONE,
    }),
  ).toEqual({
    tags: [],
    country: null,
    limits: { mbitPerSecond: null, streams: null, monthlyBytes: null, hours: null },
    rotateSchedule: null,
  });
  expect(
    nodeChangeOf({
      tags: ['a'],
      country: 'DE',
      streams: 5,
      quota: 7,
      hours: '08:00-23:00',
      rotateSchedule: 'every 6h',
    }),
  ).toEqual({
    tags: ['a'],
    country: 'DE',
    limits: { streams: 5, monthlyBytes: 7, hours: '08:00-23:00' },
    rotateSchedule: 'every 6h',
  });
  expect(() => nodeChangeOf({})).toThrow('nothing to change');
});

test('the words of the flags', () => {
  expect(parseTags('lte, home,lte')).toEqual(['home', 'lte']);
  expect(parseCountry('de')).toBe('DE');
  expect([parseMbit('20'), parseMbit('0.5')]).toEqual([20, 0.5]);
  expect(orNone(parseMbit)('none')).toBe(NONE);
  for (const text of ['', 'a-b', 'a,,b', 'ä', 'x'.repeat(33)])
    expect(() => parseTags(text)).toThrow(UserError);
  for (const text of ['', 'D', 'DEU', 'D1']) expect(() => parseCountry(text)).toThrow(/^--country: /);
  for (const text of ['', '0', '-1', '1e3', 'fast', '0.0001'])
    expect(() => parseMbit(text)).toThrow(/^--mbit: /);
});

test('limits in a line', () => {
  const none = { mbitPerSecond: null, streams: null, monthlyBytes: null, hours: null };
  expect(limitsText(none)).toBe('');
  expect(limitsText({ mbitPerSecond: 0.5, streams: 10, monthlyBytes: 50e9, hours: '08:00-23:00' })).toBe(
    '0.5 Mbit/s, 10 streams, 50.0 GB a month, 08:00-23:00',
  );
});

test('columns that would be empty for all are left out', () => {
  const nowMs = Date.parse('2026-03-01T12:00:00Z');
  const stored: NodeView = {
    ...new FakeFleet().nodes()[0]!,
    id: 'ab12',
    name: 'phone',
    state: 'away',
    connected: false,
    streams: 0,
    createdAt: '2026-02-01T12:00:00Z',
    lastSeenAt: '2026-03-01T11:00:00Z',
    tags: [],
    country: null,
    platform: null,
    network: null,
    version: null,
    batteryPercent: null,
    publicAddress: null,
    way: null,
    via: null,
    today: { downBytes: 0, upBytes: 0 },
    month: { downBytes: 1_500, upBytes: 500 },
  };
  expect(drawNodes([stored], nowMs)).toBe(
    'ID    NAME   STATE  STREAMS  LAST SEEN  PAIRED   MONTH\n' +
      'ab12  phone  away   -        1h ago     28d ago  2.00 kB\n',
  );
  expect(drawNodes([{ ...stored, tags: ['lte'], state: 'offHours', connected: true }], nowMs)).toBe(
    'ID    NAME   STATE      STREAMS  LAST SEEN  PAIRED   MONTH    TAGS\n' +
      'ab12  phone  off hours  0        now        28d ago  2.00 kB  lte\n',
  );
  expect(drawNode(stored, null, nowMs)).toBe(
    'name        phone\n' +
      'id          ab12\n' +
      'state       away\n' +
      'today       down 0 B, up 0 B\n' +
      'this month  down 1.50 kB, up 500 B\n' +
      'limits      none\n' +
      'tags        none\n' +
      'last seen   1h ago\n' +
      'paired      2026-02-01T12:00:00Z (28d ago)\n',
  );
});

test('how a node comes is a column once one does not come directly', () => {
  const [node] = new FakeFleet().nodes();
  const come = (way: NodeView['way'], via: NodeView['via'] = null): NodeView => ({ ...node!, way, via });
  const nowMs = Date.now();
  expect(drawNodes([come('tcp'), come(null)], nowMs)).not.toContain('WAY');
  const ways = [come('tcp'), come('webSocket'), come('tcp', 'http'), come('webSocket', 'socks5')];
  const lines = drawNodes([...ways, come('both'), come(null)], nowMs).split('\n');
  const at = lines[0]!.indexOf('WAY');
  expect(lines.slice(1, -1).map((line) => line.slice(at).split(/ {2,}/)[0])).toEqual([
    'direct',
    'WebSocket',
    'HTTP proxy',
    'WebSocket, SOCKS5 proxy',
    'direct and WebSocket',
    '-',
  ]);
  expect(drawNode(come('tcp'), null, nowMs)).toMatch(/^way +direct$/m);
  // Of a hub of an older version.
  const { way, via, ...older } = node!;
  expect(drawNodes([older as NodeView], nowMs)).not.toContain('WAY');
  expect(drawNode(older as NodeView, null, nowMs)).not.toMatch(/^way/m);
});

test('everything about a node of a running hub, with how its connects went', () => {
  const fleet = new FakeFleet({ now: () => 1_700_000_000_000 });
  const connects = {
    since: new Date(1_700_000_000_000 - 3_600_000).toISOString(),
    succeeded: 99,
    failed: 1,
    failures: { refused: 1 },
    connectMs: { p50: 41.2, p90: 80, p99: 200.4 },
  };
  const text = drawNode(fleet.nodes()[0]!, connects, 1_700_000_000_000);
  expect(text).toContain(
    'connects    99 of 100 succeeded (99.0 %) in 1h; half within 41 ms, 99 % within 200 ms\n',
  );
  expect(text).toContain('failures    refused 1\n');
  expect(text).toMatch(/^name {8}Pixel 8\n/);
});
