// Associations of a session: opening, DATAGRAM both ways, what is dropped, and a peer that breaks their rules.

import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { Endpoint } from '../../src/base/endpoint.ts';
import { UDP } from '../../src/limits/datagrams.ts';
import { RATE } from '../../src/limits/session.ts';
import { PROTOCOL } from '../../src/limits/wire.ts';
import {
  datagramHeaderBytes,
  datagramName,
  datagramPort,
  endpointBytes,
  readEndpoint,
  writeEndpoint,
} from '../../src/model/datagramAddress.ts';
import { DatagramShare } from '../../src/tunnel/datagramShare.ts';
import { datagramPayload, encodeFrames, frame, TYPE } from './framesTwin.ts';
import { inboundPool, outboundPool, QUEUE_MAX_BYTES, RawPeer, say, write } from './rawPeer.ts';

const FIRST = 0x10000;
const NAMED = 'example.com';

/** A hub with an association in slot 0. */
function openHub(): RawPeer {
  const peer = new RawPeer(true);
  peer.session.openUdp();
  peer.sent();
  peer.send(say.ok(FIRST));
  return peer;
}

/** A node with an association in slot 0. */
function openNode(): RawPeer {
  const peer = new RawPeer(false);
  peer.send(say.udpOpen(FIRST));
  peer.session.accept(0);
  peer.sent();
  return peer;
}

function send(peer: RawPeer, dataBytes: number, slot = 0): boolean {
  const payload = datagramPayload([192, 0, 2, 1], 53, new Uint8Array(dataBytes));
  return peer.session.sendDatagram(slot, payload, 0, payload.length);
}

afterEach(() => {
  const taken = [outboundPool.taken, inboundPool.taken];
  outboundPool.taken = 0;
  inboundPool.taken = 0;
  expect(taken).toEqual([0, 0]);
});

describe('the header', () => {
  /** RFC 1928 section 7 again, slowly. */
  function twin(bytes: Uint8Array): number {
    const addressBytes = new Map<number | undefined, number>([
      [1, 4],
      [3, 1 + (bytes[1] ?? 0)],
      [4, 16],
    ]).get(bytes[0]);
    if (addressBytes === undefined || bytes.length < 1 + addressBytes + 2) return 0;
    const name = bytes[0] === 3 ? Buffer.from(bytes.subarray(2, 1 + addressBytes)).toString('latin1') : 'x';
    const port = Buffer.from(bytes).readUInt16BE(1 + addressBytes);
    return /^[\x21-\x7e]+$/.test(name) && port > 0 ? 1 + addressBytes + 2 : 0;
  }

  test('any bytes, as a twin reads them', () => {
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc
        .tuple(fc.constantFrom(1, 3, 4, 2), fc.integer({ min: 0, max: 20 }), fc.uint8Array({ maxLength: 30 }))
        .map(([type, length, rest]) => Uint8Array.from([type, length, ...rest.map((byte) => byte & 0x7f)])),
    );
    fc.assert(
      fc.property(anything, fc.nat(5), (bytes, before) => {
        const shifted = Uint8Array.from([...new Uint8Array(before).fill(1), ...bytes, 1, 1, 1]);
        expect(datagramHeaderBytes(shifted, before, before + bytes.length)).toBe(twin(bytes));
      }),
      { numRuns: 2_000 },
    );
  });

  test('addresses and ports there and back', () => {
    const address = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
    );
    fc.assert(
      fc.property(address, fc.integer({ min: 1, max: 65_535 }), (bytes, port) => {
        const endpoint = new Endpoint();
        if (bytes.length === 4) endpoint.address.readIPv4(bytes, 0);
        else endpoint.address.readIPv6(bytes, 0);
        endpoint.port = port;
        const written = new Uint8Array(endpointBytes(endpoint) + 2);
        writeEndpoint(written, 2, endpoint);
        expect(written.subarray(2)).toEqual(datagramPayload([...bytes], port, []));
        expect(datagramHeaderBytes(written, 2, written.length)).toBe(endpointBytes(endpoint));
        const read = new Endpoint();
        readEndpoint(written, 2, read);
        expect(read.address.equals(endpoint.address)).toBe(true);
        expect(read.port).toBe(port);
      }),
    );
  });

  test('names', () => {
    const payload = datagramPayload(NAMED, 8_443, [1, 2, 3]);
    const length = datagramHeaderBytes(payload, 0, payload.length);
    expect(length).toBe(payload.length - 3);
    expect(datagramName(payload, 0)).toBe(NAMED);
    expect(datagramPort(payload, 0, length)).toBe(8_443);
    expect(datagramHeaderBytes(datagramPayload('x'.repeat(255), 1, []), 0, 259)).toBe(259);
  });
});

