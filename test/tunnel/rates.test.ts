// How often a peer with a valid key may do what costs us more than it: each bound is reached, passed by one, and fills again in time.

import { afterEach, describe, expect, test } from 'vitest';
import { RATE, SESSION } from '../../src/limits/session.ts';
import { PROTOCOL } from '../../src/limits/wire.ts';
import { FAILURES } from '../../src/model/failures.ts';
import { connectPayload, encodeFrames, type Frame, frame, TYPE } from './framesTwin.ts';
import { inboundPool, outboundPool, RawPeer, say, takeAll } from './rawPeer.ts';

const FIRST = 0x10000;
const BUSY = FAILURES.nodeBusy.reason;
const FRAMES_PER_RECORD = 2_000;

afterEach(() => {
  const taken = [outboundPool.taken, inboundPool.taken];
  outboundPool.taken = 0;
  inboundPool.taken = 0;
  expect(taken).toEqual([0, 0]);
});

const connect = (id: number) => frame(TYPE.CONNECT, id, connectPayload('h', 1));
const ping = () => frame(TYPE.PING, 0, new Uint8Array(8));
const pong = () => frame(TYPE.PONG, 0, new Uint8Array(8));
const goAway = () => frame(TYPE.GOAWAY, 0);
const mark = () => frame(TYPE.MARK, 0, [0, 0, 0, 1]);
const marked = () => frame(TYPE.MARKED, 0, new Uint8Array(8));
const control = () => frame(TYPE.CONTROL, 0, [0x7b, 0x7d]);
const status = () => frame(TYPE.STATUS, 0, [0x7b, 0x7d]);

/** Sends the frames as fast as the peer reads what they cause. */
function pour(peer: RawPeer, frames: readonly Frame[], nowMs: number): void {
  for (let at = 0; at < frames.length; at += FRAMES_PER_RECORD) {
    peer.sendPlain(encodeFrames(frames.slice(at, at + FRAMES_PER_RECORD)), nowMs);
    peer.sentFrames();
  }
}

function repeated(count: number, make: (index: number) => Frame | Frame[]): Frame[] {
  return Array.from({ length: count }, (_, index) => make(index)).flat();
}

/** One slot over and over. */
const generation = (index: number) => ((index % 0x7fff) + 1) * FIRST;

/** Slots by turns, none twice in a record. */
const spread = (index: number) =>
  (Math.floor(index / FRAMES_PER_RECORD) + 1) * FIRST + (index % FRAMES_PER_RECORD);

function openHub(): RawPeer {
  const peer = new RawPeer(true);
  peer.session.open('h', 1);
  peer.sent();
  peer.send(say.ok(FIRST));
  return peer;
}

function openNode(): RawPeer {
  const peer = new RawPeer(false);
  peer.send(connect(0x7fff_0009));
  peer.session.accept(9);
  peer.sentFrames();
  return peer;
}

