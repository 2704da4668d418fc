// Long path: one download while a relay between node and hub delays every byte and lets only so many through.

import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startChild, until } from '../machine/child.ts';
import { freePort } from '../machine/ports.ts';
import type { Detour } from '../peers/peer.ts';
import { assertWhole, type Metric, meter, type Scenario, type Settings, sizeOf } from './scenario.ts';

const TIMEOUT_MS = 300_000;
const RELAY = fileURLToPath(new URL('../relay/relay.ts', import.meta.url));

const METRICS: readonly Metric[] = [
  { key: 'pathPercent', label: '% of the path', digits: 1, better: 'higher', limit: 90 },
  { key: 'steadyPercent', label: 'once under way', digits: 1, better: 'higher', limit: 90 },
  { key: 'megabytesPerSecond', label: 'MB/s', digits: 1, better: 'higher' },
  { key: 'cpuSecondsPerGb', label: 'CPU s/GB', digits: 2, better: 'lower' },
];

export const longPath: Scenario = {
  name: 'long-path',
  about: 'one download across a long, fat path between node and hub',
  options: [
    { name: 'round-trip', about: 'milliseconds there and back', value: '200' },
    { name: 'rate', about: 'bits per second each way', value: '200M' },
    { name: 'bytes', about: 'bytes to download', value: '400M' },
    { name: 'settle', about: 'milliseconds until it counts as under way', value: '4000' },
  ],
  peers: ['restunnel', 'ssh', 'shadowsocks'],
  rounds: 1,
  warmUp: false,
  fresh: true,
  detour: startRelay,
  cases(settings) {
    const bytes = sizeOf(settings.bytes!);
    const rate = sizeOf(settings.rate!);
    const settleMs = Number(settings.settle);
    return [
      {
        label: `${settings['round-trip']} ms, ${rate / 1e6} Mbit/s`,
        metrics: METRICS,
        async measure(stage) {
          const { client, way } = stage;
          const load = { kind: 'transfer', requestBytes: 0, responseBytes: bytes } as const;
          await client.open('download', way, 1, load, TIMEOUT_MS);
          const read = meter(stage);
          client.go('download');
          await sleep(settleMs);
          const early = await client.look('download');
          const tally = await client.done('download', TIMEOUT_MS);
          const measured = read();
          await client.close('download');
          assertWhole(tally, 1);
          const bitsPerMs = rate / 1e3;
          const steadyMs = tally.elapsedMs - early.elapsedMs;
          const share = (part: number, ms: number): number => ((part * 8) / (bitsPerMs * ms)) * 100;
          return {
            numbers: {
              pathPercent: share(bytes, tally.elapsedMs),
              ...(steadyMs > 0 && early.bytesDown < bytes
                ? { steadyPercent: share(bytes - early.bytesDown, steadyMs) }
                : {}),
              megabytesPerSecond: bytes / 1e3 / tally.elapsedMs,
              cpuSecondsPerGb: (measured.peerCpuMs * 1e6) / bytes,
            },
            threads: measured.threads,
          };
        },
      },
    ];
  },
};

/** One relay process for each peer that asks. */
async function startRelay(settings: Settings): Promise<{ detour: Detour; stop(): Promise<void> }> {
  const stops: (() => Promise<void>)[] = [];
  const oneWayMs = String(Number(settings['round-trip']) / 2);
  return {
    async detour({ host, port }) {
      const own = await freePort();
      const args = [String(own), host, String(port), oneWayMs, String(sizeOf(settings.rate!))];
      const child = startChild('relay', process.execPath, [RELAY, ...args]);
      stops.push(() => child.stop());
      await until('relay listening', child, 20_000, () =>
        child.output().includes('listening') ? true : null,
      );
      return { host: '127.0.0.1', port: own };
    },
    async stop() {
      for (const stop of stops) await stop();
    },
  };
}
