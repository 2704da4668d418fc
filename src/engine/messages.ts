// The messages between control and the engine threads: handshakes, tunnels, statistics, orders, all of them rare. Bytes and descriptors
// never travel this way: they stay in their thread or cross on a ring.

import type { HostPort } from '../base/hostPort.ts';
import type { HubListPart } from '../cluster/hubListParts.ts';
import type { FailureName } from '../model/failures.ts';
import type { SessionKeys } from '../model/sessionKeys.ts';
import type { Via } from '../model/via.ts';
import type { Way } from '../model/way.ts';
import type { ConnId, Doorbell } from '../reactor/reactor.ts';
import type { HeldPlan } from '../ring/heldShare.ts';
import type { SharedSlots } from '../ring/slots.ts';
import type { NodeRouting } from '../routing/nodeRouting.ts';
import type { StickyRequest } from '../routing/request.ts';
import type { CompiledRules } from '../routing/rules.ts';
import type { StoredStickySession } from '../routing/stickySessions.ts';
import type { KnownUser } from './access.ts';
import type { MemoryShortage } from './memoryReport.ts';

export type Io = 'epoll' | 'net';

export interface Bind {
  /** An IP literal, or the path of a Unix socket. */
  readonly host: string;
  readonly port: number;
}

/** What the owner chose for every client of a hub. */
export interface ProxyOptions {
  /** HTTP clients without a user name are asked for one, even while there are no users. */
  readonly askUser: boolean;
  /** HTTP responses name the node that serves the client, and its public address. */
  readonly proxyHeaders: boolean;
  /** The hosts that open streams go to are kept, for the owner to see. */
  readonly showTargets: boolean;
}

/** What an engine thread is started with (workerData). */
export type ThreadPlan = FrontPlan | WorkerPlan | ExitPlan;

interface CommonPlan {
  readonly io: Io;
  /** Its line in the shared slots. */
  readonly thread: number;
  readonly slots: SharedSlots;
  readonly held: HeldPlan;
}

export interface FrontPlan extends CommonPlan {
  readonly role: 'front';
  readonly mac1Key: Uint8Array;
  /** Addresses and ranges of the web servers that say whose request they pass on. */
  readonly trustedProxies: readonly string[];
  readonly proxy: ProxyOptions;
  /** RLIMIT_NOFILE, or Infinity. */
  readonly descriptorLimit: number;
  /** Empty: this thread is the only worker as well. */
  readonly workers: readonly WorkerLink[];
}

export interface WorkerPlan extends CommonPlan {
  readonly role: 'worker';
  readonly proxy: ProxyOptions;
  readonly fromFront: SharedArrayBuffer;
  readonly toFront: SharedArrayBuffer;
}

export interface ExitPlan extends CommonPlan {
  readonly role: 'exit';
  readonly allowTargets: readonly string[];
  readonly ownAddresses: readonly string[];
  /** RLIMIT_NOFILE, or Infinity. */
  readonly descriptorLimit: number;
  /** How many hubs the node serves. */
  readonly hubs: number;
  /** After how long its sockets probe a peer that is idle. */
  readonly keepAliveIdleS: number;
}

export interface WorkerLink {
  readonly thread: number;
  readonly doorbell: Doorbell;
  readonly toWorker: SharedArrayBuffer;
  readonly fromWorker: SharedArrayBuffer;
}

