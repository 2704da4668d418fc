// What a stranger sees of the port of --tunnel-websocket: a 404, at the same moment whatever was wrong. On a wire whose clock is turned by hand.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rangeOf } from '../../src/base/addressRange.ts';
import { Strangers } from '../../src/engine/strangers.ts';
import { STRANGER } from '../../src/limits/strangers.ts';
import { startInitiator } from '../../src/noise/handshake.ts';
import { keyPairOf } from '../../src/noise/keyPair.ts';
import { mac1Key } from '../../src/noise/mac1.ts';
import { formatUpgrade, NOT_FOUND } from '../../src/proxy/webSocketUpgrade.ts';
import { FakeWire, type Peer } from './fakeWire.ts';

const HUB = keyPairOf(new Uint8Array(32).fill(3));
const { message1 } = startInitiator({
  staticKeyPair: keyPairOf(new Uint8Array(32).fill(9)),
  hubPublicKey: HUB.publicKey,
  payload: new Uint8Array(40),
});
const WHERE = { host: 'hub.example.org', port: 443, path: '/x', isDefaultPort: true };
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const GOOD = formatUpgrade(WHERE, KEY, message1);
const BAD = formatUpgrade(WHERE, KEY, message1.with(-1, message1.at(-1)! ^ 1));
const PLAIN = Buffer.from('GET /x HTTP/1.1\r\nHost: hub.example.org\r\n\r\n');
const SERVER = '127.0.0.1';
const NOT_FOUND_AT = (ms: number) => [`${NOT_FOUND.length} bytes`, `FIN ${ms}`];

const forwarded = (request: Uint8Array, addresses: string): Uint8Array =>
  Buffer.from(
    Buffer.from(request).toString('latin1').replace('\r\n', `\r\nX-Forwarded-For: ${addresses}\r\n`),
    'latin1',
  );

function open() {
  const wire = new FakeWire();
  const handshakes: { conn: number; address: string }[] = [];
  const strangers = new Strangers(
    wire.reactor,
    mac1Key(HUB.publicKey),
    Number.POSITIVE_INFINITY,
    (conn, _message1, address) => handshakes.push({ conn, address }),
    [rangeOf('127.0.0.0/8')],
  );
  const arrive = (address = SERVER): Peer => {
    const peer = wire.arrive(address);
    strangers.onAccept(peer.conn, true);
    return peer;
  };
  return { wire, strangers, handshakes, arrive };
}

describe('a stranger', () => {
  const request = fc.oneof(
    fc.constantFrom<Uint8Array>(GOOD, BAD, PLAIN, Buffer.from('x\r\n\r\n'), Buffer.from('PROXY x\r\n')),
    fc
      .uint8Array({ maxLength: 300 })
      .map((bytes) => Buffer.concat([Buffer.from('x'), bytes, Buffer.from('\r\n\r\n')])),
    fc.constant(new Uint8Array(STRANGER.webHeadMaxBytes + 1).fill(0x41)),
    fc.constantFrom(GOOD, PLAIN).map((bytes) => Buffer.concat([bytes, Buffer.from('more')])),
  );

  test('gets its 404 at the same moment, whatever it says and whenever control refuses it in time', () => {
    const refusalMs = fc.integer({ min: 0, max: STRANGER.webAnswerMs - 1 });
    fc.assert(
      fc.property(request, refusalMs, fc.boolean(), (bytes, refuseAfterMs, ends) => {
        const { wire, strangers, handshakes, arrive } = open();
        const peer = arrive();
        const act = () => {
          wire.say(peer, bytes);
          peer.ended = ends;
        };
        const refuse = () => {
          for (const { conn } of handshakes.splice(0)) strangers.refused(conn, 1);
        };
        wire.run(20_000, [
          { atMs: 50, act },
          { atMs: 51 + refuseAfterMs, act: refuse },
        ]);
        const at = 50 + STRANGER.webAnswerMs;
        expect(peer.seen.slice(0, 2)).toEqual(NOT_FOUND_AT(at));
        expect({ left: strangers.count, open: peer.open }).toEqual({ left: 0, open: false });
      }),
      { numRuns: 300 },
    );
  });

  test('whose verdict is late gets it at the deadline', () => {
    const { wire, strangers, handshakes, arrive } = open();
    const peer = arrive();
    wire.say(peer, GOOD);
    wire.turn();
    wire.run(20_000, [{ atMs: 500, act: () => strangers.refused(handshakes[0]!.conn, 1) }]);
    expect(peer.seen).toEqual(NOT_FOUND_AT(STRANGER.deadlineMs));
  });

  test('with half a request sees what a stranger at the tunnel port sees', () => {
    const { wire, arrive } = open();
    const peer = arrive();
    wire.say(peer, GOOD.subarray(0, -1));
    wire.run(20_000);
    expect(peer.seen).toEqual([`FIN ${STRANGER.deadlineMs}`]);
  });

  test('that has to make room gets its page, and no broken connection', () => {
    const { wire, arrive } = open();
    const peers = Array.from({ length: STRANGER.socketsPerAddressMax + 1 }, () => {
      const peer = arrive();
      wire.say(peer, forwarded(GOOD, '192.0.2.1'));
      wire.turn();
      return peer;
    });
    expect(peers[0]!.seen[0]).toBe(`${NOT_FOUND.length} bytes`);
    expect(peers.at(-1)!.seen).toEqual([]);
  });
});

