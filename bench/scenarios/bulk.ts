// Bulk: so many bytes over so many streams, down or up.

import { OTHER_TUNNELS } from '../peers/peer.ts';
import { type Case, type Metric, numbersOf, perRole, runLoad, type Scenario, sizeOf } from './scenario.ts';

const TIMEOUT_MS = 180_000;
/** The origin's answer to an upload. */
const RECEIPT_BYTES = 16;

const METRICS: readonly Metric[] = [
  { key: 'cpuSecondsPerGb', label: 'CPU s/GB', digits: 2, better: 'lower', target: 0.5, floorTarget: 1.12 },
  { key: 'hubCpuSecondsPerGb', label: 'hub', digits: 2, better: 'lower' },
  { key: 'nodeCpuSecondsPerGb', label: 'node', digits: 2, better: 'lower' },
  { key: 'megabytesPerSecond', label: 'MB/s', digits: 0, better: 'higher' },
];

export const bulk: Scenario = {
  name: 'bulk',
  about: 'CPU per gigabyte and throughput of long transfers',
  options: [
    { name: 'streams', about: 'streams at once', value: '1,64' },
    { name: 'direction', about: 'down, up or both', value: 'down,up' },
    { name: 'bytes', about: 'bytes in all', value: '1G' },
  ],
  peers: ['restunnel', 'direct', 'microsocks', 'ssh', 'shadowsocks', 'floor', ...OTHER_TUNNELS],
  rounds: 3,
  cases(settings) {
    const bytes = sizeOf(settings.bytes!);
    return numbersOf(settings.streams!).flatMap((streams) =>
      settings.direction!.split(',').map((direction) => bulkCase(streams, direction, bytes)),
    );
  },
};

export function bulkCase(streams: number, direction: string, bytes: number): Case {
  if (direction !== 'down' && direction !== 'up') throw new Error(`--direction: not "${direction}"`);
  const each = Math.ceil(bytes / streams);
  return {
    label: `${streams} stream${streams === 1 ? '' : 's'} ${direction}`,
    metrics: METRICS,
    async measure(stage) {
      const load = {
        kind: 'transfer',
        requestBytes: direction === 'down' ? 0 : each,
        responseBytes: direction === 'down' ? each : RECEIPT_BYTES,
      } as const;
      const run = { streams, load, completed: streams, timeoutMs: TIMEOUT_MS };
      const { tally, measured } = await runLoad(stage, 'bulk', run);
      const carried = each * streams;
      return {
        numbers: {
          ...perRole(measured, 'SecondsPerGb', carried, 1e6),
          megabytesPerSecond: carried / 1e3 / tally.elapsedMs,
        },
        threads: measured.threads,
      };
    },
  };
}
