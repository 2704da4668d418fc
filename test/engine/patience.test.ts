// Streams of peers that do nothing for long: one that pauses keeps its stream, one that has vanished gives it back.

import { afterEach, describe, expect, test } from 'vitest';
import { ERRNO } from '../../src/reactor/errno.ts';
import type { ConnId } from '../../src/reactor/reactor.ts';
import { testSlab } from '../noise/cipherTwin.ts';
import { Plan } from './failingReactor.ts';
import { Client, Silent } from './memoryPeers.ts';
import type { MemoryReactor } from './memoryReactor.ts';
import { HOST, PATIENCE_MS, PORT, Rig } from './rig.ts';

const HOUR_MS = 3_600_000;
const BODY_BYTES = 2_000_000;
const CONNECT = `CONNECT ${HOST}:80 HTTP/1.1\r\nHost: ${HOST}\r\n`;
const ADA = `Proxy-Authorization: Basic ${btoa('ada:secret')}\r\n`;

/** Says so much as soon as it is taken, and then nothing. */
class Sender extends Silent {
  readonly #reactor: MemoryReactor;
  readonly #slab = testSlab(65_536);
  #left = BODY_BYTES;

  constructor(net: MemoryReactor) {
    super(net);
    this.#reactor = net;
    this.#slab.bytes.fill(0x62);
  }

  override onAccept(conn: ConnId): void {
    super.onAccept(conn);
    this.#send(conn);
  }

  override onWritable(conn?: ConnId): void {
    if (conn !== undefined) this.#send(conn);
  }

  #send(conn: ConnId): void {
    while (this.#left > 0) {
      const taken = this.#reactor.write(conn, this.#slab, 0, Math.min(this.#left, this.#slab.bytes.length));
      if (taken <= 0) return;
      this.#left -= taken;
    }
  }

  get sentBytes(): number {
    return BODY_BYTES - this.#left;
  }
}

let rig: Rig;
let net: MemoryReactor;

function until(done: () => boolean): void {
  if (!net.runUntil(done, net.nowMs + PATIENCE_MS)) throw new Error(`never: ${done} ${net.faults}`);
}

function start(rings: boolean): void {
  rig = new Rig(new Plan(null), rings);
  net = rig.net;
  until(() => rig.up > 0);
}

/** The hub's side of the only stream. */
function hubConn(): ConnId {
  const tunnel = rig.worker.tunnels.at(1);
  for (let slot = 0; slot < tunnel.capacity; slot++)
    if (tunnel.connOf(slot) !== 0) return tunnel.connOf(slot);
  throw new Error('there is no stream');
}

afterEach(() => {
  until(() => Object.values(rig.leftOvers()).every((left) => left === 0));
  expect(net.faults).toEqual([]);
});

describe.each([false, true])('rings: %s', (rings) => {
  test('a client that takes nothing for an hour keeps its stream, and loses no byte', () => {
    start(rings);
    const target = new Sender(net);
    const client = new Client(net, PORT.http, `${CONNECT}\r\n`);
    until(() => client.heard.includes('b'));
    net.pauseRead(client.conn);
    net.runUntil(() => false, net.nowMs + HOUR_MS);
    expect(target.sentBytes).toBeLessThan(BODY_BYTES);
    expect({ streams: rig.exit.streams, lost: rig.lost, over: client.over }).toEqual({
      streams: 1,
      lost: 0,
      over: false,
    });
    net.resumeRead(client.conn);
    until(() => client.heard.length >= BODY_BYTES);
    until(() => client.heard.endsWith('b'.repeat(BODY_BYTES)));
    client.end();
  });

  test('a client that says nothing for an hour keeps its stream as well', () => {
    start(rings);
    const target = new Silent(net);
    const client = new Client(net, PORT.http, `${CONNECT}\r\n`);
    until(() => client.heard.endsWith('\r\n\r\n'));
    net.runUntil(() => false, net.nowMs + HOUR_MS);
    expect({ streams: rig.exit.streams, lost: rig.lost }).toEqual({ streams: 1, lost: 0 });
    client.say('late');
    until(() => target.bytes === 4);
    client.end();
  });

  test('a client whose probes stay unanswered gives back its stream and the place of its user', () => {
    start(rings);
    rig.requireUsers();
    new Silent(net);
    const client = new Client(net, PORT.http, `${CONNECT}${ADA}\r\n`);
    until(() => client.heard.endsWith('\r\n\r\n'));
    const refused = new Client(net, PORT.http, `${CONNECT}${ADA}\r\n`);
    until(() => refused.heard !== '');
    expect(refused.heard).not.toMatch(/^HTTP\/1.1 200/);
    // Nothing arrives any more, and after its probes the kernel says so (tcp(7), TCP_KEEPCNT).
    const conn = hubConn();
    net.lose(client.conn);
    expect(rig.exit.streams).toBe(1);
    net.breakOff(conn, ERRNO.ETIMEDOUT);
    until(() => rig.exit.streams === 0 && rig.load === 0);
    const next = new Client(net, PORT.http, `${CONNECT}${ADA}\r\n`);
    until(() => next.heard.endsWith('\r\n\r\n'));
    expect(next.heard).toMatch(/^HTTP\/1.1 200/);
    for (const one of [client, refused, next]) one.end();
  });
});
