// What an owner can see of a hub and do to it: what the owner API offers. Types only. Times are ISO 8601, rates are bytes per second,
// "down" is from the targets to the clients.

import type { FailureName } from './failures.ts';
import type { OwnerUsers } from './userAccounts.ts';

/** What a node is doing, the first that fits from the left. All but `connected` take no new streams. */
export const NODE_STATES = [
  'revoked',
  'away',
  'rotating',
  'draining',
  'paused',
  'overQuota',
  'offHours',
  'connected',
] as const;
export type NodeState = (typeof NODE_STATES)[number];

export const NETWORKS = ['wifi', 'cellular', 'ethernet'] as const;
export type Network = (typeof NETWORKS)[number];

/** How a node's sessions come: over TCP as they are, inside a WebSocket of a web server, or some this way and some that. */
export const NODE_WAYS = ['tcp', 'webSocket', 'both'] as const;
export type NodeWay = (typeof NODE_WAYS)[number];

/** Proxies through which a node dials its hubs. */
export const VIA_KINDS = ['http', 'socks5'] as const;
export type ViaKind = (typeof VIA_KINDS)[number];

export interface NodeLimits {
  /** In each direction; null as in all limits: none. */
  readonly mbitPerSecond: number | null;
  /** Open at once. */
  readonly streams: number | null;
  /** Both directions together, in a calendar month of the hub's local time. */
  readonly monthlyBytes: number | null;
  /** Of the hub's local time, "HH:MM-HH:MM"; may pass midnight. Outside of it no new streams. */
  readonly hours: string | null;
}

/** What the owner decides about a node; kept in the store. */
export interface NodeSettings {
  readonly tags: readonly string[];
  /** ISO 3166-1 alpha-2, in capitals; the owner's word, nobody looks it up. */
  readonly country: string | null;
  readonly paused: boolean;
  readonly limits: NodeLimits;
  /**
   * When the node is asked for a new address: "every 30m", "every 6h" (from a minute to thirty days), or "daily 04:30" of the hub's
   * local time; null: never.
   */
  readonly rotateSchedule: string | null;
}

/** A change of settings: what is absent stays. */
export interface NodeChange {
  readonly name?: string;
  readonly tags?: readonly string[];
  readonly country?: string | null;
  readonly paused?: boolean;
  readonly limits?: Partial<NodeLimits>;
  readonly rotateSchedule?: string | null;
}

export interface Traffic {
  readonly downBytes: number;
  readonly upBytes: number;
}

export interface NodeView extends NodeSettings {
  readonly id: string;
  readonly name: string;
  readonly state: NodeState;
  readonly connected: boolean;
  readonly revoked: boolean;
  readonly createdAt: string;
  readonly lastSeenAt: string;
  readonly revokedAt: string | null;
  /** As the device says in its STATUS; null before the first. */
  readonly platform: string | null;
  readonly network: Network | null;
  readonly version: string | null;
  readonly batteryPercent: number | null;
  readonly charging: boolean | null;
  /** From where it dials the hub, or what it found out itself. */
  readonly publicAddress: string | null;
  /** Whether it can get a new address on request; null: it has not said, as an older version does not. */
  readonly canRotate: boolean | null;
  /** Another device has come with the same key within the last hour: one of the two is a copy, and is sent away. */
  readonly keyShared: boolean;
  /** null: it is not connected. */
  readonly way: NodeWay | null;
  /** The kind of proxy through which it dials, as it says itself; null: none, or it is not connected. */
  readonly via: ViaKind | null;
  readonly lanes: number;
  readonly roundTripMs: number | null;
  readonly streams: number;
  readonly downBytesPerSecond: number;
  readonly upBytesPerSecond: number;
  readonly today: Traffic;
  readonly month: Traffic;
  /** Names of the cluster's hubs to which it is connected; absent where there is no cluster. */
  readonly hubs?: readonly string[];
}