describe('opening', () => {
  test('hub: UDP_OPEN, and an answer as to a CONNECT', () => {
    const peer = new RawPeer(true);
    expect([peer.session.openUdp(), peer.session.openUdp()]).toEqual([0, 1]);
    expect(peer.sent()).toEqual(['UDP_OPEN 10000', 'UDP_OPEN 10001']);
    expect(peer.send(say.ok(FIRST), say.fail(FIRST + 1, 9))).toEqual(['ok 0', 'fail 1 9']);
    expect(peer.session.streams.count).toBe(1);
    // The slot comes again as a stream of bytes.
    expect(peer.session.open('a', 1)).toBe(1);
    peer.sent();
    peer.send(say.ok(0x20001));
    expect(peer.send(say.data(0x20001, 5))).toEqual(['data 1 5']);
  });

  test('node: told once, and answers', () => {
    const peer = new RawPeer(false);
    expect(peer.send(say.udpOpen(FIRST), say.udpOpen(FIRST + 1))).toEqual(['udp 0', 'udp 1']);
    peer.session.accept(0);
    peer.session.refuse(1, 9);
    expect(peer.sent()).toEqual(['CONNECT_OK 10000', 'CONNECT_FAIL 10001 09']);
  });

  test('given up before it was sent, the peer never hears of it', () => {
    const peer = new RawPeer(true);
    peer.session.abort(peer.session.openUdp());
    expect(peer.sent()).toEqual([]);
    expect(peer.session.streams.count).toBe(0);
  });

  test('without the capability the hub cannot', () => {
    const peer = new RawPeer(true, {}, QUEUE_MAX_BYTES, 0);
    expect(peer.session.speaksUdp).toBe(false);
    expect(() => peer.session.openUdp()).toThrow('knows no UDP');
  });
});

