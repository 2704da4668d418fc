// What a stranger sees of the tunnel port, whatever it says and whenever: on a wire whose clock is turned by hand.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Strangers } from '../../src/engine/strangers.ts';
import { STRANGER } from '../../src/limits/strangers.ts';
import { startInitiator } from '../../src/noise/handshake.ts';
import { keyPairOf } from '../../src/noise/keyPair.ts';
import { mac1Key } from '../../src/noise/mac1.ts';
import { FakeWire, type Peer } from './fakeWire.ts';

const HUB = keyPairOf(new Uint8Array(32).fill(3));
const { message1 } = startInitiator({
  staticKeyPair: keyPairOf(new Uint8Array(32).fill(9)),
  hubPublicKey: HUB.publicKey,
  payload: new Uint8Array(40),
});
/** Its mac1 is good; what control says to it is each test's choice. */
const GOOD = Uint8Array.of(message1.length >> 8, message1.length & 255, ...message1);
const BAD = GOOD.with(-1, GOOD.at(-1)! ^ 1);
const FIN = `FIN ${STRANGER.deadlineMs}`;

function open(judge?: (conn: number) => void) {
  const wire = new FakeWire();
  const handshakes: number[] = [];
  const strangers = new Strangers(wire.reactor, mac1Key(HUB.publicKey), Number.POSITIVE_INFINITY, (conn) => {
    handshakes.push(conn);
    judge?.(conn);
  });
  const arrive = (address = '192.0.2.1'): Peer => {
    const peer = wire.arrive(address);
    strangers.onAccept(peer.conn);
    return peer;
  };
  return { wire, strangers, handshakes, arrive };
}

describe('silence', () => {
  const someBytes = fc.oneof(
    fc.constant(GOOD),
    fc.constant(BAD),
    fc.uint8Array({ maxLength: 300 }),
    fc.nat(200_000).map((length) => new Uint8Array(length).fill(0x16)),
    fc.tuple(fc.constant(GOOD), fc.nat(GOOD.length)).map(([bytes, at]) => bytes.subarray(0, at)),
    fc.tuple(fc.constant(GOOD), fc.nat(GOOD.length)).map(([bytes, at]) => bytes.subarray(at)),
  );
  const say = fc.record({ atMs: fc.integer({ min: 1, max: 13_000 }), bytes: someBytes, end: fc.boolean() });
  const verdict = fc.oneof(fc.constant('never' as const), fc.integer({ min: 0, max: 13_000 }));

  test('whatever a stranger says, whenever, and whenever control refuses it: FIN at the deadline and nothing else', () => {
    fc.assert(
      fc.property(fc.array(say, { maxLength: 8 }), verdict, (sayings, refusal) => {
        const { wire, strangers, handshakes, arrive } = open();
        const peer = arrive();
        const silent = arrive();
        const script = sayings.map(({ atMs, bytes, end }) => ({
          atMs,
          act() {
            wire.say(peer, bytes);
            if (end) peer.ended = true;
          },
        }));
        if (refusal !== 'never') {
          const act = () => {
            for (const conn of handshakes.splice(0)) strangers.refused(conn, 1);
          };
          script.push({ atMs: refusal, act });
        }
        wire.run(STRANGER.deadlineMs + STRANGER.stagedCloseMs, script);
        expect(peer.seen).toEqual([FIN]);
        expect(silent.seen).toEqual([FIN]);
        expect({ left: strangers.count, open: peer.open || silent.open }).toEqual({ left: 0, open: false });
      }),
      { numRuns: 300 },
    );
  });

  test('one who never stops talking sees the same FIN, because its bytes are read on behind it', () => {
    const { wire, arrive } = open();
    const peer = arrive();
    const script = [];
    // More at once than is read in a turn, so that something waits unread even at the deadline.
    for (let atMs = 100; atMs < 12_000; atMs += 100) {
      script.push({ atMs, act: () => wire.say(peer, new Uint8Array(100_000)) });
    }
    wire.run(12_000, script);
    expect(peer.seen).toEqual([FIN]);
  });

  test('many talkative strangers get a bounded share of a turn, and all is read in the end', () => {
    const { wire, arrive } = open();
    const peers = Array.from({ length: 100 }, () => arrive());
    for (const peer of peers) wire.say(peer, new Uint8Array(100_000));
    let turns = 0;
    for (; wire.turn(); turns++) {
      expect(wire.turnBytes).toBeLessThan(STRANGER.discardPerTurnBytes + STRANGER.discardBufferBytes);
    }
    expect(turns).toBeGreaterThan(1e7 / (STRANGER.discardPerTurnBytes + STRANGER.discardBufferBytes));
    expect(peers.every(({ unread }) => unread.length === 0)).toBe(true);
  });
});

