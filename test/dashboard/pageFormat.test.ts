// The pages' pure parts: numbers and times in words, settings to and from the form, order and filter, lines to copy, the event stream.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventStreamParser } from '../../src/dashboard/pages/eventStream.ts';
import {
  ago,
  bytes,
  countdown,
  duration,
  millis,
  percent,
  perSecond,
  plural,
  pointTime,
  rate,
} from '../../src/dashboard/pages/format.ts';
import { extended, ratesOf } from '../../src/dashboard/pages/historyRates.ts';
import { compareNodes, matchesFilter, ORDERS, type Order } from '../../src/dashboard/pages/nodeOrder.ts';
import {
  hintFor,
  nodeWord,
  reachable,
  recipe,
  sessionWord,
  TOOLS,
  type Tool,
  usernameOf,
} from '../../src/dashboard/pages/recipes.ts';
import { changeOf, valuesOf } from '../../src/dashboard/pages/settingsChange.ts';
import {
  causesOf,
  eventWords,
  failureWords,
  indirectWords,
  stateWords,
  wayWords,
} from '../../src/dashboard/pages/wording.ts';
import { FAILURES } from '../../src/model/failures.ts';
import { EVENT_KINDS, type History, type NodeView } from '../../src/model/fleet.ts';
import type { RoutingRequest } from '../../src/routing/request.ts';
import { parseUsername } from '../../src/routing/username.ts';
import { FakeFleet } from '../api/fakeFleet.ts';

const node = (change: Partial<NodeView> = {}): NodeView => ({
  ...new FakeFleet({ nodes: 1 }).nodes()[0]!,
  ...change,
});

describe('numbers', () => {
  it.each([
    [0, '0 B'],
    [812, '812 B'],
    [999.6, '1.00 kB'],
    [4_200, '4.20 kB'],
    [12_340, '12.3 kB'],
    [999_999, '1.00 MB'],
    [1_240_000_000, '1.24 GB'],
    [5e18, '5000 PB'],
    [-3, '0 B'],
  ])('%d bytes are %s', (value, text) => expect(bytes(value)).toBe(text));

  it('a point in time has seconds where the next one is less than a minute away', () => {
    const atMs = new Date(2026, 10, 27, 23, 5, 37).getTime();
    expect(pointTime(atMs, 20_000)).toMatch(/23:05:37/);
    expect(pointTime(atMs, 60_000)).toMatch(/23:05$/);
  });

  it.each([
    [0, '0 kB/s'],
    [3, '< 0.01 kB/s'],
    [812, '0.81 kB/s'],
    [4_100_000, '4.10 MB/s'],
  ])('%d bytes a second are %s', (value, text) => expect(rate(value)).toBe(text));

  it('has three digits at most, and never grows shorter as the value grows by units', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e14, noNaN: true }), (value) => {
        expect(bytes(value)).toMatch(/^(\d{1,3}|\d\.\d\d|\d\d\.\d) [kMGT]?B$/);
      }),
    );
  });

  it('says shares without rounding a failure away', () => {
    expect(percent(0, 0)).toBe('–');
    expect(percent(10, 10)).toBe('100 %');
    expect(percent(99_999, 100_000)).toBe('> 99.9 %');
    expect(percent(8, 11)).toBe('72.7 %');
    expect([perSecond(0), perSecond(2), perSecond(0.25), perSecond(1_916)]).toEqual([
      '0',
      '2',
      '0.3',
      '1,916',
    ]);
    expect([millis(null), millis(1.23), millis(640), millis(45_000)]).toEqual([
      '–',
      '1.2 ms',
      '640 ms',
      '45.0 s',
    ]);
    expect([plural(1, 'device'), plural(1_200, 'device')]).toEqual(['1 device', '1,200 devices']);
  });

  it('says times', () => {
    expect([duration(400), duration(61_000), duration(3 * 86_400_000)]).toEqual(['< 1 s', '1 min', '3 days']);
    expect([ago(0, 3_000), ago(0, 90_000), ago(10, 0)]).toEqual(['just now', '1 min ago', 'just now']);
    expect([countdown(600_000), countdown(59_001), countdown(3_723_000), countdown(-5)]).toEqual([
      '10:00',
      '1:00',
      '1:02:03',
      '0:00',
    ]);
  });
});

