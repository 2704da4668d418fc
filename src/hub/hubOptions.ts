// What a hub's engine is started with.

import type { Logger } from 'pino';

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
  log: Logger;
}
