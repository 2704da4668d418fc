// `restunnel bench workers`: which worker count suits this machine. Sweeps counts on a scratch hub with scratch exit nodes, all on
// loopback, and recommends one.

import { medianOf } from './report/stats.ts';
import { drawRows } from './report/table.ts';
import { runScenario } from './runScenario.ts';
import { bulkCase } from './scenarios/bulk.ts';
import { churn } from './scenarios/churn.ts';
import { pingPongCase } from './scenarios/pingPong.ts';
import type { Scenario } from './scenarios/scenario.ts';

export interface SweepOptions {
  /** Worker counts to try, ascending. */
  readonly counts: readonly number[];
  readonly rounds: number;
  /** How much is carried, against what a two-core machine needs some seconds for. */
  readonly scale: number;
  /** The table so far, whenever a number is added. */
  readonly show: (table: string) => void;
}

export interface Sweep {
  readonly rows: readonly SweepRow[];
  readonly recommended: number;
  readonly why: string;
}

export interface SweepRow {
  readonly workers: number;
  readonly megabytesPerSecond: number | null;
  readonly requestsPerSecond: number | null;
  readonly connectionsPerSecond: number | null;
  readonly cpuSecondsPerGb: number | null;
  readonly p99Micros: number | null;
}

/** Higher is better in the first three, by which counts are compared. */
const COMPARED = ['megabytesPerSecond', 'requestsPerSecond', 'connectionsPerSecond'] as const;
const SHOWN = [...COMPARED, 'cpuSecondsPerGb', 'p99Micros'] as const;
type Shown = (typeof SHOWN)[number];
const LABELS: Readonly<Record<Shown, [label: string, digits: number]>> = {
  megabytesPerSecond: ['MB/s', 0],
  requestsPerSecond: ['requests/s', 0],
  connectionsPerSecond: ['connections/s', 0],
  cpuSecondsPerGb: ['CPU s/GB', 2],
  p99Micros: ['p99 µs', 0],
};
/** Counts this close are called equal, and the smaller one wins: every thread costs memory and wakes. */
const EQUAL_SHARE = 0.95;

export async function sweepWorkers(options: SweepOptions): Promise<Sweep> {
  const samples = new Map<number, Map<Shown, number[]>>();
  for (const count of options.counts) samples.set(count, new Map(SHOWN.map((key) => [key, []])));
  // All counts serve as many exit nodes, so that the most workers have one each.
  const nodes = Math.max(1, ...options.counts);
  options.show(drawSweep(rowsOf(samples)));
  for (let round = 0; round < options.rounds; round++) {
    for (const workers of options.counts) {
      const results = await runScenario(scenario(options.scale), {
        settings: {},
        peers: ['restunnel'],
        rounds: 1,
        variants: [{ workers, nodes }],
        nodeOptions: [],
        warmUp: round === 0,
        progress: () => {},
      });
      for (const { contestants } of results) {
        const numbers = contestants[0]?.samples[0]?.numbers ?? {};
        for (const key of SHOWN) if (key in numbers) samples.get(workers)!.get(key)!.push(numbers[key]!);
      }
      options.show(drawSweep(rowsOf(samples)));
    }
  }
  const rows = rowsOf(samples);
  return { rows, ...recommend(rows) };
}

function scenario(scale: number): Scenario {
  return {
    name: 'sweep',
    about: '',
    options: [],
    peers: ['restunnel'],
    rounds: 1,
    cases: () => [
      bulkCase(64, 'down', Math.round(5e8 * scale)),
      pingPongCase({
        streams: 64,
        inFlight: 64,
        requestBytes: 64,
        responseBytes: 512,
        count: Math.round(60_000 * scale),
      }),
      ...churn.cases({ 'at-once': '32', down: '1024', connections: String(Math.round(6_000 * scale)) }),
    ],
  };
}

function rowsOf(samples: ReadonlyMap<number, ReadonlyMap<Shown, readonly number[]>>): SweepRow[] {
  return [...samples].map(([workers, of]) => ({
    workers,
    megabytesPerSecond: medianOf(of.get('megabytesPerSecond')!),
    requestsPerSecond: medianOf(of.get('requestsPerSecond')!),
    connectionsPerSecond: medianOf(of.get('connectionsPerSecond')!),
    cpuSecondsPerGb: medianOf(of.get('cpuSecondsPerGb')!),
    p99Micros: medianOf(of.get('p99Micros')!),
  }));
}

/** The fewest workers within 5 % of the best, by the geometric mean of the three rates. */
export function recommend(rows: readonly SweepRow[]): { recommended: number; why: string } {
  const scores = rows.map((row) => ({ workers: row.workers, score: scoreOf(row) }));
  const best = scores.reduce((a, b) => (b.score > a.score ? b : a));
  const chosen = scores.find(({ score }) => score >= best.score * EQUAL_SHARE) ?? best;
  const others = scores
    .filter(({ workers }) => workers !== chosen.workers)
    .map(({ workers, score }) => `${workers}: ${Math.round((100 * score) / chosen.score)} %`);
  const compared = others.length === 0 ? '' : `; against it, the others carry ${others.join(', ')}`;
  const equal = chosen.workers === best.workers ? 'the most' : `within 5 % of the most (${best.workers})`;
  return {
    recommended: chosen.workers,
    why: `--workers ${chosen.workers} carries ${equal} by bytes, requests and connections a second together${compared}`,
  };
}

function scoreOf(row: SweepRow): number {
  return COMPARED.reduce((product, key) => product * (row[key] ?? 0), 1) ** (1 / COMPARED.length);
}

export function drawSweep(rows: readonly SweepRow[]): string {
  const head = ['workers', ...SHOWN.map((key) => LABELS[key][0])];
  const body = rows.map((row) => [
    String(row.workers),
    ...SHOWN.map((key) => row[key]?.toFixed(LABELS[key][1]) ?? '…'),
  ]);
  return drawRows([head, ...body]);
}
