// Cold start: what the first connections after a start cost, beside what they cost once everything has been compiled.

import { setTimeout as sleep } from 'node:timers/promises';
import { spentBetween, usageOf } from '../machine/usage.ts';
import {
  type Measured,
  type Metric,
  runLoad,
  type Sample,
  type Scenario,
  type Stage,
  sizeOf,
} from './scenario.ts';

const TIMEOUT_MS = 180_000;
const BYTES = 1_024;

const METRICS: readonly Metric[] = [
  { key: 'readyMs', label: 'ready ms', digits: 0, better: 'lower' },
  { key: 'startCpuMs', label: 'CPU ms before', digits: 0, better: 'lower' },
  { key: 'firstMicros', label: 'µs/conn first 1,000', digits: 0, better: 'lower' },
  { key: 'earlyMicros', label: 'first 5,000', digits: 0, better: 'lower' },
  { key: 'warmMicros', label: 'warm', digits: 0, better: 'lower' },
  { key: 'firstToWarm', label: 'first 1,000 / warm', digits: 2, better: 'lower', limit: 1.6 },
];

export const coldStart: Scenario = {
  name: 'cold-start',
  about: 'CPU of the first connections after a start, and of later ones',
  options: [
    { name: 'at-once', about: 'connections under way at once', value: '64' },
    { name: 'first', about: 'connections that count as the first', value: '1k' },
    { name: 'early', about: 'connections that count as early, the first among them', value: '5k' },
    { name: 'rest', about: 'milliseconds between the start and the first connection', value: '2000' },
    { name: 'warm-up', about: 'connections between the first and the warm ones', value: '25k' },
    { name: 'warm', about: 'connections measured as warm', value: '10k' },
  ],
  peers: ['restunnel', 'floor'],
  rounds: 3,
  fresh: true,
  warmUp: false,
  cases(settings) {
    const streams = sizeOf(settings['at-once']!);
    const first = sizeOf(settings.first!);
    const early = sizeOf(settings.early!);
    const restMs = sizeOf(settings.rest!);
    const warmUp = sizeOf(settings['warm-up']!);
    const warm = sizeOf(settings.warm!);
    return [
      {
        label: `${streams} at once, ${BYTES} B`,
        metrics: METRICS,
        async measure(stage): Promise<Sample> {
          await sleep(restMs);
          const startCpuMs = cpuMsOf(stage);
          const start = await connect(stage, streams, first);
          const firstMicros = microsOf(start) / first;
          const earlyTotal = microsOf(start) + microsOf(await connect(stage, streams, early - first));
          await connect(stage, streams, warmUp);
          const warmMicros = microsOf(await connect(stage, streams, warm)) / warm;
          const { readyMs } = stage.peer;
          return {
            numbers: {
              ...(readyMs === undefined ? {} : { readyMs }),
              ...{ startCpuMs, firstMicros, earlyMicros: earlyTotal / early, warmMicros },
              firstToWarm: firstMicros / warmMicros,
            },
            threads: start.threads,
          };
        },
      },
    ];
  },
};

/** Of its processes since they started. */
function cpuMsOf({ peer }: Stage): number {
  const pids = Object.values(peer.pids()).flat();
  return spentBetween({ processes: new Map(), rssBytes: 0 }, usageOf(pids)).cpuMs;
}

/** What `count` connections cost. */
async function connect(stage: Stage, streams: number, count: number): Promise<Measured> {
  const load = { kind: 'churn', sizes: { kind: 'fixed', bytes: BYTES }, count } as const;
  const { measured } = await runLoad(stage, 'connections', {
    ...{ streams, load, completed: count, timeoutMs: TIMEOUT_MS },
  });
  return measured;
}

function microsOf({ peerCpuMs }: Measured): number {
  return peerCpuMs * 1e3;
}
