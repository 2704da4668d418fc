// What a hub is started with and what a running one offers. The command line fills it in, control/hub.ts acts on it.

import type { Logger } from 'pino';
import type { Fleet } from '../model/fleet.ts';

export interface HostPort {
  /** An IP literal without brackets. */
  readonly host: string;
  /** 0 means any free port. */
  readonly port: number;
}

export interface HubOptions {
  dataDir: string;
  tunnel: HostPort;
  socks: HostPort;
  /** Absolute path of a Unix socket that speaks SOCKS, too; null or absent: none. */
  socksSocket?: string | null;
  http: HostPort;
  dashboard: HostPort;
  /** Worker threads beside the front thread; 0 puts both roles on one engine thread. */
  workers: number;
  io: 'auto' | 'epoll' | 'net';
  /** The name or address that pairing links carry; null lets the hub choose. */
  publicHost: string | null;
  /** The owner's rules (docs/rules.example.yaml); null or absent: none. */
  rules?: string | null;
  /** Whether sticky sessions outlive a restart; absent: no. */
  persistSessions?: boolean;
  /** Whether hosts that streams go to are kept, for the owner to see; absent: no. */
  showTargets?: boolean;
  /** Whether the HTTP proxy asks clients for a user name while there are no users; absent: no. */
  askUser?: boolean;
  /** Whether HTTP clients are told which node serves them and at what address; absent: yes. */
  proxyHeaders?: boolean;
  /** Host names besides its address by which browsers may call the dashboard: of a reverse proxy, or of a forwarded port. */
  dashboardHosts?: readonly string[];
  /** Asked for by the dashboard; null or absent: none. */
  dashboardPassword?: string | null;
  log: Logger;
}

export interface RunningHub {
  /** "host:port" as really bound; IPv6 hosts in brackets. */
  readonly addresses: { tunnel: string; socks: string; http: string; dashboard: string };
  /** base64url. */
  readonly publicKey: string;
  /** What the owner sees and does. */
  readonly fleet: Fleet;
  /** Makes a one-time pairing link. */
  pair(options: { name: string | null; ttlMs: number }): { link: string; expiresAt: string };
  /** Reads the rules file again; a bad one changes nothing. */
  reload(): void;
  /** Resolves once every engine thread has answered: never, while one of them hangs. */
  alive(): Promise<void>;
  /** How it goes, in a few words. */
  summary(): string;
  /** GOAWAY, wait for streams up to drainMs, then stop. A second call stops at once. */
  stop(): Promise<void>;
  /** Settles when the hub ended by itself (fatal error). */
  readonly ended: Promise<Error | null>;
}
