// The hub in numbers for Prometheus: read from the Fleet when somebody scrapes, and at no other time. The dashboard for
// Grafana (docs/grafana/restunnel.json) is drawn from these names.

import { Counter, Gauge, Registry } from 'prom-client';
import { DASHBOARD } from '../limits/owner.ts';
import { type Fleet, NODE_STATES } from '../model/fleet.ts';
import { makeClusterMetrics } from './clusterMetrics.ts';

/** What /metrics answers, as prom-client's registry. `nodesMax`: how many nodes have series of their own. */
export function makeMetrics(shownFleet: Fleet, nodesMax: number = DASHBOARD.metricsNodesDefault): Registry {
  // Of several hubs, each counts what happens at itself: their sum is the cluster.
  const fleet = shownFleet.hubs?.own ?? shownFleet;
  const registry = new Registry();
  const registers = [registry];
  const gauge = <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Gauge({ name: `restunnel_${name}`, help, labelNames, registers });
  const counter = <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Counter({ name: `restunnel_${name}`, help, labelNames, registers });
  const node = ['node_id', 'node'] as const;

  const info = gauge('info', 'Always 1; the labels say what runs.', ['version', 'io', 'workers'] as const);
  const started = gauge('start_time_seconds', 'When the hub started, in seconds since 1970.');
  const resident = gauge('resident_memory_bytes', 'Memory that the process of the hub holds (resident set).');
  const held = gauge(
    'held_bytes',
    'Bytes that wait in the hub for clients that read slowly; at three quarters of restunnel_held_max_bytes new streams are refused.',
  );
  const heldMax = gauge('held_max_bytes', 'How many bytes may wait in the hub (--memory).');
  const processor = gauge(
    'cpu_ratio',
    'CPU time of the hub in the last second, as a share of one core; several threads may pass 1.',
  );
  const states = gauge('nodes', 'Nodes by state; all but the connected ones take no new streams.', [
    'state',
  ] as const);
  const streams = gauge('streams', 'Streams open now: connections of clients that a node carries.');
  const clients = gauge('clients', 'Connections of clients open now, those without a stream yet included.');
  const strangers = gauge(
    'strangers',
    'Connections on the tunnel port that have not proved yet to be a paired node.',
  );
  const rates = gauge(
    'bytes_per_second',
    'Bytes per second through all nodes in the last second; down is from targets to clients.',
    ['direction'] as const,
  );
  const connects = counter('connects_total', 'Streams that reached their target since the hub started.');
  const failures = counter(
    'failures_total',
    'Streams that did not reach their target since the hub started, by cause.',
    ['cause'] as const,
  );
  const datagrams = counter('datagrams_total', 'UDP of clients since the hub started.', [
    'direction',
  ] as const);
  const datagramsDropped = counter(
    'datagrams_dropped_total',
    'UDP that the hub had no room for, or that was not well formed, since it started.',
  );
  const connectTime = gauge(
    'connect_seconds',
    'Quantiles since the hub started: from the opening of a stream to its target being reached.',
    ['quantile'] as const,
  );

  const nodeUp = gauge('node_connected', '1 while the node is connected, else 0.', node);
  const nodeStreams = gauge('node_streams', 'Streams open on the node now.', node);
  const nodeBytes = counter(
    'node_bytes_total',
    'Bytes of the node in this calendar month; begins anew with each; down is from targets to clients.',
    [...node, 'direction'] as const,
  );
  const nodeRates = gauge(
    'node_bytes_per_second',
    'Bytes per second of the node in the last second; down is from targets to clients.',
    [...node, 'direction'] as const,
  );
  const nodeRoundTrip = gauge(
    'node_round_trip_seconds',
    'Round trip between hub and node; absent while it is not measured.',
    node,
  );
  const nodeBattery = gauge(
    'node_battery_ratio',
    'Charge of the battery of the node, 0 to 1; absent where there is none.',
    node,
  );
  const nodeConnects = counter(
    'node_connects_total',
    'Streams of the node that reached their target since the hub started.',
    node,
  );
  const nodeFailures = counter(
    'node_failures_total',
    'Streams of the node that did not reach their target since the hub started, by cause.',
    [...node, 'cause'] as const,
  );
  const nodeConnectTime = gauge(
    'node_connect_seconds',
    'Quantiles since the hub started: from the opening of a stream of the node to its target being reached.',
    [...node, 'quantile'] as const,
  );
  const listed = gauge(
    'nodes_with_metrics',
    'Paired nodes that have the metrics of a node, the first by name; the hub’s option --metrics-nodes says how many at most.',
  );
  const unlisted = gauge(
    'nodes_without_metrics',
    'Paired nodes that are left out of the metrics of a node, because there are more than --metrics-nodes.',
  );

  const setCluster = shownFleet.hubs === undefined ? null : makeClusterMetrics(registry);

  /** Everything at once: no two numbers of one scrape are of different moments. */
  function collect(): void {
    registry.resetMetrics();
    const status = fleet.status();
    info.set({ version: status.version, io: status.io, workers: String(status.workers) }, 1);
    started.set(Date.parse(status.startedAt) / 1_000);
    resident.set(status.residentBytes);
    held.set(status.heldBytes);
    heldMax.set(status.heldMaxBytes);
    processor.set(status.cpuPercent / 100);
    streams.set(status.streams);
    clients.set(status.clients);
    strangers.set(status.strangers);
    rates.set({ direction: 'down' }, status.downBytesPerSecond);
    rates.set({ direction: 'up' }, status.upBytesPerSecond);
    connects.inc(status.connects.succeeded);
    for (const [cause, count] of Object.entries(status.connects.failures)) failures.inc({ cause }, count);
    datagrams.inc({ direction: 'down' }, status.datagrams.down);
    datagrams.inc({ direction: 'up' }, status.datagrams.up);
    datagramsDropped.inc(status.datagrams.dropped);
    for (const [quantile, ms] of quantiles(status.connects.connectMs))
      connectTime.set({ quantile }, ms / 1_000);
    for (const state of NODE_STATES) states.set({ state }, 0);

    const nodes = fleet.nodes();
    for (const { state } of nodes) states.inc({ state });
    const paired = nodes.filter(({ revoked }) => !revoked);
    const shown = paired.slice(0, nodesMax);
    listed.set(shown.length);
    unlisted.set(paired.length - shown.length);
    if (shownFleet.hubs !== undefined) setCluster?.(shownFleet.hubs, shown);
    for (const view of shown) {
      const labels = { node_id: view.id, node: view.name };
      nodeUp.set(labels, view.connected ? 1 : 0);
      nodeStreams.set(labels, view.streams);
      nodeBytes.inc({ ...labels, direction: 'down' }, view.month.downBytes);
      nodeBytes.inc({ ...labels, direction: 'up' }, view.month.upBytes);
      nodeRates.set({ ...labels, direction: 'down' }, view.downBytesPerSecond);
      nodeRates.set({ ...labels, direction: 'up' }, view.upBytesPerSecond);
      if (view.roundTripMs !== null) nodeRoundTrip.set(labels, view.roundTripMs / 1_000);
      if (view.batteryPercent !== null) nodeBattery.set(labels, view.batteryPercent / 100);
      const figures = fleet.connects(view.id);
      nodeConnects.inc(labels, figures.succeeded);
      for (const [cause, count] of Object.entries(figures.failures)) {
        nodeFailures.inc({ ...labels, cause }, count);
      }
      for (const [quantile, ms] of quantiles(figures.connectMs)) {
        nodeConnectTime.set({ ...labels, quantile }, ms / 1_000);
      }
    }
  }

  const text = registry.metrics.bind(registry);
  registry.metrics = () => {
    collect();
    return text();
  };
  return registry;
}

function quantiles(times: { p50: number; p90: number; p99: number } | null): [string, number][] {
  if (times === null) return [];
  return [
    ['0.5', times.p50],
    ['0.9', times.p90],
    ['0.99', times.p99],
  ];
}