export type ToFront =
  | { readonly type: 'listen'; readonly name: ListenerName; readonly bind: Bind }
  | {
      readonly type: 'verdict';
      readonly conn: ConnId;
      /** null: not one of ours; it gets silence. */
      readonly accepted:
        | ({
            readonly message2: Uint8Array;
            readonly index: number;
            readonly number: number;
            readonly worker: number;
            /** Those in force: CAPABILITY bits that both sides announced. */
            readonly capabilities: number;
            /** As message 2 says. */
            readonly initialWindowBytes: number;
          } & SessionKeys)
        | null;
      /** CPU time of its handshake; 0: it came to none. */
      readonly costMs: number;
    }
  /** Before it listens: where devices were admitted from before the hub started (base/sourceKey.ts). */
  | { readonly type: 'knownNetworks'; readonly networks: readonly string[] }
  | {
      readonly type: 'route';
      readonly index: number;
      readonly number: number;
      readonly worker: number;
      readonly nodeId: string;
      readonly speaksUdp: boolean;
    }
  | { readonly type: 'unroute'; readonly index: number; readonly number: number }
  /** Before a node's first route, and at every change. */
  | { readonly type: 'routing'; readonly routing: NodeRouting }
  /** The owner's rules, in force from now on. */
  | { readonly type: 'rules'; readonly rules: CompiledRules }
  /** A node has changed its address for a client of this user, or has tried: both have to leave it alone for a while. */
  | { readonly type: 'rotatedFor'; readonly user: string; readonly nodeId: string }
  /** The node was revoked. */
  | { readonly type: 'forgetNode'; readonly nodeId: string }
  /** Answered with `stickySessions`. */
  | { readonly type: 'aboutStickySessions'; readonly query: number; readonly order: StickySessionOrder }
  /** The hub is one of a cluster's from now on. */
  | { readonly type: 'shareSticky' }
  /** The word on a `placeSticky`: where the sticky session is; null: the cluster cannot be asked. */
  | { readonly type: 'stickyPlace'; readonly query: number; readonly nodeId: string | null }
  /** Another hub has moved a sticky session. */
  | { readonly type: 'moveSticky'; readonly key: string; readonly nodeId: string }
  /** Sticky sessions from before a restart. */
  | { readonly type: 'restoreStickySessions'; readonly sessions: readonly StoredStickySession[] }
  /** At the start and at every change of a user. Unless `required`, any name is a request for routing. */
  | { readonly type: 'users'; readonly required: boolean }
  /** Of users whose limit several hubs share: streams that they may have open at this hub. */
  | { readonly type: 'userShares'; readonly streams: ReadonlyMap<string, number> }
  /** Answered with `userStreams`. */
  | { readonly type: 'askUserStreams' }
  /** The word on an `authenticate`; null: not one of ours. */
  | { readonly type: 'user'; readonly query: number; readonly user: KnownUser | null };

/** `key`: request.ts, sessionKey(). */
export type StickySessionOrder =
  | { readonly what: 'all' }
  | { readonly what: 'list'; readonly max: number }
  | { readonly what: 'end'; readonly key: string }
  | { readonly what: 'ban'; readonly key: string; readonly host: string; readonly restMs: number }
  | { readonly what: 'banNode'; readonly nodeId: string; readonly host: string; readonly restMs: number };

/** The node that a session leads to, as HTTP clients read it. */
export interface NamedNode {
  readonly nodeId: string;
  readonly name: string;
  readonly publicAddress: string | null;
}

export type ToWorker =
  /** Before its route, and when something of it changes; never where clients must not learn it. */
  | {
      readonly type: 'nameNode';
      readonly index: number;
      readonly number: number;
      readonly node: NamedNode;
    }
  | { readonly type: 'greet'; readonly index: number; readonly number: number }
  | { readonly type: 'cut'; readonly index: number; readonly number: number; readonly reason: string }
  /** Whether the node is still there: answered with `probed`, unless its tunnel goes down. `replaced`: its streams end at once. */
  | {
      readonly type: 'probe';
      readonly index: number;
      readonly number: number;
      readonly replaced: boolean;
    }
  /** Another device with the node's key is connected: this one is to come back later. */
  | { readonly type: 'sendAway'; readonly index: number; readonly number: number; readonly waitMs: number }
  /**
   * The rate of this session in each direction, null for none. Control gives each lane of a node its share. The worker paces what goes
   * up; the node paces what comes down, by CONTROL.
   */
  | {
      readonly type: 'pace';
      readonly index: number;
      readonly number: number;
      readonly bytesPerSecond: number | null;
    }
  /** Answered with `streams`; `index` null: of all sessions of the worker. */
  | {
      readonly type: 'listStreams';
      readonly query: number;
      readonly index: number | null;
      readonly max: number;
    }
  /** Ends every stream of a session; clients without an answer hear of `failure`. */
  | {
      readonly type: 'resetStreams';
      readonly index: number;
      readonly number: number;
      readonly failure: FailureName;
    }
  /** The node is asked for a new address; its answer comes in a STATUS, as `rotation` with this request's number. */
  | {
      readonly type: 'askRotation';
      readonly index: number;
      readonly number: number;
      readonly request: number;
    }
  /** For the nodes of these sessions. */
  | {
      readonly type: 'hubList';
      readonly sessions: readonly (readonly [index: number, number: number])[];
      readonly parts: readonly HubListPart[];
    }
  | { readonly type: 'frontIs'; readonly thread: number; readonly doorbell: Doorbell };