describe('ends the session', () => {
  type Case = readonly [
    name: string,
    peer: () => RawPeer,
    burst: number,
    perSecond: number,
    make: (index: number) => Frame | Frame[],
    reason: RegExp,
  ];
  const empties = [RATE.emptyBurst, RATE.emptyPerSecond] as const;
  const cases: readonly Case[] = [
    [
      'Rapid Reset: streams opened and given up at once',
      () => new RawPeer(false),
      RATE.earlyAbortsBurst,
      RATE.earlyAbortsPerSecond,
      (index) => [connect(generation(index)), say.abort(generation(index))],
      /too many streams given up/,
    ],
    ['STATUS', openHub, RATE.statusBurst, RATE.statusPerSecond, status, /too many STATUS/],
    ['CONTROL', openNode, RATE.controlBurst, RATE.controlPerSecond, control, /too many CONTROL/],
    ['MARK', openHub, RATE.marksBurst, RATE.marksPerSecond, mark, /too many MARKs/],
    ['MARKED without MARK', openNode, ...empties, marked, /say nothing/],
    ['empty DATA', openNode, ...empties, () => say.data(0x7fff_0009, 0), /say nothing/],
    ['empty DATA of a closed stream', closedHub, ...empties, () => say.data(FIRST, 0), /say nothing/],
    ['PONG without PING', openHub, ...empties, pong, /say nothing/],
    ['GOAWAY again', toldToGo, ...empties, goAway, /say nothing/],
  ];

  function closedHub(): RawPeer {
    const peer = openHub();
    peer.send(say.abort(FIRST));
    return peer;
  }

  function toldToGo(): RawPeer {
    const peer = openHub();
    expect(peer.send(goAway(), goAway())).toEqual(['goaway']);
    // The second one counted.
    peer.sendPlain(encodeFrames([]), 1_000);
    return peer;
  }

  test.each(cases)('%s', (_name, make, burst, perSecond, one, reason) => {
    const peer = make();
    const startMs = 60_000;
    pour(peer, repeated(burst, one), startMs);
    // Another second brings as many again, and not one more.
    pour(
      peer,
      repeated(perSecond, (index) => one(burst + index)),
      startMs + 1_000,
    );
    expect(() =>
      pour(
        peer,
        repeated(1, () => one(burst + perSecond)),
        startMs + 1_000,
      ),
    ).toThrow(expect.objectContaining({ name: 'ProtocolError', message: expect.stringMatching(reason) }));
    peer.release();
  });

  test('PINGs that are all answered', () => {
    const peer = openHub();
    const send = (nowMs: number) => {
      peer.sendPlain(encodeFrames([ping()]), nowMs);
      expect(peer.sent()).toHaveLength(1);
    };
    // Without the PING of our own that a record after a while brings.
    for (let at = 0; at < RATE.pingsBurst; at++) send(5_000);
    for (let at = 0; at < RATE.pingsPerSecond; at++) send(6_000);
    expect(() => send(6_000)).toThrow('too many PINGs');
    peer.release();
  });

  test('empty records', () => {
    const peer = openNode();
    for (let at = 0; at < RATE.emptyBurst; at++) peer.sendPlain(new Uint8Array(0), 60_000);
    expect(() => peer.sendPlain(new Uint8Array(0), 60_000)).toThrow('say nothing');
    peer.release();
  });
});

describe('is bounded without an end', () => {
  test('opening: streams beyond the rate are refused, the owner hears nothing of them', () => {
    const peer = new RawPeer(false, {
      onConnect: (slot) => peer.session.refuse(slot, FAILURES.refused.reason),
    });
    const startMs = 60_000;
    pour(
      peer,
      repeated(RATE.opensBurst, (index) => connect(spread(index))),
      startMs,
    );
    expect(peer.sendPlain(encodeFrames([connect(0x7000_0001)]), startMs)).toEqual([]);
    expect(peer.sent()).toContain(`CONNECT_FAIL 70000001 ${BUSY.toString(16).padStart(2, '0')}`);
    expect(peer.session.streams.count).toBe(0);
    const all = repeated(RATE.opensPerSecond + 1, (index) => connect(generation(index) + FRAMES_PER_RECORD));
    let opened = 0;
    for (const one of all) {
      opened += peer.sendPlain(encodeFrames([one]), startMs + 1_000).length;
      peer.sentFrames();
    }
    expect(opened).toBe(RATE.opensPerSecond);
  });

  test('giving up answered streams, as crawlers do all day', () => {
    const peer = new RawPeer(false, { onConnect: (slot) => peer.session.accept(slot) });
    pour(
      peer,
      repeated(RATE.earlyAbortsBurst + 10, (index) => [
        connect(generation(index)),
        say.abort(generation(index)),
      ]),
      60_000,
    );
    expect(peer.session.streams.count).toBe(0);
  });

  test('a node that gives up what it was asked for, all of it at once', () => {
    const peer = new RawPeer(true);
    const count = RATE.earlyAbortsBurst + 10;
    for (let index = 0; index < count; index++) {
      peer.session.open('h', 1);
      if (index % 1_000 === 0) takeAll(peer.session);
    }
    takeAll(peer.session);
    pour(
      peer,
      repeated(count, (index) => say.abort(FIRST + index)),
      0,
    );
    expect(peer.session.streams.count).toBe(0);
  });

  test('late frames: skipped unread, nothing kept', () => {
    const peer = openHub();
    peer.send(say.abort(FIRST));
    const late = [say.data(FIRST, 100), say.window(FIRST, 7), say.end(FIRST), say.abort(FIRST)];
    const before = peer.session.streams.capacity;
    for (let round = 0; round < 5_000; round++) expect(peer.send(...late)).toEqual([]);
    expect([peer.session.streams.count, peer.session.streams.capacity]).toEqual([0, before]);
    expect(peer.session.owesNothing).toBe(true);
  });
});

