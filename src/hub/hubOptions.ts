// The options of a hub, and their defaults.

import type { Logger } from 'pino';
import type { HostPort } from '../base/hostPort.ts';
import type { ProxyOptions } from '../engine/messages.ts';
import { ENGINE } from '../limits/engine.ts';
import type { KeyStoreName } from '../noise/keyStores.ts';
import type { MemberOptions } from './cluster/clusterOptions.ts';

export interface HubOptions extends ProxyOptions {
  readonly dataDir: string;
  readonly log: Logger;
  /** Where exit nodes dial. */
  readonly tunnel: HostPort;
  /** Where a web server passes on exit nodes that come inside a WebSocket; null: nowhere. */
  readonly tunnelWebSocket: HostPort | null;
  /** Web servers (CIDR) that are believed when they say whose request they pass on. */
  readonly trustedProxies: readonly string[];
  /** Where that web server is, for pairing links: `wss://HOST/PATH`; null: links are for the tunnel port alone. */
  readonly publicWebSocket: string | null;
  readonly socks: HostPort;
  /** Absolute path of a Unix socket that also speaks SOCKS; null: none. */
  readonly socksSocket: string | null;
  readonly http: HostPort;
  readonly io: 'auto' | 'epoll' | 'net';
  /** Worker threads beside the front thread; 0 puts both roles on one engine thread; null: what suits this machine. */
  readonly workers: number | null;
  /** What pairing links carry: "host", or "host:port" where another port leads to the tunnel; null lets the hub choose. */
  readonly publicHost: string | null;
  /** Path of the owner's rules (docs/rules.example.yaml); null: none. */
  readonly rules: string | null;
  /** Whether sticky sessions outlive a restart. */
  readonly persistSessions: boolean;
  /** Begin anew what is missing or damaged of the hub's key and store (docs/reference/missing-files.md). */
  readonly acceptLoss: boolean;
  /** Where a new key goes, and where an old one must be; null: wherever it is, and new ones where the platform keeps keys. */
  readonly keyStore: KeyStoreName | null;
  /** What open streams get to end once the hub is asked to stop. */
  readonly drainMs: number;
  /** What may wait for clients that do not read, in bytes; null: a share of this machine's memory. */
  readonly memoryBytes: number | null;
  /** null: this hub is alone. */
  readonly cluster: MemberOptions | null;
}

export const HUB_DEFAULTS = {
  tunnel: { host: '0.0.0.0', port: 9_000 },
  tunnelWebSocket: null,
  trustedProxies: [],
  publicWebSocket: null,
  socks: { host: '127.0.0.1', port: 1_080 },
  socksSocket: null,
  http: { host: '127.0.0.1', port: 1_081 },
  io: 'auto',
  workers: null,
  publicHost: null,
  rules: null,
  persistSessions: false,
  acceptLoss: false,
  keyStore: null,
  drainMs: ENGINE.drainMs,
  memoryBytes: null,
  cluster: null,
  askUser: false,
  proxyHeaders: true,
  showTargets: false,
} as const satisfies Omit<HubOptions, 'dataDir' | 'log'>;
