// The exit's associations without a tunnel: names, policy, who may answer, expiry, and the bounds of their pure parts.

import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { Endpoint } from '../../src/base/endpoint.ts';
import { IpAddress } from '../../src/base/ipAddress.ts';
import type { Tunnels } from '../../src/engine/tunnels.ts';
import { UDP } from '../../src/limits/datagrams.ts';
import { NODE } from '../../src/limits/node.ts';
import { PROTOCOL } from '../../src/limits/wire.ts';
import { datagramHeaderBytes, readEndpoint } from '../../src/model/datagramAddress.ts';
import { parseAllowRule } from '../../src/node/allowRule.ts';
import type { ExitTunnel } from '../../src/node/exitTunnel.ts';
import { NameCache } from '../../src/node/nameCache.ts';
import { TargetPolicy } from '../../src/node/targetPolicy.ts';
import { UdpExit } from '../../src/node/udpExit.ts';
import { UdpNames } from '../../src/node/udpNames.ts';
import { PeerRoom, UdpPeers } from '../../src/node/udpPeers.ts';
import { endpointOf } from '../base/endpointOf.ts';
import { MemoryReactor } from '../engine/memoryReactor.ts';
import { testSlab } from '../noise/cipherTwin.ts';
import { datagramPayload } from '../tunnel/framesTwin.ts';
import { naiveAddress } from './naivePolicy.ts';

const PORT = 53;

