// What the other hubs of a cluster say of the devices that are connected to them, and one view of a device made of all of it. Pure: time is
// an argument.

import { HUB_LIST, PICTURE } from '../../limits/cluster.ts';
import { CONTROL } from '../../limits/owner.ts';
import type { ConnectFigures, HubOfFleet, LiveTick, NodeView, NodeWay, Traffic } from '../../model/fleet.ts';

/** What a device is and does at one hub; what its owner decided about it every hub knows. */
export type SaidNode = Pick<
  NodeView,
  | 'id'
  | 'state'
  | 'connected'
  | 'lastSeenAt'
  | 'platform'
  | 'network'
  | 'version'
  | 'batteryPercent'
  | 'charging'
  | 'publicAddress'
  | 'canRotate'
  | 'keyShared'
  | 'way'
  | 'via'
  | 'lanes'
  | 'roundTripMs'
  | 'streams'
  | 'downBytesPerSecond'
  | 'upBytesPerSecond'
  | 'today'
  | 'month'
>;

export interface HubSays {
  /** The hub's own id, and what its owner calls it. */
  readonly hub: string;
  readonly name: string;
  /** What the hub said before is void: these are all of its devices that are connected, or have moved bytes this month. */
  readonly isWhole: boolean;
  readonly nodes: readonly SaidNode[];
  readonly figures: LiveTick['hub'];
  /** Since it started; absent in what an older version says. */
  readonly connects?: HubConnects;
  /** What its clock shows, milliseconds since the Unix epoch; absent in what an older version says. */
  readonly clockMs?: number;
}

export type HubConnects = Pick<ConnectFigures, 'succeeded' | 'failures'>;

interface OtherHub {
  name: string;
  heardAtMs: number;
  figures: LiveTick['hub'];
  connects: HubConnects | null;
  readonly nodes: Map<string, SaidNode>;
}

export function atHub(view: NodeView): SaidNode {
  const { id, state, connected, lastSeenAt, platform, network, version, batteryPercent, charging } = view;
  const { publicAddress, canRotate, keyShared, way, via, lanes, roundTripMs, streams } = view;
  const { downBytesPerSecond, upBytesPerSecond, today, month } = view;
  return {
    ...{ id, state, connected, lastSeenAt, platform, network, version, batteryPercent, charging },
    ...{ publicAddress, canRotate, keyShared, way, via, lanes, roundTripMs, streams },
    ...{ downBytesPerSecond, upBytesPerSecond, today, month },
  };
}

export class FleetPicture {
  readonly #hubs = new Map<string, OtherHub>();

  /** How many hubs speak, this one left out. */
  get others(): number {
    return this.#hubs.size;
  }

