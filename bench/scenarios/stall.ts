// Stall: downloads whose clients stop reading, and what the others lose by them.

import { medianOf } from '../report/stats.ts';
import { memoryOf } from './idle.ts';
import type { Sample } from './scenario.ts';
import { type Metric, runLoad, type Scenario, type Stage, sizeOf } from './scenario.ts';

const TIMEOUT_MS = 180_000;
/** More than any window holds. */
const STALLED_BYTES = 1e12;
const REPEATS = 3;

const METRICS: readonly Metric[] = [
  { key: 'lossPercent', label: 'MB/s lost %', digits: 1, better: 'lower', limit: 5 },
  { key: 'cpuGrowthPercent', label: 'CPU/GB more %', digits: 1, better: 'lower', limit: 5 },
  { key: 'megabytesPerSecondAlone', label: 'MB/s alone', digits: 0, better: 'higher' },
  { key: 'megabytesPerSecondBeside', label: 'MB/s beside', digits: 0, better: 'higher' },
  { key: 'hubGrownMegabytesPerStalled', label: 'hub MB/stalled', digits: 2, better: 'lower', limit: 16.8 },
  { key: 'nodeGrownMegabytesPerStalled', label: 'node MB/stalled', digits: 2, better: 'lower', limit: 16.8 },
];

export const stall: Scenario = {
  name: 'stall',
  about: 'downloads beside clients that stop reading',
  options: [
    { name: 'stalled', about: 'downloads that are not read', value: '8' },
    { name: 'streams', about: 'downloads that are', value: '8' },
    { name: 'bytes', about: 'bytes that these download in all', value: '500M' },
    { name: 'settle', about: 'milliseconds until the stalled ones have filled every window', value: '2000' },
  ],
  peers: ['restunnel', 'ssh', 'shadowsocks'],
  rounds: 3,
  cases(settings) {
    const load = {
      stalled: sizeOf(settings.stalled!),
      streams: sizeOf(settings.streams!),
      bytes: sizeOf(settings.bytes!),
      settleMs: Number(settings.settle),
    };
    return [
      {
        label: `${load.streams} downloads beside ${load.stalled} stalled ones`,
        metrics: METRICS,
        measure: (stage) => measureStall(stage, load),
      },
    ];
  },
};

interface StallLoad {
  readonly stalled: number;
  readonly streams: number;
  readonly bytes: number;
  readonly settleMs: number;
}

async function measureStall(stage: Stage, { stalled, streams, bytes, settleMs }: StallLoad): Promise<Sample> {
  const { client, way } = stage;
  const alone: Speed[] = [];
  const beside: Speed[] = [];
  let numbers: { [metric: string]: number } = {};
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    alone.push(await download(stage, streams, bytes));
    const before = repeat === 0 ? await memoryOf(stage, settleMs) : {};
    const load = {
      kind: 'transfer',
      requestBytes: 0,
      responseBytes: STALLED_BYTES,
      stalled: true,
    } as const;
    await client.open('stalled', way, stalled, load, TIMEOUT_MS);
    client.go('stalled');
    const full = await memoryOf(stage, settleMs);
    if (repeat === 0) {
      for (const [role, rss] of Object.entries(full)) {
        numbers[`${role}GrownMegabytesPerStalled`] = (rss - before[role]!) / 1e6 / stalled;
      }
    }
    beside.push(await download(stage, streams, bytes));
    const tally = await client.stop('stalled');
    if (tally.failed > 0) throw new Error(`stalled downloads were lost: ${tally.failures.join(', ')}`);
    await client.close('stalled');
  }
  const median = (speeds: Speed[], key: keyof Speed): number => medianOf(speeds.map((speed) => speed[key]))!;
  const aloneMbs = median(alone, 'megabytesPerSecond');
  const besideMbs = median(beside, 'megabytesPerSecond');
  numbers = {
    ...numbers,
    megabytesPerSecondAlone: aloneMbs,
    megabytesPerSecondBeside: besideMbs,
    lossPercent: (1 - besideMbs / aloneMbs) * 100,
    cpuGrowthPercent: (median(beside, 'cpuMs') / median(alone, 'cpuMs') - 1) * 100,
  };
  return { numbers };
}

interface Speed {
  readonly megabytesPerSecond: number;
  readonly cpuMs: number;
}

async function download(stage: Stage, streams: number, bytes: number): Promise<Speed> {
  const each = Math.ceil(bytes / streams);
  const load = { kind: 'transfer', requestBytes: 0, responseBytes: each } as const;
  const run = { streams, load, completed: streams, timeoutMs: TIMEOUT_MS };
  const { tally, measured } = await runLoad(stage, 'live', run);
  return { megabytesPerSecond: (each * streams) / 1e3 / tally.elapsedMs, cpuMs: measured.peerCpuMs };
}