describe('associations', () => {
  let net: MemoryReactor;
  let exit: UdpExit;
  let tunnel: ExitTunnel;
  let lookups: [name: string, query: number][];
  /** The session of every question to the policy. */
  let askedFor: number[];
  let heard: string[];
  let answered: string[];
  let aborted: number[];
  let dropped: () => number;
  /** How long the answers of whoever is sent to are; null: as long as what came. */
  let answerBytes: number[] | null;

  beforeEach(() => {
    net = new MemoryReactor();
    lookups = [];
    heard = [];
    answered = [];
    answerBytes = null;
    aborted = [];
    const slab = testSlab(65_536);
    const session = {
      counters: { datagramsDropped: 0 },
      nowMs: 0,
      inbound: { slab },
      abort: (slot: number) => aborted.push(slot),
      sendDatagram: (_slot: number, bytes: Uint8Array, start: number, end: number) => {
        answered.push(Buffer.from(bytes.subarray(start, end)).toString('latin1'));
        return true;
      },
    };
    dropped = () => session.counters.datagramsDropped;
    tunnel = { index: 5, associations: 0, session, tagOf: (slot: number) => slot } as unknown as ExitTunnel;
    askedFor = [];
    const policy = new TargetPolicy({
      allow: ['127.0.0.1', '127.0.0.3'].map(parseAllowRule),
      ownAddresses: [],
      hubAddresses: ['192.0.2.9'],
    });
    exit = new UdpExit({
      reactor: net,
      tunnels: { touch() {} } as unknown as Tunnels<ExitTunnel>,
      policy: {
        check: (address, port, index) => {
          askedFor.push(index);
          return policy.check(address, port, index);
        },
      },
      cache: new NameCache(),
      lookup: (name, query) => lookups.push([name, query]),
    });
    // Whoever is sent to hears it; 127.0.0.3 and a stranger answer.
    for (const address of ['127.0.0.1', '127.0.0.3']) listen(address);
  });

  function listen(address: string): void {
    const slab = testSlab(65_536);
    const from = new Endpoint();
    net.udp.bind(
      address,
      PORT,
      {
        onBound() {},
        onBindFailed() {},
        onDatagrams(udp) {
          const length = net.udp.receive(udp, slab, 0, 65_536, from);
          heard.push(`${address} ${Buffer.from(slab.bytes.subarray(0, length)).toString()}`);
          for (const bytes of answerBytes ?? [length]) net.udp.send(udp, slab, 0, bytes, from);
        },
      },
      0,
    );
  }

  function send(to: string | number[], text: string, slot = 1): void {
    const payload = datagramPayload(to, PORT, Buffer.from(text));
    tunnel.session.inbound.slab.bytes.set(payload);
    exit.onDatagram(tunnel, slot, 0, payload.length, datagramHeaderBytes(payload, 0, payload.length));
  }

  function settle(): void {
    net.runUntil(() => false, net.nowMs + 100);
  }

  test('send to an address; a refused one gets nothing', () => {
    exit.open(tunnel, 1);
    send([127, 0, 0, 1], 'a');
    send([127, 0, 0, 2], 'private');
    send([192, 0, 2, 9], 'the hub');
    send([255, 255, 255, 255], 'everybody');
    send([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1], 'mapped');
    settle();
    expect(heard).toEqual(['127.0.0.1 a', '127.0.0.1 mapped']);
    expect(dropped()).toBe(3);
    expect(answered.map((one) => one.slice(7))).toEqual(['a', 'mapped']);
  });

  test("the policy decides by the datagram's session", () => {
    exit.open(tunnel, 1);
    send([127, 0, 0, 1], 'a');
    send('target.test', 'b');
    exit.onLookup(-1, ['127.0.0.1', '127.0.0.3'], 'internal');
    expect(askedFor).toEqual([5, 5]);
  });

  test('an answer from IPv4 may fill the record: its header is short', () => {
    const largest = PROTOCOL.recordMaxBytes - PROTOCOL.tagBytes - PROTOCOL.frameHeaderBytes - 7;
    exit.open(tunnel, 1);
    answerBytes = [largest, largest + 1];
    send([127, 0, 0, 1], 'a');
    settle();
    expect(answered.map((one) => one.length)).toEqual([7 + largest]);
    expect(dropped()).toBe(1);
  });

  test('send to a name: the first few datagrams wait for its address, which is asked for once', () => {
    exit.open(tunnel, 1);
    exit.open(tunnel, 2);
    for (let n = 0; n < UDP.heldMax + 2; n++) send('Target.test', `${n}`);
    send('target.test.', 'other', 2);
    expect(lookups).toEqual([['target.test', -1]]);
    expect(dropped()).toBe(2);
    exit.close(tunnel, 2);
    exit.onLookup(-1, ['127.0.0.2', '127.0.0.3'], 'internal');
    for (let n = 0; n < 8; n++) settle();
    // The first is refused by policy.
    expect(heard).toEqual(['127.0.0.3 0', '127.0.0.3 1', '127.0.0.3 2', '127.0.0.3 3']);
    send('target.test', 'cached');
    settle();
    expect(heard.at(-1)).toBe('127.0.0.3 cached');
    expect(lookups.length).toBe(1);
  });

  test('drop datagrams to a name that is refused, unknown, invalid, or not answered in time', () => {
    exit.open(tunnel, 1);
    send('private.test', 'x');
    exit.onLookup(-1, ['127.0.0.2', '10.0.0.1'], 'internal');
    expect(dropped()).toBe(1);
    send('missing.test', 'x');
    exit.onLookup(-2, null, 'nameNotFound');
    expect(dropped()).toBe(2);
    send('missing.test', 'x');
    expect(dropped()).toBe(3);
    send('fe80::1%eth0', 'x');
    send('no..name', 'x');
    expect(dropped()).toBe(5);
    send('slow.test', 'x');
    net.runUntil(() => false, net.nowMs + NODE.dnsTimeoutMs + 1_000);
    expect(dropped()).toBe(6);
    exit.onLookup(-3, ['127.0.0.1'], 'internal');
    settle();
    expect(heard).toEqual([]);
    expect(lookups.map(([name]) => name)).toEqual(['private.test', 'missing.test', 'slow.test']);
  });

  test('take answers only from addresses that were sent to', () => {
    exit.open(tunnel, 1);
    send([127, 0, 0, 1], 'hello');
    settle();
    expect(answered.length).toBe(1);
    // The exit's socket, as the one that was sent to saw it.
    const stranger = net.udp.bind('127.0.0.2', 9, { onBound() {}, onBindFailed() {}, onDatagrams() {} }, 0);
    const slab = testSlab(8);
    for (let port = 40_000; port < 40_010; port++)
      net.udp.send(stranger, slab, 0, 8, endpointOf('0.0.0.0', port));
    settle();
    expect(answered.length).toBe(1);
    expect(dropped()).toBe(1);
  });

  test('end by themselves when a hub forgets them', () => {
    exit.open(tunnel, 1);
    exit.open(tunnel, 2);
    const half = UDP.nodeIdleMs / 2;
    net.runUntil(() => false, net.nowMs + half);
    send([127, 0, 0, 1], 'still here');
    net.runUntil(() => aborted.length > 0, net.nowMs + half + 10_000);
    expect(aborted).toEqual([2]);
    expect([exit.count, tunnel.associations]).toEqual([1, 1]);
    net.runUntil(() => aborted.length > 1, net.nowMs + UDP.nodeIdleMs);
    expect(aborted).toEqual([2, 1]);
    expect(exit.count).toBe(0);
  });

  test('are bounded for each session', () => {
    for (let slot = 0; slot < UDP.associationsPerSession; slot++) expect(exit.open(tunnel, slot)).toBe(true);
    expect(exit.open(tunnel, UDP.associationsPerSession)).toBe(false);
    exit.close(tunnel, 7);
    expect(exit.open(tunnel, UDP.associationsPerSession)).toBe(true);
  });
});