/** Connects of one node or of all, since `since`. */
export interface ConnectFigures {
  readonly since: string;
  readonly succeeded: number;
  readonly failed: number;
  /** By cause; causes that never came are absent. */
  readonly failures: Readonly<Partial<Record<FailureName, number>>>;
  /** Time from opening a stream to the node's answer, of the successful ones; null without any. */
  readonly connectMs: { readonly p50: number; readonly p90: number; readonly p99: number } | null;
}

/** UDP of clients since the hub started: towards targets, towards clients, and what the hub dropped. */
export interface DatagramFigures {
  readonly up: number;
  readonly down: number;
  readonly dropped: number;
}

export interface HubStatus {
  readonly version: string;
  readonly startedAt: string;
  readonly addresses: {
    readonly tunnel: string;
    /** Absent: there is none. */
    readonly tunnelWebSocket?: string | undefined;
    readonly socks: string;
    readonly http: string;
    readonly dashboard: string;
  };
  readonly publicKey: string;
  readonly io: string;
  readonly workers: number;
  /** It takes no new streams, and ends when those that are open have ended, or after --drain. */
  readonly stopping: boolean;
  readonly nodesConnected: number;
  readonly nodesPaired: number;
  readonly streams: number;
  readonly clients: number;
  readonly strangers: number;
  readonly downBytesPerSecond: number;
  readonly upBytesPerSecond: number;
  readonly connectsPerSecond: number;
  readonly failuresPerSecond: number;
  readonly connects: ConnectFigures;
  readonly datagrams: DatagramFigures;
  readonly residentBytes: number;
  /** What waits in the hub for clients that read slowly, and how much of it --memory allows. */
  readonly heldBytes: number;
  readonly heldMaxBytes: number;
  readonly cpuPercent: number;
}

export const STREAM_PROTOCOLS = ['socks', 'http-connect', 'http', 'udp'] as const;
export const STREAM_STATES = ['opening', 'open', 'halfClosed'] as const;

export interface LiveStream {
  readonly nodeId: string;
  /** null unless the hub was started with --show-targets. */
  readonly target: string | null;
  readonly protocol: (typeof STREAM_PROTOCOLS)[number];
  readonly state: (typeof STREAM_STATES)[number];
  readonly ageMs: number;
}

/** A client's sticky session, asked for by its user name. */
export interface ClientSession {
  /** '' for a client that gave no user. */
  readonly user: string;
  readonly name: string;
  readonly nodeId: string;
  readonly strict: boolean;
  /** How long it lives after its last connection, and how long ago that was. */
  readonly ttlMs: number;
  readonly unusedMs: number;
}

/** A host blocks the node of a sticky session, or a node; exactly one of the two is given. */
export interface BanReport {
  readonly session: string | null;
  /** The sticky session's user; '' for none. */
  readonly user: string;
  readonly node: string | null;
  /** As clients ask for it: a name, or an IP literal without brackets. */
  readonly host: string;
  readonly restMs: number;
}

export interface Ban {
  /** This node rests for the host until then. */
  readonly nodeId: string;
  readonly host: string;
  readonly until: string;
}

export const HISTORY_RANGES = ['10m', '1h', '1d', '30d'] as const;
export type HistoryRange = (typeof HISTORY_RANGES)[number];

export interface History {
  readonly range: HistoryRange;
  readonly stepMs: number;
  /**
   * Oldest first, without gaps: a step in which nothing was recorded is all zeros; the last one is under way. `streams` is the most
   * at once.
   */
  readonly points: readonly {
    readonly at: string;
    readonly downBytes: number;
    readonly upBytes: number;
    readonly succeeded: number;
    readonly failed: number;
    readonly streams: number;
  }[];
}

export const EVENT_KINDS = [
  'hubStarted',
  'hubStopping',
  'linkMade',
  'linkCancelled',
  'paired',
  'connected',
  'disconnected',
  'refused',
  'changed',
  'revoked',
  'userChanged',
  'overQuota',
  'rotated',
  'rulesLoaded',
  'warning',
] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

