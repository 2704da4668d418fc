// What networks do to a tunnel: cables pulled and put back, addresses that change, packets that vanish, routers that forget. The node comes
// back without help, and streams that cannot go on fail. The cases run side by side and wait up to 45 s.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatLink, parseLink } from '../../src/model/pairingLink.ts';
import {
  type ExitNode,
  endAll,
  eventually,
  type Hub,
  listNodes,
  makeLink,
  startHub,
  startNode,
} from './harness.ts';
import { Networks, networksMissing, type Site } from './networks.ts';
import { rotateNode } from './ownerOf.ts';
import { Router } from './router.ts';
import { httpThrough, Refused, Stream } from './stream.ts';
import { Target } from './target.ts';

/** PING after 30 s of silence, the end 10 s later, and some time for a busy machine. */
const NOTICED_MS = 45_000;
const BYTES = 40_000_000;

const missing = networksMissing();

interface Place {
  readonly site: Site;
  /** On the node's own loopback. */
  readonly target: Target;
}

let networks: Networks;
const places: Place[] = [];

async function start(
  { site }: Place,
  family: 4 | 6,
  viaPort?: (hub: Hub) => Promise<number>,
  args: readonly string[] = [],
): Promise<{ hub: Hub; node: ExitNode }> {
  const host = site.hubAddress[family];
  const bind = family === 6 ? `[${host}]:0` : `${host}:0`;
  const hub = await startHub({ args: ['--tunnel', bind, '--public-host', host] });
  let { link } = await makeLink(hub);
  if (viaPort !== undefined) link = formatLink({ ...parseLink(link), port: await viaPort(hub) });
  return { hub, node: await startNode({ links: [link], wrap: site.wrap, args }) };
}

async function fetchSome(hub: Hub, { target }: Place): Promise<void> {
  const stream = await Stream.open(hub.socks, target.port, 'send 300000');
  expect(await stream.over).toBe('end');
  expect(stream).toMatchObject({ received: 300_000, damaged: false });
}

/** A stream whose target says nothing more, after it has said something. */
async function heldStream(hub: Hub, { target }: Place): Promise<Stream> {
  const known = target.held.length;
  const stream = await Stream.open(hub.socks, target.port, 'hold');
  await eventually(() => target.held.length > known);
  return stream;
}

const times = (program: Hub | ExitNode, sentence: string) =>
  program.log.filter(({ msg }) => msg === sentence).length;

async function onceMore(program: Hub | ExitNode, sentence: string, known: number): Promise<void> {
  await eventually(() => times(program, sentence) > known, NOTICED_MS);
}

/** Service is back, the old session is gone, and nothing broke inside. */
async function recovered(hub: Hub, node: ExitNode, place: Place): Promise<void> {
  await onceMore(hub, 'node connected', 1);
  await onceMore(hub, 'node disconnected', 0);
  await fetchSome(hub, place);
  expect(await listNodes(hub)).toMatchObject([{ connected: true, streams: 0 }]);
  await eventually(() => place.target.open.size === 0);
  expect([...hub.faults(), ...node.faults()]).toEqual([]);
  expect(times(hub, 'node connected')).toBe(2);
  await Promise.all([hub.stop(), node.stop()]);
}

