// The package's entry: a hub or an exit node inside a program of yours (docs/guides/embedding.md). The command line does not come through here.

import './limits/relations.ts';
import { EventEmitter } from 'node:events';
import pino, { type Logger } from 'pino';
import { checkedRange } from './base/addressRange.ts';
import { parseHostPort, parseLoopbackHostPort } from './base/hostPort.ts';
import { UserError } from './base/userError.ts';
import { bootHub } from './boot/bootHub.ts';
import { prepareDataDir, resolveDataDir } from './boot/dataDir.ts';
import type { RunningHub } from './boot/wholeHub.ts';
import { type MemberOptions, parseClusterName, parseServers } from './hub/cluster/clusterOptions.ts';
import { CLUSTER } from './limits/cluster.ts';
import type { EventRecord, Fleet, LiveTick } from './model/fleet.ts';
import { parseWebSocketAddress } from './model/pairingLink.ts';
import { parseVia } from './model/via.ts';
import { wayText } from './model/way.ts';
import { startNode as startExitNode } from './node/node.ts';
import type { RunningNode } from './node/nodeOptions.ts';
import type { KeyStoreName } from './noise/keyStores.ts';

export { FAILURES, type Failure, type FailureName } from './model/failures.ts';
export type * from './model/fleet.ts';
export { UserError };

/** As the options of `restunnel hub` that begin with --cluster (docs/guides/cluster.md). */
export interface ClusterSetup {
  /** The NATS servers, "nats://host:port" or "tls://host:port". */
  readonly servers: readonly string[];
  /** Default: "restunnel". */
  readonly name?: string;
  /** A file with what the servers ask for: a .creds file, the seed of an nkey, "user:password", or a token. */
  readonly credentials?: string;
  /** A file with the certificates (PEM) that sign the servers'. Default: the system's. */
  readonly ca?: string;
  /** A file with the certificate and key (PEM) of this hub. */
  readonly certificate?: string;
  /** How old the copy may be by which devices are let in while the servers cannot be reached; null: it does not matter. Default: a day. */
  readonly staleMs?: number | null;
}

export interface HubSetup {
  /** Keys, devices and history; made when it is not there. Default: $RESTUNNEL_DATA_DIR or ~/.restunnel. */
  readonly dataDir?: string;
  /** Where exit nodes dial, "host:port"; port 0 means any free one, as in all addresses. Default: 0.0.0.0:9000. */
  readonly tunnel?: string;
  /** Where a web server passes on exit nodes that come inside a WebSocket, "host:port". Default: nowhere. */
  readonly tunnelWebSocket?: string;
  /** Addresses and ranges of that web server, which is believed when it says whose request it passes on. Default: none. */
  readonly trustedProxies?: readonly string[];
  /** Where devices reach that web server, for pairing links, "wss://host/path"; remembered. */
  readonly publicWebSocket?: string;
  /** Default: 127.0.0.1:1080. */
  readonly socks?: string;
  /** Default: 127.0.0.1:1081. */
  readonly http?: string;
  /** Default: 127.0.0.1:8080. */
  readonly dashboard?: string;
  /** Worker threads beside the front's; default: what suits this machine. */
  readonly workers?: number;
  readonly io?: 'auto' | 'epoll' | 'net';
  /** The name or address in pairing links, with a port ("hub.example.org:443") where that is not the tunnel's; remembered. */
  readonly publicHost?: string;
  /** Shares its devices with the other hubs of a cluster. Default: it is alone. */
  readonly cluster?: ClusterSetup;
  /** Whether it starts although its key or store is missing or damaged, and begins that part anew. Default: no. */
  readonly acceptLoss?: boolean;
  /** Where a new key goes. Default: a file on Linux, the Keychain on macOS, the Credential Manager on Windows; an old key stays where it is. */
  readonly keyStore?: KeyStoreName;
  /** A rules file. */
  readonly rules?: string;
  /** Whether the hosts that streams go to are kept, for fleet.streams(). */
  readonly showTargets?: boolean;
  /** Whether the HTTP proxy asks clients for a user name while there are no users: browsers say theirs only then. */
  readonly askUser?: boolean;
  /** Whether HTTP clients learn which node serves them, and its public address. Default: yes. */
  readonly proxyHeaders?: boolean;
  /** How many nodes have metrics of their own in /metrics. Default: 1,000. */
  readonly metricsNodes?: number;
  /** What may wait for clients that do not read, in bytes. Default: a quarter of the memory of this machine or its container. */
  readonly memoryBytes?: number;
  /** Default: silent. */
  readonly log?: Logger;
}

export interface NodeSetup {
  /** The node's key and its hubs; made when it is not there. Two nodes cannot share one. */
  readonly dataDir: string;
  /** Pairing links; hubs of earlier starts are remembered in dataDir. */
  readonly links?: readonly string[];
  /** What the device calls itself; default: its host name. */
  readonly name?: string;
  /** "CIDR[:PORTS]": private ranges it may reach. Default: none. */
  readonly allowTargets?: readonly string[];
  readonly lanes?: number | 'auto';
  /** The proxy on the way to hubs, http:// or socks5://, or 'env' for the environment's. Default: none. Targets are dialled directly. */
  readonly via?: string;
  /** Whether it starts with a new key where the old one is missing or damaged. Default: no. */
  readonly acceptLoss?: boolean;
  /** As a hub's. */
  readonly keyStore?: KeyStoreName;
  readonly io?: 'auto' | 'epoll' | 'net';
  /** What may wait for targets that do not read, in bytes. Default: an eighth of the memory of this device, at most 256 MiB. */
  readonly memoryBytes?: number;
  /** Default: silent. */
  readonly log?: Logger;
}