test('policy: an address in numbers gets the same answer as in text', () => {
  const policy = new TargetPolicy({
    allow: [parseAllowRule('10.1.0.0/16:53')],
    ownAddresses: ['203.0.113.7', '2a00::7'],
    hubAddresses: ['8.8.4.4'],
  });
  const address = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.constantFrom('10.1.2.3', '10.2.2.3', '8.8.4.4', '8.8.8.8', '2a00::7', '2a00::8', '64:ff9b::a00:1'),
    fc.ipV4().map((ipv4) => `::ffff:${ipv4}`),
  );
  fc.assert(
    fc.property(address, fc.constantFrom(53, 80), (text, port) => {
      const { version, value } = naiveAddress(text)!;
      const hex = value.toString(16).padStart(version === 4 ? 8 : 32, '0');
      const header = datagramPayload([...Buffer.from(hex, 'hex')], port, []);
      const read = new Endpoint();
      readEndpoint(header, 0, read);
      const parsed = IpAddress.of(text);
      expect(policy.check(read.address, read.port, 0)).toBe(policy.check(parsed, port, 0));
      expect([read.address.toString(), read.port]).toEqual([parsed.toString(), port]);
    }),
    { numRuns: 2_000 },
  );
});

test('peers: the last ones are known, more while there is room, and strangers never', () => {
  const address = fc.oneof(
    fc.nat({ max: 40 }).map((n) => `10.0.0.${n}`),
    fc.nat({ max: 40 }).map((n) => `2001:db8::${n.toString(16)}`),
  );
  const size = fc.constantFrom(4, 8, 16);
  fc.assert(
    fc.property(fc.array(address, { maxLength: 100 }), size, size, fc.integer(), (added, own, more, seed) => {
      const max = Math.max(own, more);
      const room = new PeerRoom(2 * max);
      const both = [1, 2].map(() => new UdpPeers(own, max, room, seed));
      for (const [at, one] of added.entries()) {
        for (const peers of both) peers.add(endpointOf(one, PORT));
        expect(room.slots).toBeGreaterThanOrEqual(0);
        const seen = [...new Set(added.slice(0, at + 1).reverse())];
        for (const peers of both) {
          const known = seen.map((address) => peers.has(endpointOf(address, 7)));
          expect(known.slice(0, own)).not.toContain(false);
          expect(known.filter(Boolean).length).toBeLessThanOrEqual(2 * max);
          expect(peers.has(endpointOf('192.0.2.1', PORT))).toBe(false);
        }
      }
      for (const peers of both) peers.release();
      expect(room.slots).toBe(2 * max);
    }),
    { numRuns: 50 },
  );
});

test('peers: thousands of targets may answer', () => {
  const room = new PeerRoom(UDP.peerSlotsMax);
  const peers = new UdpPeers(UDP.peersOwnMax, UDP.peersMax, room, 1);
  const nth = (n: number) => endpointOf(`10.1.${n >> 8}.${n & 255}`, PORT);
  for (let n = 0; n < UDP.peersMax; n++) peers.add(nth(n));
  const lost = Array.from({ length: UDP.peersMax }, (_, n) => n).filter((n) => !peers.has(nth(n)));
  expect(lost).toEqual([]);
});

test('held datagrams: bounded for each owner, in bytes and in names, and nothing is left over', () => {
  const names = new UdpNames<string>();
  const bytes = new Uint8Array(60_000);
  let query = 0;
  const hold = (name: string, owner: string, length: number, session = 0) =>
    names.hold(name, owner, 1, bytes, 0, length, --query, session);
  expect(hold('a', 'one', 10)).toBe('ask');
  expect(hold('a', 'two', 10)).toBe('asked');
  for (let n = 1; n < UDP.heldMax; n++) expect(hold(`b${n}`, 'one', 10)).toBe('ask');
  expect(hold('a', 'one', 10)).toBe('dropped');
  names.forget('one');
  expect(names.heldBytes).toBe(10);
  expect(names.take(-1)?.held.map(({ owner }) => owner)).toEqual(['two']);
  expect(names.take(-1)).toBeNull();
  expect(names.heldBytes).toBe(0);

  const waiting = names.count;
  let asked = 0;
  for (let n = 0; n < 2 * UDP.lookupsPerSession; n++) if (hold(`n${n}`, `owner ${n}`, 1) === 'ask') asked++;
  expect(asked).toBe(UDP.lookupsPerSession - waiting);
  for (let n = 0; n < 2 * UDP.lookupsMax; n++) {
    const session = 1 + Math.floor(n / UDP.lookupsPerSession);
    if (hold(`m${n}`, `owner ${n}`, 1, session) === 'ask') asked++;
  }
  expect(asked).toBe(UDP.lookupsMax - waiting);
  let held = 0;
  for (let n = 0; n < 100; n++) if (hold('n0', `big ${n}`, 60_000) === 'asked') held++;
  expect(held).toBe(Math.floor((UDP.heldBytesMax - asked) / 60_000));
  for (let one = query; one < 0; one++) names.take(one);
  expect([names.count, names.heldBytes]).toEqual([0, 0]);
});
