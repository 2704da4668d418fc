// What Prometheus reads: every number of the fleet under a name that stays, bounded in number, and the names that the dashboard for
// Grafana is drawn from.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { makeMetrics } from '../../src/api/metrics.ts';
import { CONTROL, DASHBOARD } from '../../src/limits/owner.ts';
import { FakeFleet } from './fakeFleet.ts';

const NOW_MS = Date.UTC(2026, 0, 12, 8);

/** Value by name and labels, as in the text. */
async function scrape(fleet: FakeFleet, nodesMax?: number): Promise<Map<string, number>> {
  const text = await makeMetrics(fleet, nodesMax).metrics();
  const values = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^(\w+(?:\{.*\})?) (\S+)$/.exec(line);
    if (match !== null && !line.startsWith('#')) values.set(match[1]!, Number(match[2]));
  }
  return values;
}

function namesOf(values: ReadonlyMap<string, number>): Set<string> {
  return new Set([...values.keys()].map((key) => key.replace(/\{.*/, '')));
}

test('reports what the fleet reports', async () => {
  const fleet = new FakeFleet({ now: () => NOW_MS });
  fleet.setAway('Laptop at home', true);
  const values = await scrape(fleet);
  const status = fleet.status();
  const phone = fleet.node('Pixel 8');
  const labels = `node_id="${phone.id}",node="Pixel 8"`;
  expect(values.get('restunnel_streams')).toBe(status.streams);
  expect(values.get('restunnel_held_bytes')).toBe(status.heldBytes);
  expect(values.get('restunnel_held_max_bytes')).toBe(status.heldMaxBytes);
  expect(values.get('restunnel_bytes_per_second{direction="down"}')).toBe(status.downBytesPerSecond);
  expect(values.get('restunnel_datagrams_total{direction="up"}')).toBe(status.datagrams.up);
  expect(values.get('restunnel_datagrams_total{direction="down"}')).toBe(status.datagrams.down);
  expect(values.get('restunnel_datagrams_dropped_total')).toBe(status.datagrams.dropped);
  expect(values.get('restunnel_nodes{state="away"}')).toBe(1);
  expect(values.get('restunnel_nodes{state="revoked"}')).toBe(0);
  expect(values.get(`restunnel_node_bytes_total{${labels},direction="up"}`)).toBe(phone.month.upBytes);
  expect(values.get(`restunnel_node_connected{${labels}}`)).toBe(1);
  expect(values.get(`restunnel_node_failures_total{${labels},cause="refused"}`)).toBe(
    fleet.connects(phone.id).failures.refused,
  );
  expect(values.get(`restunnel_node_connect_seconds{${labels},quantile="0.9"}`)).toBe(0.121);
});

test('is read anew each time: counters do not add up, and what is gone leaves no series behind', async () => {
  const fleet = new FakeFleet({ now: () => NOW_MS });
  const metrics = makeMetrics(fleet);
  const first = await metrics.metrics();
  expect(await metrics.metrics()).toBe(first);
  fleet.revoke('Pixel 8');
  fleet.change('Laptop at home', { name: 'Desk' });
  const text = await metrics.metrics();
  expect(text).not.toMatch(/Pixel 8|Laptop at home/);
  expect(text).toContain('node="Desk"');
  expect(text).toContain('restunnel_nodes{state="revoked"} 1');
});

test('a name cannot break out of its label', async () => {
  const fleet = new FakeFleet({ now: () => NOW_MS });
  fleet.change('Pixel 8', { name: 'a"} 1\nrestunnel_streams 666 \\' });
  const text = await makeMetrics(fleet).metrics();
  expect(text).not.toMatch(/^restunnel_streams 666/m);
  expect(text).toContain('node="a\\"} 1\\nrestunnel_streams 666 \\\\"');
});

test.each([
  ['by default', undefined, DASHBOARD.metricsNodesDefault],
  ['some', 3, 3],
  ['none', 0, 0],
  ['all', CONTROL.nodesMax, DASHBOARD.metricsNodesDefault + 5],
])('nodes beyond the bound are counted, not listed: %s', async (_, nodesMax, listed) => {
  const nodes = DASHBOARD.metricsNodesDefault + 5;
  const values = await scrape(new FakeFleet({ nodes, now: () => NOW_MS }), nodesMax);
  const ofNodes = [...values.keys()].filter((key) => key.startsWith('restunnel_node_connected{'));
  expect(ofNodes).toHaveLength(listed);
  expect(values.get('restunnel_nodes_with_metrics')).toBe(listed);
  expect(values.get('restunnel_nodes_without_metrics')).toBe(nodes - listed);
});

describe('in a cluster', () => {
  /** The scraped hub, and another one with one device. */
  function two() {
    const own = new FakeFleet({ now: () => NOW_MS });
    const phone = own.node('Pixel 8');
    const month = { downBytes: 7, upBytes: 0 };
    const nodes = new Map([[phone.id, { connected: true, roundTripMs: 20, streams: 3, month }]]);
    const figures = { ...own.status(), streams: 3, nodesConnected: 1 };
    const hubs = [
      {
        id: '1',
        name: 'berlin',
        heardMsAgo: 0,
        figures: own.status(),
        connects: own.status().connects,
        nodes: new Map(),
      },
      {
        id: '2',
        name: 'paris',
        heardMsAgo: 1_500,
        figures,
        connects: { succeeded: 4, failures: { refused: 2 } },
        nodes,
      },
      { id: '3', name: 'paris', heardMsAgo: 9_000, figures, connects: null, nodes: new Map() },
    ];
    const fleet = Object.assign(new FakeFleet({ now: () => NOW_MS }), {
      hubs: { own, hubs: () => hubs, eventPage: () => Promise.reject(new Error('not asked for')) },
    });
    // As the fleet of all hubs shows it.
    fleet.setAway('Laptop at home', true);
    return { fleet, own, phone };
  }

  test('each hub has series of its own, by id and name', async () => {
    const { fleet, phone } = two();
    const values = await scrape(fleet);
    const [paris, third] = ['hub_id="2",hub="paris"', 'hub_id="3",hub="paris"'];
    const node = `node_id="${phone.id}",node="Pixel 8"`;
    expect(values.get(`restunnel_cluster_hub_heard_seconds{${paris}}`)).toBe(1.5);
    expect(values.get(`restunnel_cluster_streams{${paris}}`)).toBe(3);
    expect(values.get(`restunnel_cluster_connects_total{${paris}}`)).toBe(4);
    expect(values.has(`restunnel_cluster_connects_total{${third}}`)).toBe(false);
    expect(values.get(`restunnel_cluster_failures_total{${paris},cause="refused"}`)).toBe(2);
    expect(values.get(`restunnel_cluster_node_streams{${paris},${node}}`)).toBe(3);
    expect(values.get(`restunnel_cluster_node_bytes_total{${paris},${node},direction="down"}`)).toBe(7);
    expect(values.has(`restunnel_cluster_node_connected{${third},${node}}`)).toBe(false);
  });

  test('what has no hub in its labels is of the scraped hub alone, whatever the fleet of all shows', async () => {
    const { fleet, own } = two();
    const values = await scrape(fleet);
    const alone = await scrape(own);
    for (const [key, value] of alone) expect([key, values.get(key)]).toEqual([key, value]);
    expect([...values.keys()].filter((key) => !alone.has(key) && !key.includes('cluster_'))).toEqual([]);
  });
});

describe('docs/grafana/restunnel.json', () => {
  interface Panel {
    readonly title: string;
    readonly type: string;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    readonly targets?: readonly { readonly expr: string }[];
  }
  const dashboard = JSON.parse(
    readFileSync(new URL('../../docs/grafana/restunnel.json', import.meta.url), 'utf8'),
  ) as {
    readonly panels: readonly Panel[];
  };
  const expressions = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

  test('asks for metrics that there are', async () => {
    const names = namesOf(await scrape(new FakeFleet({ now: () => NOW_MS })));
    const asked = new Set(expressions.join(' ').match(/restunnel_\w+/g));
    expect(asked.size).toBeGreaterThan(12);
    expect([...asked].filter((name) => !names.has(name))).toEqual([]);
  });

  test('asks for labels that there are', async () => {
    const keys = [...(await scrape(new FakeFleet({ now: () => NOW_MS }))).keys()];
    for (const expression of expressions) {
      for (const [, name, labels] of expression.matchAll(/(restunnel_\w+)\{([^}]*)\}/g)) {
        for (const [, label] of labels!.matchAll(/(\w+)(?:=~?)"/g)) {
          expect(keys.some((key) => key.startsWith(`${name}{`) && key.includes(`${label}="`))).toBe(true);
        }
      }
    }
  });

  test('its panels do not overlap and fill their rows', () => {
    const taken = new Set<string>();
    for (const { gridPos, title } of dashboard.panels) {
      expect(title).not.toBe('');
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.has(`${x} ${y}`)).toBe(false);
          taken.add(`${x} ${y}`);
        }
      }
    }
  });
});