describe('datagrams', () => {
  test('both ways, empty ones too', () => {
    for (const peer of [openHub(), openNode()]) {
      expect(send(peer, 0)).toBe(true);
      expect(send(peer, 3)).toBe(true);
      expect(peer.sent()).toEqual(['DATAGRAM 10000 01c00002010035', 'DATAGRAM 10000 01c00002010035000000']);
      expect(peer.send(say.datagram(FIRST, 'hello'), say.datagram(FIRST, ''))).toEqual([
        'datagram 0 12 7',
        'datagram 0 7 7',
      ]);
      expect([peer.session.counters.datagramsSent, peer.session.counters.datagramsReceived]).toEqual([2, 2]);
      expect([peer.session.counters.dataBytesSent, peer.session.counters.dataBytesReceived]).toEqual([
        17, 19,
      ]);
    }
    expect(openNode().send(say.datagram(FIRST, 'x', NAMED))).toEqual([`datagram 0 ${2 + 11 + 2 + 1} 15`]);
    expect(openHub().send(say.datagram(FIRST, 'x', new Array(16).fill(1)))).toEqual(['datagram 0 20 19']);
  });

  test('the vector of the protocol page', () => {
    const peer = openHub();
    const payload = datagramPayload([192, 0, 2, 1], 53, Buffer.from('x'));
    peer.session.sendDatagram(0, payload, 0, payload.length);
    expect(Buffer.from(encodeFrames(peer.sentFrames())).toString('hex')).toBe(
      '23000100000000000801c0000201003578',
    );
  });

  test('ends with an abort of either side, and what comes late is skipped', () => {
    const peer = openNode();
    peer.session.abort(0);
    expect(peer.sent()).toEqual(['CLOSE 10000 01']);
    expect(peer.send(say.datagram(FIRST, 'late'))).toEqual([]);
    const other = openHub();
    expect(other.send(say.abort(FIRST), say.datagram(FIRST, 'late'))).toEqual(['abort 0']);
    expect(other.session.streams.count).toBe(0);
  });

  test('none is sent before the association is answered', () => {
    const peer = new RawPeer(false);
    peer.send(say.udpOpen(FIRST));
    peer.session.accept(0);
    expect(send(peer, 1)).toBe(false);
    expect(peer.session.counters.datagramsDropped).toBe(1);
    expect(peer.sent()).toEqual(['CONNECT_OK 10000']);
  });

  test('the largest that fits a record', () => {
    const peer = openHub();
    const most = PROTOCOL.recordMaxBytes - PROTOCOL.tagBytes - PROTOCOL.frameHeaderBytes - 7;
    expect(send(peer, most + 1)).toBe(false);
    expect(send(peer, most)).toBe(true);
    expect(peer.sentFrames().map(({ payload }) => payload.length)).toEqual([most + 7]);
  });

  test('no more than their share waits, and streams keep their room beside it', () => {
    const peer = openHub();
    let sent = 0;
    while (send(peer, 1_200)) sent++;
    expect(sent).toBe(Math.floor(UDP.shareBytes / (9 + 7 + 1_200)));
    expect(peer.session.counters.datagramsDropped).toBe(1);
    const slot = peer.session.open('a', 1);
    expect(write(peer.session, slot, new Uint8Array(QUEUE_MAX_BYTES))).toBeGreaterThan(
      QUEUE_MAX_BYTES - UDP.shareBytes,
    );
    peer.session.end(slot);
    // Half of the share comes back when its first half has left.
    const half = peer.session.outbound.queuedBytes;
    expect(half).toBeGreaterThan(UDP.shareBytes / 2);
    peer.sentFrames(UDP.shareBytes / 2 + 4_000);
    let more = 0;
    while (send(peer, 1_200)) more++;
    expect(more).toBeGreaterThan(20);
    expect(more).toBeLessThan(sent);
    peer.release();
  });

  test('streams that fill the queue leave datagrams their share', () => {
    const peer = openHub();
    const slot = peer.session.open('a', 1);
    while (write(peer.session, slot, new Uint8Array(30_000)) > 0);
    let sent = 0;
    while (send(peer, 1_200)) sent++;
    expect(sent).toBe(Math.floor(UDP.shareBytes / (9 + 7 + 1_200)));
    // And a control frame still finds room.
    peer.session.ping(0);
    peer.session.prepare();
    expect(peer.session.owesNothing).toBe(true);
    peer.release();
  });

  /** Datagrams and bytes of a stream for ten seconds at 100 kB/s, as much as there is room for; how many bytes of each passed. */
  function atRate(datagrams: boolean, streams: boolean): { datagrams: number; streams: number } {
    const peer = openHub();
    const { session } = peer;
    session.setPace(100_000);
    const slot = session.open('a', 1);
    peer.sent();
    peer.send(say.ok(0x10001));
    const passed = { datagrams: 0, streams: 0 };
    for (let nowMs = 0; nowMs <= 10_000; nowMs += 5) {
      session.nowMs = nowMs;
      if (datagrams) while (send(peer, 1_000)) passed.datagrams += 1_000;
      const bytes = streams ? write(session, slot, new Uint8Array(20_000)) : 0;
      passed.streams += bytes;
      peer.sentFrames();
      if (bytes > 0) peer.sendPlain(encodeFrames([say.window(0x10001, bytes)]), nowMs);
      session.wakeBlocked();
    }
    peer.release();
    return passed;
  }

  test('at a rate they are dropped, and streams that wait have half of it', () => {
    const alone = atRate(true, false);
    expect(alone.datagrams).toBeGreaterThan(900_000);
    expect(alone.datagrams).toBeLessThan(1_100_000);
    const both = atRate(true, true);
    expect(both.datagrams + both.streams).toBeLessThan(1_100_000);
    expect(both.datagrams).toBeGreaterThan(350_000);
    expect(both.streams).toBeGreaterThan(350_000);
  });

  test('over the rate they are dropped, not held against the peer', () => {
    const peer = openNode();
    const records = Math.ceil(RATE.datagramsBurst / 1_000) + 2;
    const many = Array.from({ length: 1_000 }, () => say.datagram(FIRST, ''));
    let told = 0;
    for (let record = 0; record < records; record++) told += peer.send(...many).length;
    expect(told).toBe(RATE.datagramsBurst);
    expect(peer.session.counters.datagramsDropped).toBe(records * 1_000 - told);
  });

  test('share: unsent bytes never pass it, and what left comes back in halves', () => {
    const sizes = fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 1_000 }), sent: fc.nat(700) }), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(sizes, (steps) => {
        const share = new DatagramShare(1_000);
        const unsent: { bytes: number; end: number }[] = [];
        let written = 0;
        let sent = 0;
        for (const step of steps) {
          if (share.hasRoom(step.bytes, sent)) {
            written += step.bytes;
            share.wrote(step.bytes, written);
            unsent.push({ bytes: step.bytes, end: written });
          }
          sent = Math.min(written, sent + step.sent);
          while (unsent.length > 0 && unsent[0]!.end <= sent) unsent.shift();
          expect(unsent.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(1_000);
          if (unsent.length === 0) expect(share.hasRoom(1_000, sent)).toBe(true);
        }
      }),
    );
  });
});