describe('a device', () => {
  test('is let in, however its request was cut', () => {
    const { wire, strangers, handshakes, arrive } = open();
    const peer = arrive();
    for (const byte of GOOD) {
      wire.say(peer, Uint8Array.of(byte));
      wire.turn();
    }
    expect(handshakes).toEqual([{ conn: peer.conn, address: SERVER }]);
    expect(strangers.webSocketKey(peer.conn)).toBe(KEY);
    expect(strangers.accepted(peer.conn, 1)).toBe(true);
    wire.run(20_000);
    expect(peer.seen).toEqual([]);
  });

  test.each([
    ['X-Forwarded-For of a trusted proxy', SERVER, forwarded(GOOD, '6.6.6.6, 192.0.2.7'), '192.0.2.7'],
    ['X-Forwarded-For of anybody else', '203.0.113.5', forwarded(GOOD, '192.0.2.7'), '203.0.113.5'],
    [
      'the PROXY protocol of a trusted proxy',
      SERVER,
      Buffer.concat([Buffer.from('PROXY TCP4 192.0.2.8 192.0.2.2 1 2\r\n'), GOOD]),
      '192.0.2.8',
    ],
    [
      'the PROXY protocol and X-Forwarded-For',
      SERVER,
      Buffer.concat([Buffer.from('PROXY TCP4 127.0.0.9 192.0.2.2 1 2\r\n'), forwarded(GOOD, '192.0.2.7')]),
      '192.0.2.7',
    ],
  ])('%s', (_, from, bytes, address) => {
    const { wire, handshakes, arrive } = open();
    wire.say(arrive(from), bytes);
    wire.turn();
    expect(handshakes.map((handshake) => handshake.address)).toEqual([address]);
  });

  test('the PROXY protocol of anybody else is a bad request', () => {
    const { wire, handshakes, arrive } = open();
    const peer = arrive('203.0.113.5');
    wire.say(peer, Buffer.concat([Buffer.from('PROXY TCP4 192.0.2.8 192.0.2.2 1 2\r\n'), GOOD]));
    wire.turn();
    wire.run(20_000);
    expect(handshakes).toEqual([]);
    expect(peer.seen).toEqual(NOT_FOUND_AT(STRANGER.webAnswerMs));
  });

  test('is counted by its own address: one that floods takes no place from another behind the same proxy', () => {
    const { wire, strangers, arrive } = open();
    const victim = arrive();
    wire.say(victim, forwarded(GOOD, '192.0.2.1'));
    wire.turn();
    for (let count = 0; count < 2 * STRANGER.socketsPerAddressMax; count++) {
      wire.say(arrive(), forwarded(PLAIN, '198.51.100.1'));
      wire.turn();
    }
    expect(strangers.count).toBe(1 + STRANGER.socketsPerAddressMax);
    expect(victim.seen).toEqual([]);
  });
});
