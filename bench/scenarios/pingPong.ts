// Ping-pong: small requests and answers over streams that stay open.

import { OTHER_TUNNELS } from '../peers/peer.ts';
import { type Case, type Metric, numbersOf, perRole, runLoad, type Scenario, sizeOf } from './scenario.ts';

const TIMEOUT_MS = 180_000;

const METRICS: readonly Metric[] = [
  {
    key: 'cpuMicrosPerRequest',
    label: 'CPU µs/req',
    digits: 1,
    better: 'lower',
    target: 0.35,
    floorTarget: 1.25,
  },
  { key: 'hubCpuMicrosPerRequest', label: 'hub', digits: 1, better: 'lower' },
  { key: 'nodeCpuMicrosPerRequest', label: 'node', digits: 1, better: 'lower' },
  { key: 'p50Micros', label: 'p50 µs', digits: 0, better: 'lower' },
  { key: 'p99Micros', label: 'p99 µs', digits: 0, better: 'lower', target: 1 },
  { key: 'requestsPerSecond', label: 'req/s', digits: 0, better: 'higher' },
];

export const pingPong: Scenario = {
  name: 'ping-pong',
  about: 'CPU per small request, latency, and what open streams cost it',
  options: [
    { name: 'streams', about: 'open streams', value: '64' },
    { name: 'in-flight', about: 'requests under way at once, at most one a stream', value: '64' },
    { name: 'up', about: 'bytes of a request', value: '64' },
    { name: 'down', about: 'bytes of an answer', value: '512' },
    { name: 'requests', about: 'requests in all', value: '200k' },
  ],
  peers: ['restunnel', 'direct', 'microsocks', 'ssh', 'shadowsocks', 'floor', ...OTHER_TUNNELS],
  rounds: 3,
  cases: (settings) =>
    numbersOf(settings.streams!).map((streams) =>
      pingPongCase({
        streams,
        inFlight: Math.min(sizeOf(settings['in-flight']!), streams),
        requestBytes: sizeOf(settings.up!),
        responseBytes: sizeOf(settings.down!),
        count: sizeOf(settings.requests!),
      }),
    ),
};

export function pingPongCase(load: {
  streams: number;
  inFlight: number;
  requestBytes: number;
  responseBytes: number;
  count: number;
}): Case {
  const { streams, count } = load;
  return {
    label: `${streams} streams, ${load.inFlight} in flight, ${load.requestBytes} B up, ${load.responseBytes} B down`,
    metrics: METRICS,
    async measure(stage) {
      const exchange = { ...load, kind: 'exchange' } as const;
      const run = { streams, load: exchange, completed: count, timeoutMs: TIMEOUT_MS };
      const { tally, measured } = await runLoad(stage, 'ping-pong', run);
      return {
        numbers: {
          ...perRole(measured, 'MicrosPerRequest', count, 1e3),
          p50Micros: tally.latencies!.p50,
          p99Micros: tally.latencies!.p99,
          requestsPerSecond: (count / tally.elapsedMs) * 1e3,
        },
        threads: measured.threads,
      };
    },
  };
}