export interface EventRecord {
  /** Grows with every event of its hub, across restarts. */
  readonly number: number;
  readonly at: string;
  readonly kind: EventKind;
  /** null when it is about no node; the name is the one it had then. */
  readonly nodeId: string | null;
  readonly nodeName: string | null;
  /** What happened and why, in a sentence without secrets. */
  readonly text: string;
  /** The hub of the cluster at which it happened; absent where there is no cluster. */
  readonly hub?: string;
}

export interface EventQuery {
  readonly kinds?: readonly EventKind[];
  readonly nodeId?: string;
  /** Text that the sentence holds, whatever the case. */
  readonly contains?: string;
  /** Only events before or after this number. */
  readonly before?: number;
  readonly after?: number;
  readonly limit: number;
}

/** Events newest first, and the cursors that lead on from them; null: there are none, or the page is one further back. */
export interface EventPage {
  readonly events: readonly EventRecord[];
  readonly older: string | null;
  readonly newer: string | null;
  /** Names of hubs of the cluster that did not answer: their events are missing, and come as soon as they do. */
  readonly missingHubs: readonly string[];
}

/** One token, by each way that devices have to the hub. */
export interface PairingLinks {
  readonly link: string;
  /** By the web server in front; null: the hub does not know of one. */
  readonly webSocketLink: string | null;
  /** By its port first, then by the web server; null as that. A device of an older version takes the first way alone. */
  readonly bothWaysLink: string | null;
}

export interface Pairing extends PairingLinks {
  /** Names the link without being the secret. */
  readonly id: string;
  readonly expiresAt: string;
  /** Of the hub's key, for the owner to compare with what the phone's app shows before it pairs. */
  readonly fingerprint: string;
}

/** The Android app that the hub hands out. */
export interface PhoneApp {
  readonly name: string;
  readonly bytes: number;
  /** In hexadecimal digits. */
  readonly sha256: string;
}

/** A copy of the hub's store, which lies in the data directory until it is fetched. */
export interface Backup {
  readonly path: string;
  readonly bytes: number;
}

export interface PairingState {
  readonly id: string;
  readonly expiresAt: string;
  /** `used`: a device burned the token; `nodeConnected` says whether its session is up already. */
  readonly state: 'open' | 'used' | 'expired' | 'cancelled';
  readonly nodeId: string | null;
  readonly nodeName: string | null;
  readonly nodeConnected: boolean;
}

export interface Rotation {
  readonly nodeId: string;
  readonly oldAddress: string | null;
  readonly newAddress: string | null;
  readonly tookMs: number;
}

export interface NodePage {
  readonly nodes: readonly NodeView[];
  readonly hasMore: boolean;
}

/** What changes from second to second; made once a second for all who watch. */
export interface LiveTick {
  readonly at: string;
  readonly hub: Pick<
    HubStatus,
    | 'stopping'
    | 'nodesConnected'
    | 'nodesPaired'
    | 'streams'
    | 'clients'
    | 'downBytesPerSecond'
    | 'upBytesPerSecond'
    | 'connectsPerSecond'
    | 'failuresPerSecond'
  >;
  /** Nodes whose view is another than at the tick before. */
  readonly nodes: readonly NodeView[];
  /** Oldest first. */
  readonly events: readonly EventRecord[];
}

/**
 * The same in few bytes, for a viewer that keeps the nodes. A number names a node: its place among those that the viewer was sent since the
 * last `state`, from 0. Lists of one group belong together, entry by entry.
 */