describe('rates of a history', () => {
  const point = (at: string, downBytes: number) => ({
    at,
    downBytes,
    upBytes: 10,
    succeeded: 0,
    failed: 0,
    streams: 0,
  });
  const points = [point('2026-11-22T12:00:00.000Z', 10_000), point('2026-11-22T12:00:10.000Z', 5_000)];
  const history = { range: '10m', stepMs: 10_000, points } as const;
  const start = Date.parse('2026-11-22T12:00:10.000Z');

  it('ends with a point over the last whole step, which is still being counted', () => {
    const s = start / 1000;
    expect(ratesOf(history, start + 3_100)).toEqual([
      [s - 10, s - 6],
      [1_000, 1_100],
      [1, 1.6],
    ]);
    expect(ratesOf(history, start + 60_000)).toEqual([
      [s - 10, s],
      [1_000, 500],
      [1, 1],
    ]);
    // A browser whose clock is behind the hub's.
    expect(ratesOf(history, start - 60_000)[1]).toEqual([1_000, 500]);
    expect(ratesOf({ ...history, points: [] }, start)).toEqual([[], [], []]);
  });

  it.each([0, 1, 500, 999])('draws a steady rate as a level line, with samples at %i ms', (phaseMs) => {
    const steps = [0, 1, 2].map((at) => point(new Date(start + at * 5_000).toISOString(), 5_000));
    let going: History = { range: '10m', stepMs: 5_000, points: steps };
    for (let second = 0; second < 40; second++) {
      const nowMs = start + 15_000 + second * 1_000 + phaseMs;
      going = extended(going, nowMs, 1_000, 500);
      const [times, down, up] = ratesOf(going, nowMs);
      expect(going.points).toHaveLength(3);
      expect(down).toEqual([1_000, 1_000, 1_000]);
      if (second > 10) expect(up).toEqual([500, 500, 500]);
      expect(times).toEqual(times.toSorted((one, other) => one - other));
    }
  });

  it('goes on behind a gap', () => {
    const later = extended(history, start + 25_000, 7_000, 0);
    expect(later.points.map(({ at, downBytes }) => [at.slice(17, 19), downBytes])).toEqual([
      ['20', 0],
      ['30', 7_000],
    ]);
  });
});

describe('words', () => {
  it('has its own for every failure and event kind, and some for what it does not know', () => {
    for (const cause of Object.keys(FAILURES)) expect(failureWords(cause)).toMatch(/^\S+ .+/);
    for (const kind of EVENT_KINDS) expect(eventWords(kind).label).not.toBe('');
    expect(failureWords('somethingNew')).toBe('Something new');
    expect(eventWords('constructor').label).toBe('Constructor');
  });

  it('says why a device takes no new streams', () => {
    const limits = { mbitPerSecond: null, streams: null, monthlyBytes: 10e9, hours: '22:00-06:00' };
    expect(stateWords(node({ state: 'overQuota', limits })).reason).toBe('10.0 GB used this month');
    expect(stateWords(node({ state: 'offHours', limits })).reason).toBe('works 22:00–06:00');
  });

  it('says how a device comes, in the table where it is not the direct way', () => {
    const words = (way: NodeView['way'], via: NodeView['via']) => {
      const shown = node({ way, via });
      return [wayWords(shown), indirectWords(shown)];
    };
    expect(words('tcp', null)).toEqual(['Direct', '']);
    expect(words(null, null)).toEqual(['–', '']);
    expect(words('webSocket', null)).toEqual(['WebSocket', 'WebSocket']);
    expect(words('tcp', 'socks5')).toEqual(['SOCKS5 proxy', 'SOCKS5 proxy']);
    expect(words('both', 'http')[1]).toBe('Direct and WebSocket, HTTP proxy');
  });

  it('says that two devices have one key, unless that does not matter any more', () => {
    const shared = node({ state: 'connected', keyShared: true });
    expect(stateWords(shared)).toMatchObject({
      label: 'Connected',
      tone: 'bad',
      reason: expect.stringMatching(/^two devices/),
    });
    expect(stateWords({ ...shared, state: 'revoked', revoked: true }).reason).not.toMatch(/two devices/);
  });

  it('lists causes by how often they came', () => {
    const figures = {
      since: '',
      succeeded: 0,
      failed: 4,
      connectMs: null,
      failures: { refused: 1, timedOut: 3, policy: 0 },
    };
    expect(causesOf(figures).map(({ times }) => times)).toEqual([3, 1]);
  });
});

describe('settings', () => {
  const limits = fc.record({
    mbitPerSecond: fc.option(fc.integer({ min: 1, max: 10_000 })),
    streams: fc.option(fc.integer({ min: 1, max: 10_000 })),
    monthlyBytes: fc.option(fc.integer({ min: 1, max: 1_000_000 }).map((megabytes) => megabytes * 1e6)),
    hours: fc.constantFrom(null, '22:00-06:00', '08:30-17:00'),
  });

  it('changes nothing when nothing was written, and exactly what was', () => {
    fc.assert(
      fc.property(limits, limits, fc.constantFrom(null, 'DE', 'FR'), (had, wanted, country) => {
        const before = node({ limits: had, tags: ['a', 'b c'], country, rotateSchedule: null });
        expect(changeOf(before, valuesOf(before))).toEqual({});
        const change = changeOf(before, valuesOf({ ...before, limits: wanted }));
        expect({ ...had, ...change.limits }).toEqual(wanted);
        for (const name of Object.keys(change.limits ?? {}) as (keyof typeof had)[]) {
          expect(had[name]).not.toBe(wanted[name]);
        }
      }),
    );
  });

  it('reads tags and countries as people write them', () => {
    const before = node({ tags: ['a'], country: null });
    const values = { ...valuesOf(before), tags: ' lte,, home ,lte', country: 'de' };
    expect(changeOf(before, values)).toEqual({ tags: ['lte', 'home'], country: 'DE' });
  });
});

