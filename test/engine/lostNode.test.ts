// A node that is lost while its streams are being opened or have no response yet: what the router learns, what clients hear, and
// what is left.

import { afterEach, describe, expect, test } from 'vitest';
import { CLIENT } from '../../src/limits/clients.ts';
import { SESSION } from '../../src/limits/session.ts';
import type { ConnId } from '../../src/reactor/reactor.ts';
import { testSlab } from '../noise/cipherTwin.ts';
import { Plan } from './failingReactor.ts';
import { Client, Silent } from './memoryPeers.ts';
import type { MemoryReactor } from './memoryReactor.ts';
import { HOST, PATIENCE_MS, PORT, Rig } from './rig.ts';

/** Takes nothing. */
class Deaf extends Silent {
  override onAccept(conn: ConnId): void {
    super.onAccept(conn);
    net.pauseRead(conn);
  }
}

/** Says a byte now and then, and never ends. */
class Talker extends Silent {
  readonly #reactor: MemoryReactor;
  readonly #byte = testSlab(1);

  constructor(net: MemoryReactor) {
    super(net);
    this.#reactor = net;
  }

  override onAccept(conn: ConnId): void {
    super.onAccept(conn);
    const say = () => {
      if (this.#reactor.write(conn, this.#byte, 0, 1) >= 0) this.#reactor.setTimer(100, { onTimer: say }, 0);
    };
    say();
  }
}

/** By SOCKS5, for a name that nobody ever resolves. */
const OPENING = `\x05\x01\x00\x05\x01\x00\x03\x09slow.test\x00\x50`;

let rig: Rig;
let net: MemoryReactor;

function until(done: () => boolean): void {
  if (!net.runUntil(done, net.nowMs + PATIENCE_MS)) throw new Error(`never: ${done} ${net.faults}`);
}

function start(rings: boolean, held: { nodeHeldBytes?: number } = {}): void {
  rig = new Rig(new Plan(null), rings, undefined, held);
  net = rig.net;
  until(() => rig.up > 0);
}

afterEach(() => {
  until(() => rig.up > 0);
  until(() => Object.values(rig.leftOvers()).every((left) => left === 0));
  expect(net.faults).toEqual([]);
});

describe.each([false, true])('rings: %s', (rings) => {
  test('the router knows all lost streams before it lets go of the session', () => {
    start(rings);
    const clients = [1, 2, 3, 4].map(() => new Client(net, PORT.socks, OPENING));
    until(() => rig.exit.dialler.count === 4);
    clients[0]!.end();
    rig.cut();
    until(() => clients.every(({ over }) => over));
    // Whether the client that went away was noticed or not.
    expect(rig.counted.failed.nodeLost).toBeGreaterThanOrEqual(3);
    expect(rig.lostAtUnroute).toEqual([rig.counted.failed.nodeLost]);
    for (const { heard } of clients.slice(1)) expect(heard.slice(0, 4)).toBe('\x05\x00\x05\x01');
    expect(rig.counted.told).toEqual({});
  });

  test('the hub gives up a silent node long before an idle one, and requests that have not begun fail', () => {
    start(rings);
    const { conn } = rig.worker.tunnels.at(1);
    // It has answered a PING: its round trip is known.
    until(() => rig.worker.tunnels.at(1).session.roundTripMs >= 0);
    net.lose(conn);
    const sinceMs = net.nowMs;
    const clients = [1, 2].map(() => new Client(net, PORT.socks, OPENING));
    until(() => clients.every(({ over }) => over));
    expect(net.nowMs - sinceMs).toBeLessThan(2 * (SESSION.askedPingMinMs + SESSION.askedDeadMinMs));
    for (const { heard } of clients) expect(heard.slice(0, 4)).toBe('\x05\x00\x05\x01');
    // They would have gone elsewhere before, but there is no other node.
    expect(rig.counted.failed).toEqual({ nodeSilent: 2, nodeLost: 2 });
    expect(rig.lost).toBe(1);
  });

  test('a node from which nothing comes is slow and not gone while its TCP acknowledges', () => {
    start(rings);
    const { conn } = rig.worker.tunnels.at(1);
    net.lose(conn);
    const sinceMs = net.nowMs;
    const client = new Client(net, PORT.socks, OPENING);
    const acknowledge = () => {
      net.acknowledge(conn, 1);
      if (rig.lost === 0) net.setTimer(SESSION.askedDeadMinMs / 2, { onTimer: acknowledge }, 0);
    };
    acknowledge();
    until(() => client.over);
    // As long as any silence may last.
    expect(net.nowMs - sinceMs).toBeGreaterThan(SESSION.pingAfterSilenceMs);
  });

  test('a node whose bytes nobody answers notices that its hub is gone, long before an idle one', () => {
    start(rings);
    new Talker(net);
    const head = `\x05\x01\x00\x05\x01\x00\x03${String.fromCharCode(HOST.length)}${HOST}\x00\x50`;
    const client = new Client(net, PORT.socks, head);
    until(() => client.heard.length > 20);
    const { session, conn } = rig.worker.tunnels.at(1);
    until(() => session.roundTripMs >= 0);
    // Small answers owe the node nothing: its hub lives, and says so when it is asked.
    const goodMs = net.nowMs;
    until(() => net.nowMs - goodMs > 4 * SESSION.askedDeadMinMs);
    expect(rig.exit.streams).toBe(1);
    net.lose(conn);
    const sinceMs = net.nowMs;
    until(() => rig.exit.streams === 0);
    expect(net.nowMs - sinceMs).toBeLessThan(2 * (SESSION.askedPingMinMs + SESSION.askedDeadMinMs));
    // The hub was owed nothing, and waits as long as for an idle node.
    expect(rig.lost).toBe(0);
    until(() => client.over);
  });

  test('a node whose network has changed finds out whether its hub is still there, idle or not', () => {
    start(rings);
    const { number, conn, session } = rig.worker.tunnels.at(1);
    until(() => session.roundTripMs >= 0);
    const goodMs = net.nowMs;
    rig.doubt();
    until(() => net.nowMs - goodMs > 2 * SESSION.doubtedDeadMinMs);
    expect(rig.worker.tunnels.at(1).number).toBe(number);
    net.lose(conn);
    const sinceMs = net.nowMs;
    rig.doubt();
    until(() => rig.connected > 1);
    expect(net.nowMs - sinceMs).toBeLessThan(SESSION.askedDeadMinMs);
  });

  test('a request with the largest body that the hub keeps ends like any other', () => {
    start(rings);
    net.roomBytes = 1_000_000;
    const target = new Silent(net);
    const body = CLIENT.earlyBytesMax + CLIENT.httpHeadMaxBytes - 1_024;
    const request = `PUT http://${HOST}/ HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: ${body}\r\n\r\n${'b'.repeat(body)}`;
    const large = new Client(net, PORT.http, request);
    until(() => target.bytes >= body);
    large.say(`GET http://${HOST}/${'n'.repeat(200_000)}`);
    const others = [1, 2].map(() => new Client(net, PORT.socks, OPENING));
    until(() => rig.exit.dialler.count === 2);
    rig.cut();
    until(() => [large, ...others].every(({ over }) => over));
    expect(large.heard).toMatch(/^HTTP\/1\.1 502 /);
    for (const { heard } of others) expect(heard.slice(0, 4)).toBe('\x05\x00\x05\x01');
  });

  test('a node gives up streams that hold more bytes than it has room for: dialling or open', () => {
    start(rings, { nodeHeldBytes: 10_000 });
    const put = (host: string) =>
      `PUT http://${host}/ HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 200000\r\n\r\n${'b'.repeat(60_000)}`;
    const dialling = new Client(net, PORT.http, put('slow.test'));
    until(() => dialling.over);
    expect(dialling.heard).toMatch(/^HTTP\/1\.1 503 /);
    const target = new Deaf(net);
    const open = new Client(net, PORT.http, put(HOST));
    until(() => open.over);
    expect(target.bytes).toBe(0);
    expect(rig.exit.streams).toBe(0);
  });
});