export type ToExit =
  | {
      readonly type: 'dial';
      readonly dial: number;
      /** IP literals, in the order in which they are tried. */
      readonly addresses: readonly string[];
      readonly port: number;
      /** Null: the addresses are the hub's; else the proxy's, which is asked for the hub. */
      readonly via: { readonly proxy: Via; readonly hub: HostPort } | null;
      /** The hub is behind a web server: how it is asked. Null: TCP. */
      readonly web: { readonly way: Way; readonly key: string } | null;
      readonly message1: Uint8Array;
    }
  /** The certificate is not as it should be, or what answers speaks no TLS. */
  | { readonly type: 'tlsFailed'; readonly dial: number; readonly reason: string }
  | ({
      readonly type: 'session';
      readonly dial: number;
      readonly index: number;
      /** The public key of the hub. */
      readonly hub: string;
      readonly initialWindowBytes: number;
      /** Those in force: CAPABILITY bits that both sides announced. */
      readonly capabilities: number;
      /** Where the hub sees this device come from: IP literals and ranges. */
      readonly observed: readonly string[];
      readonly status: string;
    } & SessionKeys)
  /** The network under this session has changed: is its hub still there? */
  | { readonly type: 'doubt'; readonly dial: number }
  | { readonly type: 'hangUp'; readonly dial: number; readonly reason: string }
  /** The hub of this session is to send no new streams. */
  | { readonly type: 'leave'; readonly dial: number }
  /** So many hubs share what the device has. */
  | { readonly type: 'hubs'; readonly count: number }
  | {
      readonly type: 'names';
      readonly query: number;
      readonly addresses: readonly string[] | null;
      readonly failure: 'nameNotFound' | 'nameTimedOut' | 'resolverSilent' | 'internal';
      /** Of the addresses. */
      readonly ttlMs: number;
    }
  | { readonly type: 'hubAddresses'; readonly addresses: readonly string[] }
  | { readonly type: 'ownAddresses'; readonly addresses: readonly string[] }
  | { readonly type: 'nat64'; readonly prefixes: readonly string[] }
  | { readonly type: 'status'; readonly dial: number; readonly json: string };

export type ToEngine =
  | ToFront
  | ToWorker
  | ToExit
  | { readonly type: 'drain' }
  /** Answered with `settled` once everything is done that came before, over rings as well. */
  | { readonly type: 'settle' }
  /** Answered with a pong by a thread whose turns go round. */
  | { readonly type: 'ping' }
  | { readonly type: 'stop' };

/** What a thread's role has to see to. */
export type Order = Exclude<ToEngine, { type: 'ping' | 'stop' }>;

export type ListenerName = 'tunnel' | 'tunnelWebSocket' | 'socks' | 'socksSocket' | 'http';

