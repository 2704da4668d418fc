// What clients see when a node or its network goes mute: real programs in namespaces of their own (needs Linux and root). Clients ask for
// small answers all the time; at some moment one of two nodes is lost. node scripts/deadWindow.ts [--clients 10] [--rounds 3]

import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { formatLink, parseLink } from '../src/model/pairingLink.ts';
import {
  type ExitNode,
  endAll,
  eventually,
  type Hub,
  makeLink,
  startHub,
  startNode,
} from '../test/system/harness.ts';
import { Networks, networksMissing, type Site } from '../test/system/networks.ts';
import { Router } from '../test/system/router.ts';
import { Refused, Stream } from '../test/system/stream.ts';
import { Target } from '../test/system/target.ts';

const { values } = parseArgs({
  options: { clients: { type: 'string', default: '10' }, rounds: { type: 'string', default: '3' } },
});
const PORT = 7_007;
const WARM_MS = 4_000;
const LOST_MS = 25_000;

const missing = networksMissing();
if (missing !== '') throw new Error(missing);
const networks = new Networks();

interface Place {
  readonly site: Site;
  readonly target: Target;
}

async function connectFrom({ site }: Place, hub: Hub, port = hub.tunnel.port): Promise<ExitNode> {
  const link = parseLink((await makeLink(hub)).link);
  const links = [formatLink({ ...link, host: site.hubAddress[4], port })];
  return startNode({ links, wrap: site.wrap });
}

interface Asked {
  readonly startMs: number;
  readonly tookMs: number;
  readonly outcome: string;
}

/** Clients that ask one after the other, until `isOver`. */
async function askAll(hub: Hub, isOver: () => boolean): Promise<Asked[]> {
  const asked: Asked[] = [];
  const client = async () => {
    while (!isOver()) {
      const startMs = performance.now();
      const outcome = await Stream.open(hub.socks, PORT, 'send 1000').then(
        ({ over }) => over,
        (error: Error) => (error instanceof Refused ? `refused (${error.reply})` : error.message),
      );
      asked.push({ startMs, tookMs: performance.now() - startMs, outcome });
      await delay(20);
    }
  };
  await Promise.all(Array.from({ length: Number(values.clients) }, client));
  return asked;
}

function summary(asked: readonly Asked[]): object {
  const took = asked.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
  const at = (share: number) =>
    Math.round(took[Math.min(took.length - 1, Math.floor(share * took.length))] ?? -1);
  const failed = asked.filter(({ outcome }) => outcome !== 'end');
  return {
    requests: asked.length,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    maxMs: at(1),
    slowerThanASecond: took.filter((ms) => ms > 1_000).length,
    failed: failed.length,
    how: [...new Set(failed.map(({ outcome }) => outcome))],
  };
}

/** Two nodes, of which one is lost while clients ask. */
async function lose(places: readonly Place[], how: 'mute' | 'vanish'): Promise<object> {
  const hub = await startHub({ args: ['--tunnel', '0.0.0.0:0'] });
  const [lost, stays] = places as [Place, Place];
  const router = await Router.start(lost.site.hubAddress[4], hub.tunnel.port);
  await connectFrom(lost, hub, router.port);
  await connectFrom(stays, hub);
  let isOver = false;
  const asking = askAll(hub, () => isOver);
  await delay(WARM_MS);
  const lostMs = performance.now();
  if (how === 'mute') router.mute();
  else lost.site.vanish();
  await delay(LOST_MS);
  isOver = true;
  const asked = await asking;
  if (how === 'vanish') lost.site.reappear();
  router.close();
  await endAll();
  // Those that were under way are among them.
  const hit = asked.filter(({ startMs, tookMs }) => startMs + tookMs >= lostMs && startMs < lostMs + LOST_MS);
  return { how, before: summary(asked.filter((one) => !hit.includes(one))), after: summary(hit) };
}

/** One node, which has to come back by itself: after how long the hub takes it for connected again. */
async function comeBack(
  place: Place,
  what: 'mute while it sends' | 'mute while idle' | 'another address' | 'another route',
  seed: number,
): Promise<object> {
  const hub = await startHub({ args: ['--tunnel', '0.0.0.0:0'] });
  const { site } = place;
  const isRoute = what === 'another route';
  if (isRoute) site.addSecondUplink();
  const router = await Router.start(isRoute ? networks.hubAddress : site.hubAddress[4], hub.tunnel.port);
  const link = parseLink((await makeLink(hub)).link);
  const host = isRoute ? networks.hubAddress : site.hubAddress[4];
  const port = what.startsWith('mute') ? router.port : hub.tunnel.port;
  const node = await startNode({ links: [formatLink({ ...link, host, port })], wrap: site.wrap });
  if (what === 'mute while it sends') await Stream.open(hub.socks, PORT, 'flood');
  await delay(3_000);
  const lostMs = performance.now();
  if (what.startsWith('mute')) router.mute();
  else if (isRoute) site.useSecondUplink();
  else site.readdress(100 + seed);
  await node.waitForLog(({ msg }) => msg !== 'connected to the hub' && msg !== 'node connected', 60_000);
  const noticedMs = Math.round(performance.now() - lostMs);
  await eventually(
    () =>
      node.log.filter(({ msg }) => msg === 'connected to the hub').length > 1 ||
      Promise.reject(new Error('not yet')),
    60_000,
  );
  const backMs = Math.round(performance.now() - lostMs);
  const said = node.log
    .map(({ msg }) => msg)
    .filter((msg) => msg !== 'connected to the hub' && msg !== 'node connected');
  router.close();
  if (what === 'another address') site.readdress(2);
  if (isRoute) site.removeSecondUplink();
  await endAll();
  return { what, noticedMs, backMs, said };
}

try {
  const places: Place[] = [];
  for (let number = 0; number < 2; number++) {
    const site = networks.addSite();
    places.push({ site, target: await networks.at(site, () => Target.start(PORT)) });
  }
  networks.addAddresses(networks.hubAddress);
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const how of ['mute', 'vanish'] as const) console.log(JSON.stringify(await lose(places, how)));
    for (const what of ['mute while it sends', 'another address', 'another route'] as const)
      console.log(JSON.stringify(await comeBack(places[0]!, what, round)));
  }
  for (const { target } of places) await target.close();
} finally {
  await endAll();
  networks.remove();
}