describe('a peer that breaks the protocol', () => {
  const without = (opens: boolean) => new RawPeer(opens, {}, QUEUE_MAX_BYTES, 0);
  const cases: readonly [string, () => RawPeer, (peer: RawPeer) => unknown][] = [
    ['UDP_OPEN, not agreed on', () => without(false), (peer) => peer.send(say.udpOpen(FIRST))],
    ['DATAGRAM, not agreed on', () => without(false), (peer) => peer.send(say.datagram(FIRST, 'x'))],
    ['UDP_OPEN from a node', () => new RawPeer(true), (peer) => peer.send(say.udpOpen(FIRST))],
    ['UDP_OPEN for a slot in use', openNode, (peer) => peer.send(say.udpOpen(0x20000))],
    ['UDP_OPEN of generation 0', openNode, (peer) => peer.send(say.udpOpen(7))],
    ['UDP_OPEN with a payload', openNode, (peer) => peer.send(frame(TYPE.UDP_OPEN, FIRST + 1, [0]))],
    ['DATAGRAM never opened, to a node', openNode, (peer) => peer.send(say.datagram(FIRST + 1, 'x'))],
    ['DATAGRAM never opened, to a hub', openHub, (peer) => peer.send(say.datagram(FIRST + 1, 'x'))],
    ['DATAGRAM on the session', openHub, (peer) => peer.send(say.datagram(0, 'x'))],
    [
      'DATAGRAM ahead of the answer, to a node',
      () => new RawPeer(false),
      (peer) => peer.send(say.udpOpen(FIRST), say.datagram(FIRST, 'x')),
    ],
    [
      'DATAGRAM ahead of the answer, to a hub',
      () => new RawPeer(true),
      (peer) => {
        peer.session.openUdp();
        peer.sent();
        peer.send(say.datagram(FIRST, 'x'));
      },
    ],
    ['DATAGRAM without an address', openNode, (peer) => peer.send(frame(TYPE.DATAGRAM, FIRST, [1, 2, 3]))],
    ['DATAGRAM of nothing', openNode, (peer) => peer.send(frame(TYPE.DATAGRAM, FIRST))],
    ['DATAGRAM to port 0', openNode, (peer) => peer.send(say.datagram(FIRST, 'x', [1, 2, 3, 4], 0))],
    ['DATAGRAM from a name', openHub, (peer) => peer.send(say.datagram(FIRST, 'x', NAMED))],
    [
      'DATAGRAM on a stream',
      () => {
        const peer = new RawPeer(false);
        peer.send(frame(TYPE.CONNECT, FIRST, [0, 80, 0x61]));
        peer.session.accept(0);
        return peer;
      },
      (peer) => peer.send(say.datagram(FIRST, 'x')),
    ],
    ['DATA on an association', openNode, (peer) => peer.send(say.data(FIRST, 1))],
    ['WINDOW on an association', openHub, (peer) => peer.send(say.window(FIRST, 1))],
    ['an end of an association', openHub, (peer) => peer.send(say.end(FIRST))],
  ];

  test.each(cases)('%s', (_name, make, act) => {
    const peer = make();
    expect(() => act(peer)).toThrow(expect.objectContaining({ name: 'ProtocolError' }));
    peer.release();
  });
});
