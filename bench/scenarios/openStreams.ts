// Open streams: what a request costs when few and when very many streams are open, with as many requests under way.

import { type Metric, numbersOf, runLoad, type Scenario, type Stage, sizeOf } from './scenario.ts';

const TIMEOUT_MS = 180_000;
const REQUEST_BYTES = 64;
const RESPONSE_BYTES = 512;

export const openStreams: Scenario = {
  name: 'open-streams',
  about: 'CPU per request beside very many open streams, over that beside few',
  options: [
    { name: 'streams', about: 'few and many', value: '100,9500' },
    { name: 'in-flight', about: 'requests under way at once', value: '64' },
    { name: 'requests', about: 'requests in all', value: '200k' },
  ],
  peers: ['restunnel', 'ssh', 'shadowsocks'],
  rounds: 3,
  cases(settings) {
    const [few, many] = numbersOf(settings.streams!) as [number, number];
    const inFlight = sizeOf(settings['in-flight']!);
    const count = sizeOf(settings.requests!);
    return [
      {
        label: `${few} and ${many} streams, ${inFlight} in flight`,
        metrics: metricsOf(few, many),
        async measure(stage) {
          const microsFew = await microsPerRequest(stage, few, inFlight, count);
          const microsMany = await microsPerRequest(stage, many, inFlight, count);
          return { numbers: { microsFew, microsMany, ratio: microsMany / microsFew } };
        },
      },
    ];
  },
};

function metricsOf(few: number, many: number): Metric[] {
  return [
    { key: 'microsFew', label: `CPU µs/req at ${few}`, digits: 1, better: 'lower' },
    { key: 'microsMany', label: `at ${many}`, digits: 1, better: 'lower' },
    { key: 'ratio', label: 'ratio', digits: 2, better: 'lower', limit: 1.2 },
  ];
}

async function microsPerRequest(
  stage: Stage,
  streams: number,
  inFlight: number,
  count: number,
): Promise<number> {
  const bytes = { requestBytes: REQUEST_BYTES, responseBytes: RESPONSE_BYTES };
  const load = { kind: 'exchange', ...bytes, inFlight, count } as const;
  const run = { streams, load, completed: count, timeoutMs: TIMEOUT_MS };
  const { measured } = await runLoad(stage, 'requests', run);
  return (measured.peerCpuMs * 1e3) / count;
}
