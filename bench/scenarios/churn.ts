// Churn: new connections, each of them a SOCKS connect, a small download and the close.

import { OTHER_TUNNELS } from '../peers/peer.ts';
import { type Metric, numbersOf, perRole, runLoad, type Scenario, sizeOf } from './scenario.ts';

const TIMEOUT_MS = 180_000;

const METRICS: readonly Metric[] = [
  {
    key: 'cpuMicrosPerConnection',
    label: 'CPU µs/conn',
    digits: 0,
    better: 'lower',
    target: 0.3,
    floorTarget: 1.25,
  },
  { key: 'hubCpuMicrosPerConnection', label: 'hub', digits: 0, better: 'lower' },
  { key: 'nodeCpuMicrosPerConnection', label: 'node', digits: 0, better: 'lower' },
  { key: 'p50Micros', label: 'p50 µs', digits: 0, better: 'lower' },
  { key: 'p99Micros', label: 'p99 µs', digits: 0, better: 'lower' },
  { key: 'connectionsPerSecond', label: 'conn/s', digits: 0, better: 'higher' },
];

export const churn: Scenario = {
  name: 'churn',
  about: 'CPU per new connection: SOCKS connect, a small download, close',
  options: [
    { name: 'at-once', about: 'connections under way at once', value: '32' },
    { name: 'down', about: 'bytes each downloads', value: '1024' },
    { name: 'connections', about: 'connections in all', value: '10k' },
  ],
  peers: ['restunnel', 'direct', 'microsocks', 'ssh', 'shadowsocks', 'floor', ...OTHER_TUNNELS],
  rounds: 3,
  cases(settings) {
    const bytes = sizeOf(settings.down!);
    const count = sizeOf(settings.connections!);
    return numbersOf(settings['at-once']!).map((atOnce) => ({
      label: `${atOnce} at once, ${bytes} B`,
      metrics: METRICS,
      async measure(stage) {
        const load = { kind: 'churn', sizes: { kind: 'fixed', bytes }, count } as const;
        const run = { streams: atOnce, load, completed: count, timeoutMs: TIMEOUT_MS };
        const { tally, measured } = await runLoad(stage, 'churn', run);
        return {
          numbers: {
            ...perRole(measured, 'MicrosPerConnection', count, 1e3),
            p50Micros: tally.latencies!.p50,
            p99Micros: tally.latencies!.p99,
            connectionsPerSecond: (count / tally.elapsedMs) * 1e3,
          },
          threads: measured.threads,
        };
      },
    }));
  },
};
