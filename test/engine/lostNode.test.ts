// A node that is lost while its streams are being opened: what the router learns of it, and what is left.

import { expect, test } from 'vitest';
import type { ConnHandler, ConnId } from '../../src/reactor/reactor.ts';
import { testSlab } from '../noise/cipherTwin.ts';
import { Plan } from './failingReactor.ts';
import type { MemoryReactor } from './memoryReactor.ts';
import { HOST, PATIENCE_MS, PORT, Rig } from './rig.ts';

/** Asks by SOCKS5 for a name that nobody ever resolves. */
class Client implements ConnHandler {
  readonly heard: number[] = [];
  over = false;
  readonly #net: MemoryReactor;
  readonly #slab = testSlab(256);
  readonly conn: ConnId;

  constructor(net: MemoryReactor) {
    this.#net = net;
    this.conn = net.connect(HOST, PORT.socks, 1_000, this, 0);
  }

  onConnected(conn: ConnId): void {
    const request = [5, 1, 0, 5, 1, 0, 3, 9, ...Buffer.from('slow.test'), 0, 80];
    this.#slab.bytes.set(request);
    this.#net.write(conn, this.#slab, 0, request.length);
  }

  onReadable(conn: ConnId): void {
    const read = this.#net.read(conn, this.#slab, 0, 256);
    if (read > 0) this.heard.push(...this.#slab.bytes.subarray(0, read));
    else this.end();
  }

  onBroken(): void {
    this.end();
  }

  end(): void {
    this.over = true;
    this.#net.close(this.conn);
  }

  onWritable(): void {}
  onConnectFailed(): void {}
}

test.each([false, true])('the router knows of all it has lost before it lets go, rings: %s', (rings) => {
  const rig = new Rig(new Plan(null), rings);
  const { net } = rig;
  const until = (done: () => boolean) => expect(net.runUntil(done, net.nowMs + PATIENCE_MS)).toBe(true);
  until(() => rig.up > 0);
  const clients = [1, 2, 3, 4].map(() => new Client(net));
  until(() => rig.exit.dialler.count === 4);
  clients[0]!.end();
  rig.cut();
  until(() => clients.every(({ over }) => over));
  // The client that went away has not been noticed: nothing is read of a client whose stream is being opened.
  expect(rig.lostAtUnroute).toEqual([rig.counted.failed.nodeLost]);
  for (const client of clients.slice(1)) expect(client.heard.slice(0, 4)).toEqual([5, 0, 5, 1]);
  until(() => rig.up > 0);
  expect(rig.counted.told).toEqual({});
  until(() => Object.values(rig.leftOvers()).every((left) => left === 0));
  expect(net.faults).toEqual([]);
});