describe('a first message that control accepts', () => {
  test('makes the connection its caller’s, however it was cut', () => {
    const { wire, strangers, handshakes, arrive } = open();
    const peer = arrive();
    for (const byte of GOOD) {
      wire.say(peer, Uint8Array.of(byte));
      wire.turn();
    }
    expect(handshakes).toEqual([peer.conn]);
    expect(strangers.accepted(peer.conn, 1)).toBe(true);
    wire.run(20_000);
    expect({ seen: peer.seen, open: peer.open, count: strangers.count }).toEqual({
      seen: [],
      open: true,
      count: 0,
    });
  });

  test.for([
    ['a byte behind it', (wire: FakeWire, peer: Peer) => wire.say(peer, Uint8Array.of(0))],
    [
      'an end behind it',
      (_wire: FakeWire, peer: Peer) => {
        peer.ended = true;
      },
    ],
  ] as const)('with %s gets silence all the same', ([, more]) => {
    const { wire, strangers, arrive } = open();
    const peer = arrive();
    wire.say(peer, GOOD);
    wire.turn();
    more(wire, peer);
    wire.turn();
    expect(strangers.accepted(peer.conn, 1)).toBe(false);
    wire.run(12_000);
    expect(peer.seen).toEqual([FIN]);
  });

  test('is not accepted past the deadline', () => {
    const { wire, strangers, arrive } = open();
    const peer = arrive();
    wire.say(peer, GOOD);
    wire.run(10_500, [{ atMs: 1, act: () => {} }]);
    expect(strangers.accepted(peer.conn, 1)).toBe(false);
    expect(peer.seen).toEqual([FIN]);
  });
});

describe('too much of it', () => {
  test('first messages past the budget of an address wait, and end in the same silence', () => {
    const { wire, strangers, handshakes, arrive } = open((conn) =>
      queueMicrotask(() => strangers.refused(conn, 1)),
    );
    const peers = Array.from({ length: 100 }, () => arrive());
    for (const peer of peers) wire.say(peer, GOOD);
    wire.turn();
    expect(handshakes.length).toBe(STRANGER.refusalsPerAddressBurst);
    wire.run(12_000);
    expect(new Set(peers.map(({ seen }) => seen.join()))).toEqual(new Set([FIN]));
  });

  test('a first message that waits gets its handshake later, unless its sender says more meanwhile', () => {
    const { wire, strangers, handshakes, arrive } = open();
    const burst = STRANGER.refusalsPerAddressBurst;
    const peers = Array.from({ length: burst + 2 }, () => arrive());
    for (const peer of peers) wire.say(peer, GOOD);
    wire.turn();
    expect(handshakes.length).toBe(burst);
    wire.say(peers[burst]!, Uint8Array.of(0));
    wire.turn();
    expect(strangers.accepted(1, 1)).toBe(true);
    expect(handshakes.slice(burst)).toEqual([peers[burst + 1]!.conn]);
  });

  test('the oldest socket goes with the same RST, whatever it said and whether that was read', () => {
    const { wire, arrive } = open();
    const peers = Array.from({ length: STRANGER.socketsPerAddressMax }, () => arrive());
    wire.say(peers[0]!, GOOD);
    wire.turn();
    wire.say(peers[1]!, new Uint8Array(10));
    peers[3]!.ended = true;
    for (let n = 0; n < 4; n++) arrive();
    expect(peers.slice(0, 5).map(({ seen }) => seen)).toEqual([
      ['RST 0'],
      ['RST 0'],
      ['RST 0'],
      ['RST 0'],
      [],
    ]);
  });

  test('for want of descriptors as many go as are asked for, and no more than there are', () => {
    const { strangers, arrive } = open();
    const peers = Array.from({ length: 10 }, () => arrive());
    expect(strangers.makeRoom(3)).toBe(3);
    expect(peers.filter(({ open }) => !open).map(({ conn }) => conn)).toEqual([1, 2, 3]);
    expect(strangers.makeRoom(30)).toBe(7);
    expect(strangers.makeRoom(1)).toBe(0);
    expect(strangers.count).toBe(0);
  });
});