describe('order and filter', () => {
  const nodes = new FakeFleet({ nodes: 40 }).nodes();

  it.each(Object.keys(ORDERS) as Order[])('orders wholly and always alike by %s', (order) => {
    const sorted = [...nodes].sort((a, b) => compareNodes(a, b, order)).map(({ id }) => id);
    const again = [...nodes]
      .reverse()
      .sort((a, b) => compareNodes(a, b, order))
      .map(({ id }) => id);
    expect(again).toEqual(sorted);
  });

  it('finds by every word', () => {
    expect(nodes.filter((one) => matchesFilter(one, '')).length).toBe(nodes.length);
    expect(nodes.filter((one) => matchesFilter(one, 'PIXEL cellular 4')).map(({ name }) => name)).toContain(
      'Pixel 8 4',
    );
    expect(nodes.filter((one) => matchesFilter(one, 'pixel ethernet'))).toEqual([]);
  });
});

describe('lines to copy', () => {
  const ports = { socks: '127.0.0.1:1080', http: '127.0.0.1:1081' };

  it('gives no user name when nothing is chosen', () => {
    expect(usernameOf({ node: '', tag: '', country: '', session: '' })).toBeNull();
    expect(recipe('curl', ports, null)).toContain('curl -x socks5h://127.0.0.1:1080 ');
  });

  it('puts what is chosen into one user name', () => {
    const choice = { node: 'pixel_8', tag: 'LTE', country: 'DE', session: 'a1' };
    const username = usernameOf(choice)!;
    expect(username).toBe('x-node-pixel_8-tag-lte-country-de-session-a1');
    for (const tool of Object.keys(TOOLS) as Tool[]) {
      expect(recipe(tool, ports, username)).toContain('x-node-pixel_8-tag-lte-country-de-session-');
      expect(recipe(tool, ports, username)).toContain('127.0.0.1:1081');
    }
    expect(sessionWord(' my-session ')).toBe('my_session');
  });

  it('names a device so that nothing in the name reaches a shell or another language', () => {
    fc.assert(
      fc.property(fc.string(), (name) => {
        expect(nodeWord(node({ name, id: '00ab' }), [])).toMatch(/^[a-z0-9_]+$/);
      }),
    );
    const twins = [node({ id: 'a', name: 'Pixel 8' }), node({ id: 'b', name: 'pixel-8' })];
    expect(twins.map((one) => nodeWord(one, twins))).toEqual(['a', 'b']);
  });

  it('says when a browser would keep the user name to itself', () => {
    expect(hintFor('playwright', 'x-node-a')).toContain('restunnel users add');
    expect([hintFor('playwright', null), hintFor('curl', 'x-node-a')]).toEqual([null, null]);
  });

  it('is understood by the router as it was meant', () => {
    const word = fc.stringMatching(/^[A-Za-z0-9_]{1,32}$/);
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 40 }), word, word, (name, tag, session) => {
        const device = nodeWord(node({ name, id: '00ab' }), []);
        const parsed = parseUsername(
          usernameOf({ node: device, tag, country: 'DE', session })!,
        ) as RoutingRequest;
        expect(parsed.terms).toEqual(['country:de', `node:${device}`, `tag:${tag.toLowerCase()}`]);
        expect(parsed.sticky?.name).toBe(session);
      }),
    );
  });

  it('reaches ports of all addresses by the loopback one', () => {
    expect(['0.0.0.0:80', '[::]:80', '10.0.0.1:80'].map(reachable)).toEqual([
      '127.0.0.1:80',
      '[::1]:80',
      '10.0.0.1:80',
    ]);
  });
});

describe('EventStreamParser', () => {
  it('hears the same however the text is cut', () => {
    const text =
      ':beat\n\nevent: state\ndata: {"a":1}\n\ndata: one\r\ndata:two\r\n\r\nid: 7\n\nevent: lost\n';
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: text.length })), (cuts) => {
        const heard: string[][] = [];
        const parser = new EventStreamParser((event, data) => heard.push([event, data]));
        const at = [0, ...cuts.sort((a, b) => a - b), text.length];
        for (let cut = 1; cut < at.length; cut++) parser.push(text.slice(at[cut - 1], at[cut]));
        expect(heard).toEqual([
          ['state', '{"a":1}'],
          ['message', 'one\ntwo'],
        ]);
      }),
    );
  });
});
