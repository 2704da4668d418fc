// What a scenario is, and what it is given to measure one peer with.

import type { Client, Origin } from '../load/loadProcess.ts';
import type { Load, Tally, Way } from '../load/orders.ts';
import { type Spent, spentBetween, type Usage, usageOf } from '../machine/usage.ts';
import type { Detour, PeerName, RunningPeer, Site } from '../peers/peer.ts';

/** One peer, running, and the load processes around it. */
export interface Stage {
  readonly client: Client;
  readonly origin: Origin;
  readonly peer: RunningPeer;
  readonly way: Way;
  readonly site: Site;
  /** Another client and another origin, so that one load does not wait for the other inside them. */
  second(): Promise<{ readonly client: Client; readonly way: Way }>;
}

/** Numbers by metric name; units are in the names. */
export type Numbers = { readonly [metric: string]: number };

export interface Sample {
  readonly numbers: Numbers;
  /** CPU milliseconds of the busy threads, by role. */
  readonly threads?: { readonly [role: string]: Spent['threads'] };
}

export interface Metric {
  readonly key: string;
  readonly label: string;
  /** Digits behind the point in tables. */
  readonly digits: number;
  readonly better: 'lower' | 'higher';
  /** Ratio of ours to the best other tunnel that we mean to reach, where there is one. */
  readonly target?: number;
  /** Ratio of ours to the floor that we mean to reach. */
  readonly floorTarget?: number;
  /** What we mean to reach whatever others do. */
  readonly limit?: number;
}

export interface Case {
  readonly label: string;
  readonly metrics: readonly Metric[];
  /** False for a peer that cannot carry it. */
  readonly suits?: (peer: PeerName) => boolean;
  readonly measure: (stage: Stage) => Promise<Sample>;
}

/** Values of a scenario's options, as text. */
export type Settings = { readonly [option: string]: string };

export interface Option {
  readonly name: string;
  readonly about: string;
  readonly value: string;
}

export interface Variant {
  /** Threads of our hub beside its front. */
  readonly workers: number;
  /** Exit nodes of ours. */
  readonly nodes: number;
  /** The reactor of both. */
  readonly io?: 'epoll' | 'net';
  /** What runs as hub and node: 'source', the one file, or the restunnel.js of another checkout. This checkout's command when it is left out. */
  readonly program?: string;
  /** NATS servers of a cluster that our hub is a member of; none when it is left out. */
  readonly cluster?: string;
}

export interface Scenario {
  readonly name: string;
  readonly about: string;
  readonly options: readonly Option[];
  readonly peers: readonly PeerName[];
  readonly rounds: number;
  /** False: no round before the first that counts. */
  readonly warmUp?: boolean;
  /** Each measurement gets processes of its own: for memory, and for paths that remember. */
  readonly fresh?: boolean;
  /** Ours is measured with each of these instead of once. */
  readonly variants?: readonly Variant[];
  /** Where it all runs, when not on loopback. Each case shapes it as it likes. */
  readonly site?: (settings: Settings) => Promise<{ readonly site: Site; stop(): void }>;
  /** What is missing for it on this machine, or ''. */
  readonly missing?: () => string;
  readonly detour?: (settings: Settings) => Promise<{ detour: Detour; stop(): Promise<void> }>;
  cases(settings: Settings): Case[];
}

/** Reads CPU clocks now; the function it returns reads them again. */
export function meter(stage: Stage): () => Measured {
  const roles = (): { readonly [role: string]: readonly number[] } => ({
    ...stage.peer.pids(),
    client: [stage.client.process.child.pid],
    origin: [stage.origin.process.child.pid],
  });
  const before = usagesOf(roles());
  return () => {
    const after = usagesOf(roles());
    const threads: { [role: string]: Spent['threads'] } = {};
    const cpuMs: { [role: string]: number } = {};
    let total = 0;
    for (const [role, usage] of Object.entries(after)) {
      const spent = spentBetween(before[role] ?? { processes: new Map(), rssBytes: 0 }, usage);
      threads[role] = spent.threads;
      cpuMs[role] = spent.cpuMs;
      if (role !== 'client' && role !== 'origin') total += spent.cpuMs;
    }
    return { peerCpuMs: total, cpuMs, threads };
  };
}

export interface Measured {
  /** Of all processes of the peer: of hub and node together. */
  readonly peerCpuMs: number;
  readonly cpuMs: { readonly [role: string]: number };
  readonly threads: { readonly [role: string]: Spent['threads'] };
}

/** CPU of each role, divided by `units` things done, times `scale`: 'hubCpuMsPerGb' and so on. */
export function perRole(measured: Measured, suffix: string, units: number, scale: number): Numbers {
  const numbers: { [metric: string]: number } = { [`cpu${suffix}`]: (measured.peerCpuMs * scale) / units };
  for (const [role, ms] of Object.entries(measured.cpuMs))
    numbers[`${role}Cpu${suffix}`] = (ms * scale) / units;
  return numbers;
}

function usagesOf(roles: { readonly [role: string]: readonly number[] }): { [role: string]: Usage } {
  return Object.fromEntries(Object.entries(roles).map(([role, pids]) => [role, usageOf(pids)]));
}

/** One load from its first open stream to its end: how it went, and what it cost from `go` on. Throws unless `completed` things were done. */
export async function runLoad(
  stage: Stage,
  name: string,
  { streams, load, completed, timeoutMs }: LoadRun,
): Promise<{ readonly tally: Tally; readonly measured: Measured }> {
  const { client, way } = stage;
  await client.open(name, way, streams, load, timeoutMs);
  const read = meter(stage);
  client.go(name);
  const tally = await client.done(name, timeoutMs);
  const measured = read();
  await client.close(name);
  return { tally: assertWhole(tally, completed), measured };
}

export interface LoadRun {
  readonly streams: number;
  readonly load: Load;
  readonly completed: number;
  readonly timeoutMs: number;
}

/** Throws unless everything that was begun was carried, byte for byte. */
export function assertWhole(tally: Tally, completed: number): Tally {
  if (tally.failed > 0 || tally.completed !== completed) {
    const why = tally.failures.join(', ');
    throw new Error(`${tally.failed} of ${completed} failed (${tally.completed} completed): ${why}`);
  }
  return tally;
}

export function numbersOf(text: string): number[] {
  return text.split(',').map(sizeOf);
}

/** '64', '2G', '10k': powers of 1000. */
export function sizeOf(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([kMG]?)$/.exec(text.trim());
  if (match === null) throw new Error(`"${text}" is not a number (of k, M or G)`);
  return Number(match[1]) * { '': 1, k: 1e3, M: 1e6, G: 1e9 }[match[2] as '' | 'k' | 'M' | 'G'];
}
