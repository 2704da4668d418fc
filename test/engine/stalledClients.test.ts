// Clients that do not read what they asked for: what waits for them stays within its bound, at their own cost.

import { afterEach, describe, expect, test } from 'vitest';
import { IpAddress } from '../../src/base/ipAddress.ts';
import { MEMORY } from '../../src/limits/engine.ts';
import { PROTOCOL } from '../../src/limits/wire.ts';
import type { ConnHandler, ConnId, ListenHandler } from '../../src/reactor/reactor.ts';
import { testSlab } from '../noise/cipherTwin.ts';
import { Plan } from './failingReactor.ts';
import type { MemoryReactor } from './memoryReactor.ts';
import { HOST, PATIENCE_MS, PORT, Rig } from './rig.ts';

/** The windows of four streams. */
const HELD_BYTES = 4 * PROTOCOL.initialWindowBytes;
/** More than a window. */
const DOWNLOAD_BYTES = 2 * PROTOCOL.initialWindowBytes;
const ANSWER_BYTES = 12;

/** Sends a download to each client, once it is told to. */
class Target implements ListenHandler, ConnHandler {
  readonly #net: MemoryReactor;
  readonly #slab = testSlab(DOWNLOAD_BYTES);
  readonly #sent = new Map<ConnId, number>();
  accepted = 0;

  constructor(net: MemoryReactor) {
    this.#net = net;
    net.listen(HOST, 80, this);
  }

  onAccept(conn: ConnId): void {
    this.#net.attach(conn, this, 0);
    this.#sent.set(conn, DOWNLOAD_BYTES);
    this.accepted++;
  }

  start(): void {
    for (const conn of this.#sent.keys()) {
      this.#sent.set(conn, 0);
      this.onWritable(conn);
    }
  }

  onWritable(conn: ConnId): void {
    const sent = this.#sent.get(conn)!;
    const taken = this.#net.write(conn, this.#slab, 0, DOWNLOAD_BYTES - sent);
    if (taken < 0) this.onBroken(conn);
    else this.#sent.set(conn, sent + taken);
    if (taken > 0 && sent + taken < DOWNLOAD_BYTES) this.onWritable(conn);
  }

  onReadable(conn: ConnId): void {
    if (this.#net.read(conn, this.#slab, 0, this.#slab.bytes.length) === 0) this.onBroken(conn);
  }

  onBroken(conn: ConnId): void {
    this.#net.close(conn);
    this.#sent.delete(conn);
  }

  onConnected(): void {}
  onConnectFailed(): void {}
  onListening(): void {}
  onListenFailed(): void {}
  onAcceptFailed(): void {}
}

/** Asks the SOCKS proxy for the target. Reads the answer, and the rest only when it is told to. */
class Client implements ConnHandler {
  readonly conn: ConnId;
  readonly #net: MemoryReactor;
  readonly #slab = testSlab(65_536);
  readonly #answer: number[] = [];
  #reads = false;
  bytes = 0;
  broken = false;

  constructor(net: MemoryReactor) {
    this.#net = net;
    this.conn = net.connect(IpAddress.of(HOST), PORT.socks, 1_000, this, 0);
  }

  /** Of the CONNECT; undefined before it came. */
  get reply(): number | undefined {
    return this.#answer[3];
  }

  read(): void {
    this.#reads = true;
    this.#net.resumeRead(this.conn);
  }

  end(): void {
    this.#net.close(this.conn);
  }

  onConnected(conn: ConnId): void {
    const request = Buffer.from('\x05\x01\x00\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x50', 'latin1');
    this.#slab.bytes.set(request);
    this.#net.write(conn, this.#slab, 0, request.length);
  }

  onReadable(conn: ConnId): void {
    const missing = ANSWER_BYTES - this.#answer.length;
    if (missing === 0 && !this.#reads) {
      this.#net.pauseRead(conn);
      return;
    }
    const read = this.#net.read(conn, this.#slab, 0, missing === 0 ? this.#slab.bytes.length : missing);
    if (read <= 0) this.broken = true;
    else if (missing > 0) this.#answer.push(...this.#slab.bytes.subarray(0, read));
    else this.bytes += read;
  }

  onBroken(): void {
    this.broken = true;
  }

  onConnectFailed(): void {}
  onWritable(): void {}
}

let rig: Rig;
let net: MemoryReactor;
let target: Target;

function until(done: () => boolean): void {
  if (!net.runUntil(done, net.nowMs + PATIENCE_MS)) throw new Error(`never: ${done} ${net.faults}`);
}

function pass(ms: number): void {
  net.runUntil(() => false, net.nowMs + ms);
}

/** So many clients with a stream each. */
function open(count: number): Client[] {
  const { accepted } = target;
  const clients = Array.from({ length: count }, () => new Client(net));
  until(() => clients.every(({ reply }) => reply === 0) && target.accepted === accepted + count);
  return clients;
}

function start(rings: boolean): void {
  rig = new Rig(new Plan(null), rings, undefined, { hubHeldBytes: HELD_BYTES });
  net = rig.net;
  target = new Target(net);
  until(() => rig.up > 0);
}

const shortage = (name: 'reset' | 'refused') => rig.shortages.reduce((sum, one) => sum + one[name], 0);

afterEach(() => {
  until(() => Object.values(rig.leftOvers()).every((left) => left === 0));
  expect(net.faults).toEqual([]);
});

describe.each([false, true])('rings: %s', (rings) => {
  test('past the bound those go that wait; a client that reads gets all, on the same tunnel', () => {
    start(rings);
    const stalled = open(6);
    const [reader] = open(1) as [Client];
    reader.read();
    target.start();
    until(() => reader.bytes === DOWNLOAD_BYTES);
    // What is under way arrives.
    pass(5_000);
    const lost = stalled.filter(({ broken }) => broken).length;
    expect(rig.worker.relay.pool.heldBytes).toBe((stalled.length - lost) * PROTOCOL.initialWindowBytes);
    expect([shortage('reset'), shortage('refused'), reader.broken]).toEqual([lost, 0, false]);
    // Two too many, and a third one if it was the reader's turn to wait for its client.
    expect([2, 3]).toContain(lost);
    for (const client of [...stalled, reader]) client.end();
  });

  test('close to the bound a new stream is refused, until one has stalled for long', () => {
    start(rings);
    const stalled = open(3);
    target.start();
    until(() => rig.worker.relay.pool.heldBytes === 3 * PROTOCOL.initialWindowBytes);
    const refused = new Client(net);
    until(() => refused.reply !== undefined);
    expect([refused.reply, rig.counted.failed, rig.counted.told]).toEqual([1, { hubMemory: 1 }, {}]);
    expect(stalled.filter(({ broken }) => broken)).toEqual([]);
    pass(MEMORY.stalledMs);
    const [late] = open(1) as [Client];
    pass(MEMORY.tellEveryMs);
    expect(stalled.filter(({ broken }) => broken)).toHaveLength(1);
    expect([shortage('reset'), shortage('refused')]).toEqual([1, 1]);
    for (const client of [...stalled, refused, late]) client.end();
  });
});
