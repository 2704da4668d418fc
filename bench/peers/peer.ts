// A peer: one way for a SOCKS5 client to reach the origin, ours or another program's. Made by the files beside this one, measured by the
// scenarios.

import type { Address } from '../load/orders.ts';

/** The path between a peer's two ends, when something stands on it: given where the far end listens, tells where to dial. */
export type Detour = (listening: Address) => Promise<Address>;

export interface PeerOptions {
  /** For what it must keep on disk; removed by the bench. */
  readonly folder: string;
  /** Threads of our hub; others have no choice. */
  readonly workers: number;
  /** Exit nodes of ours. */
  readonly nodes: number;
  readonly detour: Detour | null;
  /** Node.js options for our hub and node (--cpu-prof …). */
  readonly nodeOptions: readonly string[];
}

export interface RunningPeer {
  /** null: dial the origin itself. */
  readonly proxy: Address | null;
  readonly httpProxy?: Address;
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

export const PEER_NAMES = ['restunnel', 'direct', 'microsocks', 'ssh', 'shadowsocks'] as const;
export type PeerName = (typeof PEER_NAMES)[number];