export interface HubEvents {
  /** Something happened: paired, connected, disconnected, over its quota, … */
  event: [EventRecord];
  /** At most once a second, while anything changes and somebody listens. */
  tick: [LiveTick];
  /** The hub has ended: null as asked, an error by itself. */
  ended: [Error | null];
}

/** A running hub. `fleet` is all that its owner can see and do. */
export class Hub extends EventEmitter<HubEvents> implements AsyncDisposable {
  readonly #hub: RunningHub;
  #unwatch: (() => void) | null = null;
  #ended = false;

  /** startHub() makes it. */
  constructor(hub: RunningHub) {
    super();
    this.#hub = hub;
    void hub.ended.then((error) => this.#end(error));
    this.on('newListener', (name: string | symbol) => {
      if (name === 'tick' || name === 'event') this.#watch();
    });
  }

  /** As really bound, "host:port". */
  get addresses(): RunningHub['addresses'] {
    return this.#hub.addresses;
  }

  /** base64url; part of every pairing link. */
  get publicKey(): string {
    return this.#hub.publicKey;
  }

  get fleet(): Fleet {
    return this.#hub.fleet;
  }

  /** Drains for up to eight seconds, then stops. A second call stops at once. */
  async stop(): Promise<void> {
    await this.#hub.stop();
    this.#end(null);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Watching costs the hub a little, so it starts with the first listener. */
  #watch(): void {
    this.#unwatch ??= this.#hub.fleet.watch((tick) => {
      for (const event of tick.events) this.emit('event', event);
      this.emit('tick', tick);
    });
  }

  #end(error: Error | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#unwatch?.();
    this.emit('ended', error);
  }
}

/** Rejects with UserError: a port in use, a directory that cannot be used, a bad rules file. */
export async function startHub(setup: HubSetup = {}): Promise<Hub> {
  const dataDir = resolveDataDir(setup.dataDir);
  prepareDataDir(dataDir, (sentence) => setup.log?.warn(sentence));
  const hub = await bootHub({
    dataDir,
    tunnel: read(setup.tunnel, (text) => parseHostPort(text, 'tunnel', '0.0.0.0')),
    tunnelWebSocket: read(setup.tunnelWebSocket, (text) =>
      parseHostPort(text, 'tunnelWebSocket', '127.0.0.1'),
    ),
    trustedProxies: setup.trustedProxies?.map((text) => checkedRange(text, 'trustedProxies')),
    publicWebSocket: read(setup.publicWebSocket, (text) =>
      wayText(parseWebSocketAddress(text, 'publicWebSocket')),
    ),
    socks: read(setup.socks, (text) => parseHostPort(text, 'socks', '127.0.0.1')),
    http: read(setup.http, (text) => parseHostPort(text, 'http', '127.0.0.1')),
    dashboard: read(setup.dashboard, (text) => parseLoopbackHostPort(text, 'dashboard')),
    workers: setup.workers,
    io: setup.io,
    publicHost: setup.publicHost,
    cluster: setup.cluster === undefined ? undefined : memberOf(setup.cluster),
    rules: setup.rules,
    acceptLoss: setup.acceptLoss,
    keyStore: setup.keyStore,
    showTargets: setup.showTargets,
    askUser: setup.askUser,
    proxyHeaders: setup.proxyHeaders,
    metricsNodes: setup.metricsNodes,
    memoryBytes: setup.memoryBytes,
    log: setup.log ?? pino({ level: 'silent' }),
  });
  return new Hub(hub);
}

function memberOf({ servers, name, credentials, ca, certificate, staleMs }: ClusterSetup): MemberOptions {
  const stale = staleMs === undefined ? CLUSTER.staleDefaultMs : staleMs;
  if (stale !== null && !(stale >= CLUSTER.staleMinMs && stale <= CLUSTER.staleMaxMs)) {
    throw new UserError(
      `cluster.staleMs: ${stale} is not from ${CLUSTER.staleMinMs} to ${CLUSTER.staleMaxMs}`,
      2,
    );
  }
  return {
    servers: parseServers(servers.join(','), 'cluster.servers'),
    name: parseClusterName(name ?? 'restunnel', 'cluster.name'),
    credentials: credentials ?? null,
    ca: ca ?? null,
    certificate: certificate ?? null,
    staleMs: stale,
  };
}

function read<T>(text: string | undefined, parse: (text: string) => T): T | undefined {
  return text === undefined ? undefined : parse(text);
}

/** Resolves when the node has started; `connected` tells when it has reached a hub. Rejects with UserError. */
export async function startNode(setup: NodeSetup): Promise<RunningNode & AsyncDisposable> {
  const dataDir = resolveDataDir(setup.dataDir);
  prepareDataDir(dataDir, (sentence) => setup.log?.warn(sentence));
  const node = await startExitNode({
    dataDir,
    links: [...(setup.links ?? [])],
    name: setup.name ?? null,
    allowTargets: [...(setup.allowTargets ?? [])],
    io: setup.io ?? 'auto',
    lanes: setup.lanes ?? 'auto',
    via: setup.via === undefined || setup.via === 'env' ? (setup.via ?? null) : parseVia(setup.via, 'via'),
    acceptLoss: setup.acceptLoss ?? false,
    keyStore: setup.keyStore ?? null,
    memoryBytes: setup.memoryBytes ?? null,
    log: setup.log ?? pino({ level: 'silent' }),
  });
  return Object.assign(node, { [Symbol.asyncDispose]: () => node.stop() });
}
