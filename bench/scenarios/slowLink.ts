// Slow link: how long small requests wait beside transfers of the same device, on a link as devices have it.

import { setTimeout as sleep } from 'node:timers/promises';
import { SlowLink, slowLinkMissing } from '../link/slowLink.ts';
import type { Latencies } from '../load/orders.ts';
import { type Metric, numbersOf, type Scenario, type Stage, sizeOf } from './scenario.ts';

const TIMEOUT_MS = 120_000;
const REQUEST_BYTES = 64;
const RESPONSE_BYTES = 512;
const ENDLESS_BYTES = 1e12;
/** A device's link is faster towards it. */
const DOWN_PER_UP = 2.5;
/** Until what one load left on the link has gone. */
const REST_MS = 500;
const LOOK_MS = 100;

const METRICS: readonly Metric[] = [
  { key: 'p50AloneMs', label: 'p50 ms alone', digits: 1, better: 'lower' },
  { key: 'p99AloneMs', label: 'p99', digits: 1, better: 'lower' },
  { key: 'p50Ms', label: 'p50 ms beside', digits: 1, better: 'lower' },
  { key: 'p99Ms', label: 'p99', digits: 1, better: 'lower' },
  { key: 'linkPercent', label: 'bulk % of link', digits: 1, better: 'higher' },
  { key: 'busyPercent', label: 'link busy %', digits: 1, better: 'higher' },
  { key: 'answered', label: 'requests', digits: 0, better: 'higher' },
];

export const slowLink: Scenario = {
  name: 'slow-link',
  about: 'latency of small requests beside transfers of the same device on a slow link',
  options: [
    {
      name: 'rates',
      about: 'bits per second from the device; 2.5 times as many to it',
      value: '5M,20M,100M',
    },
    {
      name: 'buffer',
      about: 'milliseconds that wait in front of the link before packets are dropped',
      value: '50',
    },
    { name: 'transfers', about: 'transfers at a time', value: '1,4' },
    { name: 'direction', about: 'down (from the device to the hub), up, or both', value: 'down,up' },
    { name: 'streams', about: 'streams with small requests', value: '4' },
    {
      name: 'congestion',
      about: "TCP's congestion control (bbr, cubic, …) instead of the system's own",
      value: '',
    },
    { name: 'settle', about: 'milliseconds until the transfers are under way', value: '2000' },
    { name: 'measure', about: 'milliseconds of requests', value: '8000' },
    { name: 'requests', about: 'the fewest requests that count', value: '100' },
  ],
  peers: ['restunnel', 'direct', 'ssh', 'shadowsocks'],
  rounds: 1,
  warmUp: false,
  fresh: true,
  variants: [
    { workers: 0, nodes: 1, io: 'epoll' },
    { workers: 0, nodes: 1, io: 'net' },
  ],
  missing: slowLinkMissing,
  site: ({ congestion }) => {
    const link = new SlowLink(congestion ?? '');
    return Promise.resolve({ site: link.site, stop: () => link.stop() });
  },
  cases(settings) {
    const bufferMs = Number(settings.buffer);
    const streams = sizeOf(settings.streams!);
    const settleMs = Number(settings.settle);
    const span: Span = { measureMs: Number(settings.measure), requests: sizeOf(settings.requests!) };
    return numbersOf(settings.rates!).flatMap((rate) =>
      settings.direction!.split(',').flatMap((direction) =>
        numbersOf(settings.transfers!).map((transfers) => ({
          label: `${rate / 1e6} Mbit/s, ${transfers} ${direction === 'up' ? 'uploads' : 'downloads'}`,
          metrics: METRICS,
          async measure(stage: Stage) {
            stage.site.shape!(rate, DOWN_PER_UP * rate, bufferMs);
            await sleep(REST_MS);
            const alone = await requests(stage, streams, { ...span, measureMs: span.measureMs / 4 });
            const { client, way } = stage;
            const load = {
              kind: 'transfer',
              requestBytes: direction === 'up' ? ENDLESS_BYTES : 0,
              responseBytes: direction === 'up' ? 1 : ENDLESS_BYTES,
            } as const;
            await client.open('bulk', way, transfers, load, TIMEOUT_MS);
            client.go('bulk');
            await sleep(settleMs);
            const read = await moved(stage, direction);
            const beside = await requests(stage, streams, span);
            const { bytes, carried, elapsedMs } = await read();
            const bulk = await client.stop('bulk');
            if (bulk.failed > 0) throw new Error(`transfers were lost: ${bulk.failures.join(', ')}`);
            await client.close('bulk');
            const linkBytes = ((direction === 'up' ? DOWN_PER_UP : 1) * rate * elapsedMs) / 8_000;
            return {
              numbers: {
                p50AloneMs: alone.p50 / 1e3,
                p99AloneMs: alone.p99 / 1e3,
                p50Ms: beside.p50 / 1e3,
                p99Ms: beside.p99 / 1e3,
                linkPercent: (bytes / linkBytes) * 100,
                busyPercent: (carried / linkBytes) * 100,
                answered: beside.count,
              },
            };
          },
        })),
      ),
    );
  },
};

interface Span {
  readonly measureMs: number;
  readonly requests: number;
}

/** From load processes of their own, for `measureMs` and until there are enough of them. */
async function requests(stage: Stage, streams: number, { measureMs, requests }: Span): Promise<Latencies> {
  const { client, way } = await stage.second();
  const load = {
    kind: 'exchange',
    requestBytes: REQUEST_BYTES,
    responseBytes: RESPONSE_BYTES,
    inFlight: streams,
    count: null,
  } as const;
  await client.open('requests', way, streams, load, TIMEOUT_MS);
  client.go('requests');
  await sleep(measureMs);
  const deadline = performance.now() + TIMEOUT_MS;
  while ((await client.look('requests')).completed < requests) {
    if (performance.now() > deadline) throw new Error(`fewer than ${requests} requests were answered`);
    await sleep(LOOK_MS);
  }
  const tally = await client.stop('requests');
  await client.close('requests');
  if (tally.failed > 0) throw new Error(`requests failed: ${tally.failures.join(', ')}`);
  return tally.latencies!;
}

interface Moved {
  readonly bytes: number;
  /** By the link, with headers and requests. */
  readonly carried: number;
  readonly elapsedMs: number;
}

/** Starts to count the transfers' bytes on arrival; the function it returns says how many came since, and in what time. */
async function moved(stage: Stage, direction: string): Promise<() => Promise<Moved>> {
  const arrived = async (): Promise<number> => {
    if (direction !== 'up') return (await stage.client.look('bulk')).bytesDown;
    const { process } = stage.origin;
    process.order({ do: 'look' });
    const news = await process.await('origin: so far', TIMEOUT_MS, (one) => one.news === 'so far');
    return news.news === 'so far' ? news.bytesReceived : 0;
  };
  // Uploads go to the device.
  const carried = () => stage.site.carriedBytes!(direction === 'up' ? 'down' : 'up');
  const bytesBefore = await arrived();
  const carriedBefore = carried();
  const startMs = performance.now();
  return async () => {
    const elapsedMs = performance.now() - startMs;
    const carriedNow = carried();
    return { bytes: (await arrived()) - bytesBefore, carried: carriedNow - carriedBefore, elapsedMs };
  };
}