export type FromFront =
  | { readonly type: 'routed'; readonly index: number; readonly number: number }
  | {
      readonly type: 'listening';
      readonly name: ListenerName;
      readonly address: string;
      readonly port: number;
    }
  /** A sticky session has begun whose client asked for a new address of its node. */
  | { readonly type: 'rotationWanted'; readonly nodeId: string; readonly user: string }
  /** Where is this sticky session of the cluster? It begins with `nodeId` if no hub has it. Answered with a `stickyPlace`. */
  | {
      readonly type: 'placeSticky';
      readonly query: number;
      readonly sticky: StickyRequest;
      readonly nodeId: string;
    }
  /** Open streams of users with a limit, by name. */
  | { readonly type: 'userStreams'; readonly open: ReadonlyMap<string, number> }
  /** A sticky session of the cluster goes on with another node. */
  | { readonly type: 'stickyMoved'; readonly session: StoredStickySession }
  /** Those that an `aboutStickySessions` was about, as they were before it; the last piece of the answer has `done`. */
  | {
      readonly type: 'stickySessions';
      readonly query: number;
      readonly sessions: readonly StoredStickySession[];
      readonly done: boolean;
    }
  /** Who is it? Answered with a `user`. */
  | {
      readonly type: 'authenticate';
      readonly query: number;
      readonly name: string;
      readonly password: string;
      /** Where the client is: access.ts, loginSource(). */
      readonly source: string;
    }
  /** A client gave a name that is no route, and is served by any node. */
  | { readonly type: 'strayUsername'; readonly username: string }
  | { readonly type: 'listenFailed'; readonly name: ListenerName; readonly errno: number }
  | {
      readonly type: 'handshake';
      readonly conn: ConnId;
      readonly message1: Uint8Array;
      readonly remoteAddress: string;
      /** It came inside a WebSocket. */
      readonly webSocket: boolean;
    }
  /** accept() failed for want of one, or a client was turned away before that. */
  | { readonly type: 'outOfDescriptors'; readonly name: ListenerName; readonly accepting: boolean };

/** A `reason`: the connection ended in order. After a GOAWAY, that is how a node stops. */
export const PEER_CLOSED = 'the peer closed the connection';

export type FromWorker =
  | { readonly type: 'tunnelUp'; readonly index: number; readonly number: number }
  | { readonly type: 'tunnelDown'; readonly index: number; readonly number: number; readonly reason: string }
  | { readonly type: 'probed'; readonly index: number; readonly number: number; readonly isAlive: boolean }
  | { readonly type: 'status'; readonly index: number; readonly number: number; readonly json: string }
  | { readonly type: 'goAway'; readonly index: number; readonly number: number }
  | { readonly type: 'streams'; readonly query: number; readonly streams: readonly ListedStream[] }
  | MemoryShortage;

/** An open stream, as the worker that has it says. */
export interface ListedStream {
  /** Of its session. */
  readonly index: number;
  readonly kind: 'socks' | 'httpConnect' | 'httpForward' | 'udp';
  /** '' and 0 unless the owner chose showTargets. */
  readonly host: string;
  readonly port: number;
  readonly state: 'opening' | 'open' | 'halfClosed';
  readonly ageMs: number;
}

export type FromExit =
  | { readonly type: 'message2'; readonly dial: number; readonly message2: Uint8Array }
  | { readonly type: 'dialFailed'; readonly dial: number; readonly reason: string }
  /** TLS is to run between these descriptors, for a hub behind a web server (tlsBridge.ts). */
  | {
      readonly type: 'secure';
      readonly dial: number;
      readonly socket: number;
      readonly plain: number;
      readonly host: string;
    }
  /** Connected to the hub; the address of our end. */
  | { readonly type: 'dialled'; readonly dial: number; readonly localAddress: string }
  /** `session`: index of the one that asked first. */
  | { readonly type: 'lookup'; readonly query: number; readonly name: string; readonly session: number }
  /** A CONTROL of the hub that says something to the node's control (tunnel/controlOrders.ts). */
  | { readonly type: 'control'; readonly dial: number; readonly json: string }
  | MemoryShortage;

export type FromEngine =
  | FromFront
  | FromWorker
  | FromExit
  | { readonly type: 'ready'; readonly doorbell: Doorbell }
  | { readonly type: 'pong' }
  | { readonly type: 'settled' }
  | { readonly type: 'fault'; readonly error: string }
  /** After a drain order: nothing is under way any more. */
  | { readonly type: 'drained' }
  | { readonly type: 'stopped' };
