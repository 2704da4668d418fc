// Beside bulk: how long small requests wait when long downloads go through the same exit node.

import { setTimeout as sleep } from 'node:timers/promises';
import { assertWhole, type Metric, type Scenario, type Stage, sizeOf } from './scenario.ts';

const TIMEOUT_MS = 180_000;
const REQUEST_BYTES = 64;
const RESPONSE_BYTES = 512;
const ENDLESS_BYTES = 1e12;

const METRICS: readonly Metric[] = [
  { key: 'p50AloneMicros', label: 'p50 µs alone', digits: 0, better: 'lower' },
  { key: 'p50BesideMicros', label: 'beside', digits: 0, better: 'lower' },
  { key: 'p99AloneMicros', label: 'p99 µs alone', digits: 0, better: 'lower' },
  { key: 'p99BesideMicros', label: 'beside', digits: 0, better: 'lower' },
  { key: 'p99Ratio', label: 'ratio', digits: 2, better: 'lower', limit: 3 },
  { key: 'bulkMegabytesPerSecond', label: 'bulk MB/s', digits: 0, better: 'higher' },
];

export const beside: Scenario = {
  name: 'beside',
  about: 'latency of small requests beside long downloads on the same exit node',
  options: [
    { name: 'downloads', about: 'long downloads', value: '8' },
    { name: 'streams', about: 'streams with small requests', value: '8' },
    { name: 'requests', about: 'small requests in all', value: '20k' },
    { name: 'settle', about: 'milliseconds until the downloads are under way', value: '1000' },
  ],
  peers: ['restunnel', 'direct', 'ssh', 'shadowsocks'],
  rounds: 3,
  cases(settings) {
    const downloads = sizeOf(settings.downloads!);
    const streams = sizeOf(settings.streams!);
    const count = sizeOf(settings.requests!);
    const settleMs = Number(settings.settle);
    return [
      {
        label: `${streams} streams beside ${downloads} downloads`,
        metrics: METRICS,
        async measure(stage) {
          const alone = await requests(stage, streams, count);
          const { client, way } = stage;
          const load = { kind: 'transfer', requestBytes: 0, responseBytes: ENDLESS_BYTES } as const;
          await client.open('bulk', way, downloads, load, TIMEOUT_MS);
          client.go('bulk');
          await sleep(settleMs);
          const loaded = await requests(stage, streams, count);
          const bulk = await client.stop('bulk');
          if (bulk.failed > 0) throw new Error(`downloads were lost: ${bulk.failures.join(', ')}`);
          await client.close('bulk');
          return {
            numbers: {
              p50AloneMicros: alone.p50,
              p50BesideMicros: loaded.p50,
              p99AloneMicros: alone.p99,
              p99BesideMicros: loaded.p99,
              p99Ratio: loaded.p99 / alone.p99,
              bulkMegabytesPerSecond: bulk.bytesDown / 1e3 / bulk.elapsedMs,
            },
          };
        },
      },
    ];
  },
};

/** From load processes of their own: the downloads' must not be what is waited for. */
async function requests(stage: Stage, streams: number, count: number) {
  const { client, way } = await stage.second();
  const load = {
    kind: 'exchange',
    requestBytes: REQUEST_BYTES,
    responseBytes: RESPONSE_BYTES,
    inFlight: streams,
    count,
  } as const;
  await client.open('requests', way, streams, load, TIMEOUT_MS);
  client.go('requests');
  const tally = await client.done('requests', TIMEOUT_MS);
  await client.close('requests');
  return assertWhole(tally, count).latencies!;
}
