// A peer: one way for a SOCKS5 client to reach the origin, ours or another program's. Made by the files beside this one, measured by the
// scenarios.

import type { Address } from '../load/orders.ts';

/** The path between a peer's two ends, when something stands on it: given where the far end listens, tells where to dial. */
export type Detour = (listening: Address) => Promise<Address>;

/** Where a peer's two ends run: ours beside the client, the far one beside the origin. */
export interface Site {
  /** Of our end, as the far end dials it. */
  readonly nearHost: string;
  /** Of the far end, as ours dials it. */
  readonly farHost: string;
  /** In front of a command: it runs at the far end. */
  readonly farCommand: readonly string[];
  /** Where the origin hears the bench. */
  readonly controlHost: string;
  /** The origin's own addresses, and a range of them all. */
  readonly originHosts: readonly string[];
  readonly originRange: string;
  /** From now on its link is so slow: bits per second from the far end and to it, and what waits in front of it. */
  readonly shape?: (up: number, down: number, bufferMs: number) => void;
  /** What that link has carried so far, with the headers of its packets. */
  readonly carriedBytes?: (direction: 'up' | 'down') => number;
}

export interface PeerOptions {
  /** For what it must keep on disk; removed by the bench. */
  readonly folder: string;
  /** Threads of our hub; others have no choice. */
  readonly workers: number;
  /** Exit nodes of ours. */
  readonly nodes: number;
  readonly detour: Detour | null;
  /** Loopback when it is left out. */
  readonly site?: Site;
  /** The reactor of our hub and node, when it is not their own choice. */
  readonly io?: 'epoll' | 'net';
  /** Ours to run, as Variant.program. */
  readonly program?: string;
  /** As Variant.cluster. */
  readonly cluster?: string;
  /** Node.js options for our hub and node (--cpu-prof …). */
  readonly nodeOptions: readonly string[];
}

export interface RunningPeer {
  /** null: dial the origin itself. */
  readonly proxy: Address | null;
  readonly httpProxy?: Address;
  /** From the start of its hub and of its first node until each was ready, together. */
  readonly readyMs?: number;
  /** Its processes by role, as they are now. */
  pids(): { readonly [role: string]: readonly number[] };
  stop(): Promise<void>;
}

export interface Peer {
  readonly name: PeerName;
  /** Programs that must be installed. */
  readonly programs: readonly string[];
  start(options: PeerOptions): Promise<RunningPeer>;
}

/** Each of the origin's addresses has local ports of its own: 19,000 streams to one would need most there are. */
export const LOOPBACK: Site = {
  nearHost: '127.0.0.1',
  farHost: '127.0.0.1',
  farCommand: [],
  controlHost: '127.0.0.1',
  originHosts: ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4'],
  originRange: '127.0.0.0/8',
};

/** Tunnels that no Debian package brings, or an old one: measured where they are on PATH or in $RESTUNNEL_BENCH_PEERS. */
export const OTHER_TUNNELS = ['shadowsocks-rust', 'wstunnel', 'frp', 'chisel', 'rathole', 'v2ray'] as const;

export const PEER_NAMES = [
  ...(['restunnel', 'direct', 'microsocks', 'ssh', 'shadowsocks', 'floor'] as const),
  ...OTHER_TUNNELS,
] as const;
export type PeerName = (typeof PEER_NAMES)[number];