describe('a peer that does not read', () => {
  const { stalledMs } = SESSION;

  function stuffed(): RawPeer {
    const peer = openHub();
    peer.session.ping(0);
    peer.session.prepare();
    expect(peer.session.outbound.queuedBytes).toBeGreaterThan(0);
    return peer;
  }

  /** Any record that arrives keeps the session from being silent. */
  const talk = (peer: RawPeer, nowMs: number) => peer.sendPlain(encodeFrames([say.window(FIRST, 1)]), nowMs);

  test('ends the session, however much it talks', () => {
    const peer = stuffed();
    const told: string[] = [];
    for (let nowMs = 20_000; nowMs <= stalledMs + 20_000; nowMs += 20_000) {
      talk(peer, nowMs);
      told.push(peer.session.tick(nowMs));
    }
    expect(told.indexOf('stuck')).toBe((stalledMs + 20_000) / 20_000 - 1);
    expect(new Set(told.slice(0, -1))).toEqual(new Set(['alive']));
    peer.release();
  });

  test('one that takes a byte now and then is only slow', () => {
    const peer = stuffed();
    for (let nowMs = 20_000; peer.session.outbound.queuedBytes > 1; nowMs += stalledMs / 2) {
      peer.session.outbound.sent(1);
      talk(peer, nowMs);
      expect(peer.session.tick(nowMs)).toBe('alive');
    }
    peer.session.outbound.sent(peer.session.outbound.queuedBytes);
    peer.session.tick(1e9);
    peer.release();
  });

  test('one that nothing waits for has time', () => {
    const peer = openHub();
    for (let nowMs = 20_000; nowMs < 4 * stalledMs; nowMs += 20_000) {
      talk(peer, nowMs);
      expect(peer.session.tick(nowMs)).toBe('alive');
    }
    peer.release();
  });
});

describe('a peer that sends a record a byte at a time', () => {
  test('one byte an hour: dead before the second', () => {
    const peer = openHub();
    peer.session.inbound.room();
    peer.session.inbound.received(1);
    peer.session.receive(0);
    expect(peer.session.tick(SESSION.pingAfterSilenceMs)).toBe('alive');
    expect(peer.session.tick(SESSION.pingAfterSilenceMs + SESSION.deadAfterPingMs)).toBe('dead');
    takeAll(peer.session);
    peer.release();
  });

  test('one byte now and then: alive, with one slab, for as long as a record may take', () => {
    const peer = openHub();
    const bytes = PROTOCOL.lengthBytes + PROTOCOL.recordMinBytes;
    let nowMs = 0;
    for (let at = 0; at < bytes - 1; at++) {
      nowMs += Math.floor(SESSION.recordMs / bytes);
      const offset = peer.session.inbound.room();
      // A record of the least length, of zeros: forged.
      peer.session.inbound.slab.bytes[offset] = at === 1 ? PROTOCOL.recordMinBytes : 0;
      peer.session.inbound.received(1);
      peer.session.receive(nowMs);
      expect(peer.session.tick(nowMs)).toBe('alive');
      expect(inboundPool.taken).toBe(1);
    }
    peer.session.inbound.room();
    peer.session.inbound.received(1);
    expect(() => peer.session.receive(nowMs + 1)).toThrow('does not authenticate');
    takeAll(peer.session);
    peer.release();
  });
});
