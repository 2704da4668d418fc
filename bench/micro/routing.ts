// What it costs to choose the node of a stream, with 1 to 10,000 nodes connected: without a wish, by a tag, by name, by session, and with
// a user name that came before.

import type { Bench } from 'tinybench';
import { unknownNode } from '../../src/routing/nodeRouting.ts';
import type { RoutingRequest } from '../../src/routing/request.ts';
import { Router } from '../../src/routing/router.ts';
import { parseUsername } from '../../src/routing/username.ts';
import { UsernameCache } from '../../src/routing/usernameCache.ts';

const NODES = [1, 10, 100, 1_000, 10_000];
/** Distinct names that take turns, and picks of one measurement, so that the clock's own cost is none of them. */
const NAMES = 1_000;
const BATCH = 100;

export function addRouting(bench: Bench): void {
  for (const nodes of NODES) {
    const load = new Int32Array(nodes).fill(1);
    const open = Array.from({ length: nodes }, (_, at) => at);
    let turn = 0;
    const clock = { nowMs: 0 };
    const router = new Router({
      figures: {
        load: (index) => load[index]!,
        isSilent: () => false,
        succeeded: () => 0,
        failed: () => 0,
        roundTripMs: (index) => 10 + (index % 200),
        bytes: () => 0,
      },
      nowMs: () => clock.nowMs,
      random: Math.random,
    });
    for (let at = 0; at < nodes; at++) {
      const nodeId = `n${at}`;
      router.describe({ ...unknownNode(nodeId), tags: [`t${at % 4}`], country: at % 3 === 0 ? 'DE' : 'FR' });
      router.add({ index: at, number: at, worker: 0, nodeId, speaksUdp: true });
    }
    for (let pass = 0; pass < 2 * Math.ceil(nodes / 1_000); pass++) clock.nowMs += router.sample();

    const pick = (request: RoutingRequest) => {
      const route = router.pick(request, 'example.org');
      if (typeof route === 'string') throw new Error(route);
      // Streams begin and end: as many as there are nodes stay open.
      load[open[turn]!]!--;
      open[turn] = route.index;
      load[route.index]!++;
      turn = (turn + 1) % nodes;
    };
    const add = (what: string, requests: readonly RoutingRequest[]) => {
      let at = 0;
      bench.add(`routing: ${BATCH} picks, ${what}, ${nodes} nodes`, () => {
        for (let picked = 0; picked < BATCH; picked++) pick(requests[at++ % requests.length]!);
      });
    };
    add('no wish', [read('me')]);
    add('a tag and a country', [read('me-tag-t0-country-de')]);
    add(
      'by name',
      many((at) => `me-node-n${at % nodes}`),
    );
    add(
      'by session',
      many((at) => `me-session-s${at}`),
    );
  }
  const cache = new UsernameCache();
  const names = Array.from({ length: NAMES }, (_, at) => `me-country-de-session-s${at}`);
  bench.add(`routing: ${BATCH} user names that came before`, () => {
    for (let at = 0; at < BATCH; at++) cache.parse(names[at]!);
  });
  bench.add(`routing: ${BATCH} user names that never came before`, () => {
    for (let at = 0; at < BATCH; at++) parseUsername(names[at]!);
  });
}

function many(name: (at: number) => string): RoutingRequest[] {
  return Array.from({ length: NAMES }, (_, at) => read(name(at)));
}

function read(username: string): RoutingRequest {
  return parseUsername(username) as RoutingRequest;
}