export interface LiveDelta {
  readonly at: string;
  readonly hub: LiveTick['hub'];
  /** New ones, which get the next numbers. */
  readonly nodes: readonly NodeView[];
  /** Fields that have changed, apart from those below. */
  readonly changed: readonly ({ readonly number: number } & Partial<NodeView>)[];
  readonly moving: {
    readonly numbers: readonly number[];
    readonly streams: readonly number[];
    readonly downBytesPerSecond: readonly number[];
    readonly upBytesPerSecond: readonly number[];
  };
  readonly roundTrips: { readonly numbers: readonly number[]; readonly ms: readonly (number | null)[] };
  /** To add to `today` and to `month`: what has moved since they were told; every few seconds. */
  readonly moved: {
    readonly numbers: readonly number[];
    readonly downBytes: readonly number[];
    readonly upBytes: readonly number[];
  };
  /** Oldest first. */
  readonly events: readonly EventRecord[];
}

/** One hub of a cluster, as the hub knows it that is asked. */
export interface HubOfFleet {
  readonly id: string;
  readonly name: string;
  /** How long ago it spoke; 0 for the hub that is asked. */
  readonly heardMsAgo: number;
  readonly figures: LiveTick['hub'];
  /** Connects since that hub started; null: it is of a version that does not say. */
  readonly connects: Pick<ConnectFigures, 'succeeded' | 'failures'> | null;
  /** Devices that are connected to it, or have moved bytes there this month. */
  readonly nodes: ReadonlyMap<string, NodeAtHub>;
}

/** What a device does at one hub of a cluster. */
export type NodeAtHub = Pick<NodeView, 'connected' | 'roundTripMs' | 'streams' | 'month'>;

/** Beside the Fleet of all hubs: each of them. */
export interface FleetOfHubs {
  /** The hub that is asked, alone. */
  readonly own: Fleet;
  hubs(): readonly HubOfFleet[];
  /** `cursor`: from an earlier page; null: the newest. Of the query, `before` and `after` do not count. Rejects with UserError. */
  eventPage(query: EventQuery, cursor: string | null): Promise<EventPage>;
}

/** `node` is an id or a name. Methods throw UserError (rejecting where they promise) for what the owner can mend: no such node, a name in use. */
export interface Fleet {
  /** Of the proxy. */
  readonly users: OwnerUsers;
  /** Absent where there is no cluster. */
  readonly hubs?: FleetOfHubs;
  status(): HubStatus;
  nodes(): NodeView[];
  /** At most `limit` of those whose id comes after this one, by id; `hasMore`: there are others behind them. */
  nodePage(after: string, limit: number): NodePage;
  node(node: string): NodeView;
  connects(node: string): ConnectFigures;
  change(node: string, change: NodeChange): Promise<NodeView>;
  revoke(node: string): Promise<NodeView>;
  /** Resolves when the node has answered, or rejects with why there is no new address. */
  rotate(node: string): Promise<Rotation>;
  /** `node` null: of the whole hub. At most LISTING.streamsMax. */
  streams(node: string | null): Promise<readonly LiveStream[]>;
  /** At most LISTING.sessionsMax. */
  sessions(): Promise<readonly ClientSession[]>;
  /** The sticky session as it was; its next connection begins a new one. */
  endSession(user: string, name: string): Promise<ClientSession>;
  /** The node rests for the host, and the sticky session, strict or not, goes on with another. */
  report(report: BanReport): Promise<Ban>;
  history(node: string | null, range: HistoryRange): Promise<History>;
  /** Newest first; in a cluster, of this hub. */
  events(query: EventQuery): Promise<readonly EventRecord[]>;
  /** The newest of those after this number, oldest first; at most EVENTS.latestMax. */
  latestEvents(after: number): readonly EventRecord[];
  pair(options: { name: string | null; ttlMs: number }): Promise<Pairing>;
  /** Throws UserError when there is no such pairing, or it was not made since the hub started. */
  pairing(id: string): PairingState;
  cancelPairing(id: string): Promise<PairingState>;
  /** One at a time. */
  backup(): Promise<Backup>;
  /** Calls at most once a second while anything changes; the function returned ends it. Costs nothing while nobody watches. */
  watch(listener: (tick: LiveTick) => void): () => void;
}