  /** The same hubs: by id, what each is called, and whether it has spoken just now. */
  speakers(nowMs: number): Map<string, { readonly name: string; readonly isLate: boolean }> {
    const of = ({ name, heardAtMs }: OtherHub) => ({ name, isLate: nowMs - heardAtMs > PICTURE.hubLateMs });
    return new Map([...this.#hubs].map(([id, hub]) => [id, of(hub)]));
  }

  /** The other hubs, each alone. */
  each(nowMs: number): HubOfFleet[] {
    return [...this.#hubs].map(([id, { name, heardAtMs, figures, connects, nodes }]) => {
      return { id, name, heardMsAgo: nowMs - heardAtMs, figures, connects, nodes };
    });
  }

  /** Ids of the other hubs to which a device is connected. */
  hubsOf(nodeId: string): string[] {
    return [...this.#hubs].flatMap(([id, { nodes }]) => (nodes.get(nodeId)?.connected === true ? [id] : []));
  }

  /** Devices whose view is another one now. */
  hear({ hub, name, isWhole, nodes, figures, connects: said }: HubSays, nowMs: number): Set<string> {
    const connects = said ?? null;
    const known = this.#hubs.get(hub);
    if (known === undefined && this.#hubs.size >= HUB_LIST.hubsMax) return new Set();
    const changed = new Set<string>(isWhole ? known?.nodes.keys() : []);
    const other: OtherHub = known ?? { name, heardAtMs: nowMs, figures, connects, nodes: new Map() };
    this.#hubs.set(hub, other);
    if (isWhole) other.nodes.clear();
    Object.assign(other, { name, figures, connects, heardAtMs: nowMs });
    for (const node of nodes) {
      if (!other.nodes.has(node.id) && other.nodes.size >= CONTROL.nodesMax) break;
      other.nodes.set(node.id, node);
      changed.add(node.id);
    }
    return changed;
  }

  /** Devices of hubs that have said nothing for a while: what they do there is not known any more. */
  forgetSilent(nowMs: number): Set<string> {
    const changed = new Set<string>();
    for (const [id, { heardAtMs, nodes }] of this.#hubs) {
      if (nowMs - heardAtMs <= PICTURE.hubSilentMs) continue;
      for (const node of nodes.keys()) changed.add(node);
      this.#hubs.delete(id);
    }
    return changed;
  }

  /** @param own what this hub knows; `hub`: what its owner calls it */
  merged(own: NodeView, hub: string): NodeView {
    let view: NodeView = { ...own, hubs: own.connected ? [hub] : [] };
    for (const other of this.#hubs.values()) {
      const there = other.nodes.get(own.id);
      if (there !== undefined) view = withHub(view, there, other.name);
    }
    return view;
  }

  /** Of all hubs together. `nodesConnected` counts a device once, wherever it is connected. */
  figures(own: LiveTick['hub'], connectedHere: Iterable<string>): LiveTick['hub'] {
    const connected = new Set(connectedHere);
    let sum = own;
    for (const { figures, nodes } of this.#hubs.values()) {
      for (const [id, node] of nodes) if (node.connected) connected.add(id);
      sum = {
        ...sum,
        streams: sum.streams + figures.streams,
        clients: sum.clients + figures.clients,
        downBytesPerSecond: sum.downBytesPerSecond + figures.downBytesPerSecond,
        upBytesPerSecond: sum.upBytesPerSecond + figures.upBytesPerSecond,
        connectsPerSecond: sum.connectsPerSecond + figures.connectsPerSecond,
        failuresPerSecond: sum.failuresPerSecond + figures.failuresPerSecond,
      };
    }
    return { ...sum, nodesConnected: connected.size };
  }
}

function withHub(view: NodeView, there: SaidNode, name: string): NodeView {
  // Its device says the same of itself to every hub: whoever has it connected knows it better.
  const isBetter = there.connected && !view.connected;
  const { platform, network, version, batteryPercent, charging, publicAddress, canRotate } = isBetter
    ? there
    : view;
  const isClosed = view.revoked || view.state !== 'away';
  return {
    ...view,
    ...{ platform, network, version, batteryPercent, charging, publicAddress, canRotate },
    state: isBetter && !isClosed ? there.state : view.state,
    connected: view.connected || (there.connected && !view.revoked),
    lastSeenAt: view.lastSeenAt > there.lastSeenAt ? view.lastSeenAt : there.lastSeenAt,
    keyShared: view.keyShared || there.keyShared,
    way: bothWays(view.way, there.way),
    via: view.via ?? there.via,
    lanes: view.lanes + there.lanes,
    roundTripMs: least(view.roundTripMs, there.roundTripMs),
    streams: view.streams + there.streams,
    downBytesPerSecond: view.downBytesPerSecond + there.downBytesPerSecond,
    upBytesPerSecond: view.upBytesPerSecond + there.upBytesPerSecond,
    today: sum(view.today, there.today),
    month: sum(view.month, there.month),
    hubs: there.connected && !view.revoked ? [...(view.hubs ?? []), name].sort() : (view.hubs ?? []),
  };
}

function bothWays(one: NodeWay | null, other: NodeWay | null): NodeWay | null {
  if (one === null || other === null) return one ?? other;
  return one === other ? one : 'both';
}

function least(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other;
  return Math.min(one, other);
}

function sum(one: Traffic, other: Traffic): Traffic {
  return { downBytes: one.downBytes + other.downBytes, upBytes: one.upBytes + other.upBytes };
}
