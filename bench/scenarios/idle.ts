// Idle: what an open stream costs in memory while nothing happens on it, and whether each of very many still answers.

import { setTimeout as sleep } from 'node:timers/promises';
import { usageOf } from '../machine/usage.ts';
import {
  assertWhole,
  type Case,
  type Metric,
  meter,
  numbersOf,
  runLoad,
  type Scenario,
  type Stage,
  sizeOf,
} from './scenario.ts';

const TIMEOUT_MS = 300_000;
const REQUEST_BYTES = 64;
const RESPONSE_BYTES = 512;
const IN_FLIGHT = 64;
/**
 * A process here may have 20,000 descriptors. Shadowsocks needs two of them a stream, and ssh looks through all of its channels
 * again for each new one: it takes minutes to open more.
 */
const OTHERS_STREAMS_MAX = 9_900;

const METRICS: readonly Metric[] = [
  { key: 'hubBytesPerStream', label: 'hub B/stream', digits: 0, better: 'lower', limit: 512 },
  { key: 'nodeBytesPerStream', label: 'node B/stream', digits: 0, better: 'lower', limit: 512 },
  { key: 'hubBaseMegabytes', label: 'hub base MB', digits: 0, better: 'lower' },
  { key: 'nodeBaseMegabytes', label: 'node base MB', digits: 0, better: 'lower' },
  { key: 'idleCpuPercent', label: 'CPU % idle', digits: 2, better: 'lower' },
  { key: 'answered', label: 'answered', digits: 0, better: 'higher' },
];

export const idle: Scenario = {
  name: 'idle',
  about: 'memory of open streams on which nothing happens',
  options: [
    { name: 'streams', about: 'open streams', value: '9500,19000' },
    // Buffers and heap have then the size that work gives them.
    { name: 'before', about: 'short connections before memory is read first', value: '5k' },
    { name: 'settle', about: 'milliseconds before memory is read', value: '3000' },
  ],
  peers: ['restunnel', 'ssh', 'shadowsocks'],
  rounds: 1,
  fresh: true,
  warmUp: false,
  cases(settings) {
    const before = sizeOf(settings.before!);
    const settleMs = Number(settings.settle);
    return numbersOf(settings.streams!).map((streams) => idleCase(streams, before, settleMs));
  },
};

function idleCase(streams: number, before: number, settleMs: number): Case {
  return {
    label: `${streams} streams`,
    metrics: METRICS,
    suits: (peer) => streams <= OTHERS_STREAMS_MAX || peer === 'restunnel',
    async measure(stage) {
      const { client, way } = stage;
      await warmUp(stage, before);
      const base = await memoryOf(stage, settleMs);
      const load = {
        kind: 'exchange',
        requestBytes: REQUEST_BYTES,
        responseBytes: RESPONSE_BYTES,
        inFlight: IN_FLIGHT,
        count: streams,
      } as const;
      await client.open('idle', way, streams, load, TIMEOUT_MS);
      client.go('idle');
      assertWhole(await client.done('idle', TIMEOUT_MS), streams);
      const full = await memoryOf(stage, settleMs);
      const read = meter(stage);
      await sleep(settleMs);
      const idleCpuPercent = (read().peerCpuMs / settleMs) * 100;
      client.go('idle');
      const tally = await client.done('idle', TIMEOUT_MS);
      await client.close('idle');
      assertWhole(tally, 2 * streams);
      return { numbers: { ...growth(base, full, streams), idleCpuPercent, answered: tally.completed / 2 } };
    },
  };
}

async function warmUp(stage: Stage, connections: number): Promise<void> {
  const sizes = { kind: 'fixed', bytes: RESPONSE_BYTES } as const;
  const load = { kind: 'churn', sizes, count: connections } as const;
  await runLoad(stage, 'warm up', {
    streams: IN_FLIGHT,
    load,
    completed: connections,
    timeoutMs: TIMEOUT_MS,
  });
}

type Memory = { readonly [role: string]: number };

/** By role, once nothing has happened for `settleMs`. */
export async function memoryOf(stage: Stage, settleMs: number): Promise<Memory> {
  await sleep(settleMs);
  const roles = Object.entries(stage.peer.pids());
  return Object.fromEntries(roles.map(([role, pids]) => [role, usageOf(pids).rssBytes]));
}

function growth(base: Memory, full: Memory, streams: number): Memory {
  const numbers: { [metric: string]: number } = {};
  for (const [role, bytes] of Object.entries(full)) {
    numbers[`${role}BaseMegabytes`] = base[role]! / 1e6;
    numbers[`${role}BytesPerStream`] = (bytes - base[role]!) / streams;
  }
  return numbers;
}