describe.skipIf(missing !== '')(`networks ${missing}`, () => {
  beforeAll(async () => {
    networks = new Networks();
    for (let number = 0; number < 7; number++) {
      const site = networks.addSite();
      places.push({ site, target: await networks.at(site, () => Target.start()) });
    }
  });

  afterAll(async () => {
    await endAll();
    await Promise.all(places.map(({ target }) => target.close()));
    networks.remove();
  });

  test.concurrent('packets vanish: both ends notice, and streams fail for the right reason (IPv6)', {
    timeout: 120_000,
  }, async () => {
    const place = places[0]!;
    const { hub, node } = await start(place, 6);
    await fetchSome(hub, place);
    const held = await heldStream(hub, place);
    place.site.vanish();
    const socks = Stream.open(hub.socks, place.target.port, 'hold').catch((error: unknown) => error);
    const http = httpThrough(hub.http, `http://127.0.0.1:${place.target.port}/`);
    const silence = ({ msg, reason }: { msg: string; reason?: unknown }) =>
      msg === 'the peer is silent' || reason === 'the peer is silent';
    await Promise.all([hub.waitForLog(silence, NOTICED_MS), node.waitForLog(silence, NOTICED_MS)]);
    expect(await held.over).toBe('ECONNRESET');
    expect(await socks).toEqual(new Refused(1));
    const { status, headers } = await http;
    expect(status).toBe(502);
    expect(headers).toMatch(/proxy-status: .*connection_terminated/i);
    await eventually(() => place.target.open.size === 0);
    place.site.reappear();
    await recovered(hub, node, place);
  });

  test.concurrent('another address: the node comes back by itself', { timeout: 120_000 }, async () => {
    const place = places[1]!;
    const { hub, node } = await start(place, 4);
    const held = await heldStream(hub, place);
    expect(hub.log.find(({ msg }) => msg === 'node connected')).toMatchObject({
      from: place.site.nodeAddress[4],
    });
    const other = place.site.readdress(77);
    await hub.waitForLog(({ msg, from }) => msg === 'node connected' && from === other, NOTICED_MS);
    // It has seen so itself; the silence of the hub would have told it much later.
    expect(times(node, 'the address of this device has gone')).toBe(1);
    expect(times(node, 'the peer is silent')).toBe(0);
    expect(await held.over).toBe('ECONNRESET');
    await recovered(hub, node, place);
  });

  test.concurrent('another route: the address stays, and the node asks at once whether its hub is still there', {
    timeout: 120_000,
  }, async () => {
    const place = places[6]!;
    const { site } = place;
    networks.addAddresses(networks.hubAddress);
    site.addSecondUplink();
    const { hubAddress: host } = networks;
    const hub = await startHub({ args: ['--tunnel', `${host}:0`, '--public-host', host] });
    const node = await startNode({ links: [(await makeLink(hub)).link], wrap: site.wrap });
    const held = await heldStream(hub, place);
    expect(hub.log.find(({ msg }) => msg === 'node connected')).toMatchObject({ from: site.nodeAddress[4] });
    site.useSecondUplink();
    await node.waitForLog(({ msg }) => msg.startsWith('the route to the hub has changed'), NOTICED_MS);
    await node.waitForLog(({ msg }) => msg === 'the peer is silent', NOTICED_MS);
    await onceMore(node, 'connected to the hub', 1);
    expect(await held.over).toBe('ECONNRESET');
    await recovered(hub, node, place);
  });

  test.concurrent('a new address that the hub asked for', { timeout: 120_000 }, async () => {
    const place = places[5]!;
    const { site } = place;
    const other = site.nodeAddress[4].replace(/\d+$/, '88');
    const change = `ip addr del ${site.nodeAddress[4]}/24 dev uplink && ip addr add ${other}/24 dev uplink`;
    const { hub, node } = await start(place, 4, undefined, ['--on-rotate', change]);
    const { nodeId } = node.ready;
    await fetchSome(hub, place);
    const rotation = await rotateNode(hub, nodeId, NOTICED_MS);
    expect(rotation).toMatchObject({ nodeId, oldAddress: site.nodeAddress[4], newAddress: other });
    await recovered(hub, node, place);
  });

  test.concurrent('a router that forgets: the node dials again, and the old session ends', {
    timeout: 120_000,
  }, async () => {
    const place = places[2]!;
    let router: Router | undefined;
    const { hub, node } = await start(place, 4, async ({ tunnel }) => {
      router = await Router.start(place.site.hubAddress[4], tunnel.port);
      return router.port;
    });
    const held = await heldStream(hub, place);
    router!.forget();
    await node.waitForLog(({ msg }) => msg === 'the peer is silent', NOTICED_MS);
    // The hub's own bytes for the held stream are not acknowledged, so it may give the old session up before the new one comes.
    await hub.waitForLog(
      ({ msg, reason }) =>
        msg === 'node disconnected' &&
        (reason === 'the peer is silent' || reason === 'a newer session of the same node took its place'),
      NOTICED_MS,
    );
    expect(await held.over).toBe('ECONNRESET');
    await recovered(hub, node, place);
    router!.close();
  });

  test.concurrent.each([
    [4, 3],
    [6, 4],
  ] as const)(
    'a cable pulled and put back: transfers go on (IPv%i)',
    { timeout: 120_000 },
    async (family, at) => {
      const place = places[at]!;
      const { hub, node } = await start(place, family);
      const down = await Stream.open(hub.socks, place.target.port, `send ${BYTES}`);
      const up = await Stream.open(hub.socks, place.target.port, 'sink');
      await eventually(() => down.received > 1_000_000);
      // So that it is not through before the cable is out.
      down.socket.pause();
      up.upload(BYTES);
      await eventually(() => place.target.sunkBytes > 0);
      place.site.unplug();
      down.socket.resume();
      const { received } = await quiet(down);
      expect(received).toBeLessThan(BYTES);
      const waiting = Stream.open(hub.socks, place.target.port, 'send 1000');
      place.site.plug();
      expect(await down.over).toBe('end');
      expect(down).toMatchObject({ received: BYTES, damaged: false });
      expect(await up.over).toBe('end');
      expect(place.target.sunkBytes).toBe(BYTES);
      expect(await (await waiting).over).toBe('end');
      expect(times(hub, 'node disconnected') + times(node, 'the peer is silent')).toBe(0);
      expect(times(node, 'connected to the hub')).toBe(1);
      expect([...hub.faults(), ...node.faults()]).toEqual([]);
      await Promise.all([hub.stop(), node.stop()]);
    },
  );
});

/** Until a download has stopped moving. */
async function quiet(stream: Stream): Promise<{ received: number }> {
  let received = -1;
  await eventually(async () => {
    if (stream.received === received) return true;
    received = stream.received;
    await new Promise((resolve) => setTimeout(resolve, 300));
    return false;
  });
  return { received };
}
