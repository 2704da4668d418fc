// Mixed: a crawl. Pages of log-normal sizes over many short connections, beside a few long downloads.

import { type Metric, meter, type Scenario, sizeOf } from './scenario.ts';

const TIMEOUT_MS = 180_000;
const ENDLESS_BYTES = 1e12;
const PAGE_MAX_BYTES = 20e6;

const METRICS: readonly Metric[] = [
  { key: 'cpuSecondsPerGb', label: 'CPU s/GB', digits: 2, better: 'lower' },
  { key: 'pagesPerSecond', label: 'pages/s', digits: 0, better: 'higher' },
  { key: 'p50Micros', label: 'page p50 µs', digits: 0, better: 'lower' },
  { key: 'p99Micros', label: 'p99 µs', digits: 0, better: 'lower' },
  { key: 'longMegabytesPerSecond', label: 'long MB/s', digits: 0, better: 'higher' },
  { key: 'megabytesPerSecond', label: 'all MB/s', digits: 0, better: 'higher' },
];

export const mixed: Scenario = {
  name: 'mixed',
  about: 'a crawl: pages of log-normal sizes over short connections, beside a few long downloads',
  options: [
    { name: 'at-once', about: 'pages under way at once', value: '64' },
    { name: 'pages', about: 'pages in all', value: '10k' },
    { name: 'median', about: 'bytes of the median page', value: '20k' },
    { name: 'sigma', about: "standard deviation of the size's logarithm", value: '1.5' },
    { name: 'long', about: 'long downloads', value: '4' },
  ],
  peers: ['restunnel', 'direct', 'ssh', 'shadowsocks'],
  rounds: 3,
  cases(settings) {
    const pages = sizeOf(settings.pages!);
    const atOnce = sizeOf(settings['at-once']!);
    const long = sizeOf(settings.long!);
    const sizes = {
      kind: 'logNormal',
      medianBytes: sizeOf(settings.median!),
      sigma: Number(settings.sigma),
      maxBytes: PAGE_MAX_BYTES,
    } as const;
    return [
      {
        label: `${pages} pages, ${atOnce} at once, beside ${long} long downloads`,
        metrics: METRICS,
        async measure(stage) {
          const { client, way } = stage;
          const endless = { kind: 'transfer', requestBytes: 0, responseBytes: ENDLESS_BYTES } as const;
          await client.open('long', way, long, endless, TIMEOUT_MS);
          await client.open('pages', way, atOnce, { kind: 'churn', sizes, count: pages }, TIMEOUT_MS);
          const read = meter(stage);
          if (long > 0) client.go('long');
          client.go('pages');
          const tally = await client.done('pages', TIMEOUT_MS);
          const measured = read();
          const bulk = long > 0 ? await client.stop('long') : { bytesDown: 0, failed: 0, elapsedMs: 1 };
          await client.close('pages');
          await client.close('long');
          if (tally.failed + bulk.failed > 0) {
            throw new Error(
              `${tally.failed} pages and ${bulk.failed} long downloads failed: ${tally.failures.join(', ')}`,
            );
          }
          const bytes = tally.bytesDown + bulk.bytesDown;
          return {
            numbers: {
              cpuSecondsPerGb: (measured.peerCpuMs * 1e6) / bytes,
              pagesPerSecond: (pages / tally.elapsedMs) * 1e3,
              p50Micros: tally.latencies!.p50,
              p99Micros: tally.latencies!.p99,
              longMegabytesPerSecond: bulk.bytesDown / 1e3 / bulk.elapsedMs,
              megabytesPerSecond: bytes / 1e3 / tally.elapsedMs,
            },
            threads: measured.threads,
          };
        },
      },
    ];
  },
};
