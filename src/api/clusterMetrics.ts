// The hubs of a cluster in numbers, each under its name: for whoever scrapes one hub and wants to see all. What has no `cluster` in its
// name is of the scraped hub alone, so that hubs which are all scraped can be added up.

import { Counter, Gauge, type Registry } from 'prom-client';
import type { FleetOfHubs, NodeView } from '../model/fleet.ts';

/** Registers the metrics, and returns what sets them: `shown` are the nodes with metrics of their own. */
export function makeClusterMetrics(
  registry: Registry,
): (hubs: FleetOfHubs, shown: readonly NodeView[]) => void {
  const registers = [registry];
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Gauge({ name: `restunnel_cluster_${name}`, help, labelNames, registers });
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Counter({ name: `restunnel_cluster_${name}`, help, labelNames, registers });
  const hub = ['hub_id', 'hub'] as const;
  const node = [...hub, 'node_id', 'node'] as const;

  const heard = gauge(
    'hub_heard_seconds',
    'How long ago a hub of the cluster spoke: 0 for the scraped one, above 5 for one that is gone or cut off; absent after 45.',
    hub,
  );
  const connected = gauge('nodes_connected', 'Nodes that are connected to the hub.', hub);
  const streams = gauge('streams', 'Streams open now at the hub.', hub);
  const clients = gauge('clients', 'Connections of clients open now at the hub.', hub);
  const rates = gauge('bytes_per_second', 'Bytes per second at the hub; down is from targets to clients.', [
    ...hub,
    'direction',
  ]);
  const connects = counter('connects_total', 'Streams that reached their target since the hub started.', hub);
  const failures = counter(
    'failures_total',
    'Streams that did not reach their target since the hub started, by cause.',
    [...hub, 'cause'],
  );
  const nodeUp = gauge(
    'node_connected',
    '1 for each hub to which the node is connected; absent elsewhere.',
    node,
  );
  const nodeStreams = gauge('node_streams', 'Streams open on the node now at the hub.', node);
  const nodeRoundTrip = gauge('node_round_trip_seconds', 'Round trip between that hub and the node.', node);
  const nodeBytes = counter(
    'node_bytes_total',
    'Bytes of the node at the hub in this calendar month; begins anew with each; absent without any.',
    [...node, 'direction'],
  );

  return ({ hubs }, shown) => {
    for (const { id: hubId, name, heardMsAgo, figures, connects: since, nodes } of hubs()) {
      const hub = { hub_id: hubId, hub: name };
      heard.set(hub, heardMsAgo / 1_000);
      connected.set(hub, figures.nodesConnected);
      streams.set(hub, figures.streams);
      clients.set(hub, figures.clients);
      rates.set({ ...hub, direction: 'down' }, figures.downBytesPerSecond);
      rates.set({ ...hub, direction: 'up' }, figures.upBytesPerSecond);
      if (since !== null) connects.inc(hub, since.succeeded);
      for (const [cause, count] of Object.entries(since?.failures ?? {}))
        failures.inc({ ...hub, cause }, count);
      for (const { id, name: called } of shown) {
        const there = nodes.get(id);
        if (there === undefined) continue;
        const labels = { ...hub, node_id: id, node: called };
        if (there.connected) {
          nodeUp.set(labels, 1);
          nodeStreams.set(labels, there.streams);
          if (there.roundTripMs !== null) nodeRoundTrip.set(labels, there.roundTripMs / 1_000);
        }
        const { downBytes, upBytes } = there.month;
        if (downBytes > 0) nodeBytes.inc({ ...labels, direction: 'down' }, downBytes);
        if (upBytes > 0) nodeBytes.inc({ ...labels, direction: 'up' }, upBytes);
      }
    }
  };
}
