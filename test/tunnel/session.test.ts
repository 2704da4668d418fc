// One session and a raw peer: every order of opening and ending, credit, slots that come again, liveness.

import { afterEach, describe, expect, test } from 'vitest';
import { SESSION } from '../../src/limits/session.ts';
import { CAPABILITY } from '../../src/noise/payload.ts';
import { Liveness } from '../../src/tunnel/liveness.ts';
import type { SessionHandler } from '../../src/tunnel/sessionHandler.ts';
import { STREAM } from '../../src/tunnel/streams.ts';
import { connectPayload, encodeFrames, frame, show, TYPE, u32 } from './framesTwin.ts';
import {
  deliver,
  inboundPool,
  Journal,
  makeSession,
  outboundPool,
  QUEUE_MAX_BYTES,
  RawPeer,
  type RawPeerOptions,
  say,
  takeAll,
  write,
} from './rawPeer.ts';

const WINDOW = 262_144;
const FIRST = 0x10000;
const NOTHING = new Uint8Array(0);

function connect(id: number, host = 'example.com', port = 443) {
  return frame(TYPE.CONNECT, id, connectPayload(host, port));
}

function hub(...options: RawPeerOptions) {
  return new RawPeer(true, ...options);
}

function node(...options: RawPeerOptions) {
  return new RawPeer(false, ...options);
}

/** A hub with stream 0 open. */
function openHub(): RawPeer {
  const peer = hub();
  peer.session.open('example.com', 443);
  peer.sent();
  peer.send(say.ok(FIRST));
  return peer;
}

/** A node with stream 0 open. */
function openNode(and: Partial<SessionHandler> = {}): RawPeer {
  const peer = node(and);
  peer.send(connect(FIRST));
  peer.session.accept(0);
  peer.sent();
  return peer;
}

/** Makes the queue so full that not even control frames find room; a stream does it. */
function stuff(peer: RawPeer, slot: number): void {
  while (write(peer.session, slot, new Uint8Array(60_000)) > 0);
  while (peer.session.outbound.reserve(60_000) >= 0) {
    const offset = peer.session.outbound.reserve(60_000);
    // A frame that the raw peer can read: DATA of a closed stream does no harm.
    peer.session.outbound.slab.bytes.set([TYPE.DATA, 0, 0, 0, 0, 0, 0, 0xea, 0x57], offset);
    peer.session.outbound.slab.bytes.fill(0, offset + 9, offset + 60_000);
    peer.session.outbound.commit(60_000);
  }
}

afterEach(() => {
  const taken = [outboundPool.taken, inboundPool.taken];
  // The next test is not to be blamed for this one.
  outboundPool.taken = 0;
  inboundPool.taken = 0;
  expect(taken).toEqual([0, 0]);
});

describe('opening', () => {
  test('hub: CONNECT goes out at once, with the first id of slot 0', () => {
    const peer = hub();
    expect(peer.session.open('example.com', 443)).toBe(0);
    expect(peer.session.open('::1', 80)).toBe(1);
    expect(peer.sentFrames()).toEqual([connect(FIRST), connect(FIRST + 1, '::1', 80)]);
    expect(peer.send(say.ok(FIRST), say.fail(FIRST + 1, 5))).toEqual(['ok 0', 'fail 1 5']);
    expect(peer.session.streams.count).toBe(1);
    // The slot comes again with the next generation.
    expect(peer.session.open('a', 1)).toBe(1);
    expect(peer.sentFrames()).toEqual([connect(0x20001, 'a', 1)]);
  });

  test('hub: DATA may follow its CONNECT at once', () => {
    const peer = hub();
    const slot = peer.session.open('example.com', 443);
    expect(write(peer.session, slot, Uint8Array.of(1, 2, 3))).toBe(3);
    peer.session.end(slot);
    expect(peer.sent()).toEqual([show(connect(FIRST)), 'DATA 10000 3 bytes', 'CLOSE 10000 00']);
  });

  test('node: told once, and answers', () => {
    const peer = node();
    expect(peer.send(connect(FIRST), connect(FIRST + 5, 'b', 1))).toEqual([
      'connect 0 example.com 443',
      'connect 5 b 1',
    ]);
    peer.session.accept(0);
    peer.session.refuse(5, 7);
    expect(peer.sent()).toEqual(['CONNECT_OK 10000', 'CONNECT_FAIL 10005 07']);
    expect(peer.session.streams.count).toBe(1);
    expect(peer.session.owesNothing).toBe(true);
  });

  test('node: CONNECT_OK is ahead of the first DATA of the same turn', () => {
    const peer = node();
    peer.send(connect(FIRST));
    peer.session.accept(0);
    expect(write(peer.session, 0, Uint8Array.of(1))).toBe(1);
    expect(peer.sent()).toEqual(['CONNECT_OK 10000', 'DATA 10000 1 bytes']);
  });

  test('node: early DATA and the end of it come before the answer', () => {
    const peer = node();
    expect(peer.send(connect(FIRST), say.data(FIRST, 10), say.end(FIRST))).toEqual([
      'connect 0 example.com 443',
      'data 0 10',
      'end 0',
    ]);
    peer.session.accept(0);
    peer.session.end(0);
    expect(peer.sent()).toEqual(['CONNECT_OK 10000', 'CLOSE 10000 00']);
    expect(peer.session.streams.count).toBe(0);
  });

  test('an answer without a CONNECT that waits is a mistake of the caller', () => {
    const peer = openNode();
    expect(() => peer.session.accept(0)).toThrow('no CONNECT');
    expect(() => peer.session.refuse(0, 1)).toThrow('no CONNECT');
    expect(() => peer.session.accept(9)).toThrow('no CONNECT');
    peer.send(connect(FIRST + 1));
    peer.session.abort(1);
    expect(() => peer.session.accept(1)).toThrow('no CONNECT');
    expect(peer.sent()).toEqual(['CLOSE 10001 01']);
  });

  test('hub: a CONNECT that finds no room goes out before anything else of its stream', () => {
    const peer = openHub();
    stuff(peer, 0);
    const slot = peer.session.open('late', 1);
    expect(peer.session.dataRoom(slot)).toBe(0);
    peer.session.end(slot);
    peer.session.prepare();
    // The socket takes little by little: DATA of another stream gets room first.
    const second = peer.session.open('later', 2);
    const sent: string[] = [];
    const blocked = new Set([second]);
    for (let turn = 0; turn < 200 && (blocked.size > 0 || !peer.session.owesNothing); turn++) {
      sent.push(...peer.sent(5_000));
      for (const one of blocked) if (write(peer.session, one, Uint8Array.of(9)) > 0) blocked.delete(one);
      peer.session.wakeBlocked();
    }
    sent.push(...peer.sent());
    const of = (id: string) => sent.filter((line) => line.split(' ')[1] === id);
    expect(of('10001')).toEqual([show(connect(FIRST + 1, 'late', 1)), 'CLOSE 10001 00']);
    expect(of('10002')).toEqual([show(connect(FIRST + 2, 'later', 2)), 'DATA 10002 1 bytes']);
  });

  test('a full session opens no more', () => {
    const peer = hub();
    for (let slot = 0; slot < 65_536; slot++) {
      expect(peer.session.open('h', 1)).toBe(slot);
      if (slot % 4_096 === 0) peer.sentFrames();
    }
    expect(peer.session.open('h', 1)).toBe(-1);
    peer.session.release();
  });
});

describe('data', () => {
  test('stops at the window and goes on with WINDOW', () => {
    const peer = openHub();
    let sent = 0;
    for (;;) {
      const bytes = write(peer.session, 0, new Uint8Array(50_000));
      if (bytes === 0 && peer.session.streams.sendCredit[0] === 0) break;
      sent += bytes;
      peer.sent();
      peer.session.wakeBlocked();
    }
    expect(sent).toBe(WINDOW);
    peer.journal.told();
    expect(peer.session.dataRoom(0)).toBe(0);
    expect(peer.send(say.window(FIRST, 5))).toEqual(['room 0']);
    expect(peer.session.dataRoom(0)).toBe(5);
    // Nobody waits for this one.
    expect(peer.send(say.window(FIRST, 5))).toEqual([]);
    expect(write(peer.session, 0, new Uint8Array(20))).toBe(10);
    expect(peer.sent()).toEqual(['DATA 10000 10 bytes']);
    expect(peer.session.counters.dataBytesSent).toBe(WINDOW + 10);
  });

  test('consumed bytes are granted from half a window on, all at once', () => {
    const peer = openNode();
    for (let at = 0; at < WINDOW; at += 32_768) peer.send(say.data(FIRST, 32_768));
    expect(peer.session.streams.receiveCredit[0]).toBe(0);
    peer.session.consumed(0, WINDOW / 2 - 1);
    expect(peer.sent()).toEqual([]);
    peer.session.consumed(0, 1);
    peer.session.consumed(0, 7);
    expect(peer.sent()).toEqual([show(say.window(FIRST, WINDOW / 2 + 7))]);
    expect(peer.session.streams.receiveCredit[0]).toBe(WINDOW / 2 + 7);
    expect(() => peer.session.consumed(0, WINDOW / 2 - 6)).toThrow(RangeError);
    peer.session.consumed(0, WINDOW / 2 - 7);
    expect(peer.sent()).toEqual([]);
    expect(peer.session.counters.dataBytesReceived).toBe(WINDOW);
  });

  test('bytes that leave while they are received are granted like those that leave later', () => {
    const peer = openNode({ onData: (_slot, _offset, length) => length - 1 });
    for (let at = 0; at < WINDOW / 2; at += 32_768) peer.send(say.data(FIRST, 32_768));
    expect(peer.session.streams.consumed[0]).toBe(WINDOW / 2 - 4);
    expect(peer.sent()).toEqual([]);
    peer.session.consumed(0, 4);
    expect(peer.sent()).toEqual([show(say.window(FIRST, WINDOW / 2))]);
  });

  test('a stream that is given up over its DATA is granted nothing more', () => {
    const peer: RawPeer = openNode({
      onData: (slot, _offset, length) => {
        peer.session.abort(slot);
        return length;
      },
    });
    peer.send(say.data(FIRST, 1_000), say.data(FIRST, 1_000));
    expect(peer.sent()).toEqual([show(say.abort(FIRST))]);
    expect(peer.session.streams.count).toBe(0);
  });

  test('no WINDOW for a stream that the peer has ended', () => {
    const peer = openNode();
    for (let at = 0; at < WINDOW; at += 32_768) peer.send(say.data(FIRST, 32_768));
    peer.send(say.end(FIRST));
    peer.session.consumed(0, WINDOW);
    expect(peer.sent()).toEqual([]);
  });

  test('empty DATA is nothing', () => {
    const peer = openNode();
    expect(peer.send(say.data(FIRST, 0))).toEqual([]);
  });

  test('more DATA than the peer allows is a mistake of the caller', () => {
    const peer = openHub();
    while (peer.session.streams.sendCredit[0]! > 10) {
      write(peer.session, 0, new Uint8Array(Math.min(50_000, peer.session.streams.sendCredit[0]! - 10)));
      peer.sent();
      peer.session.wakeBlocked();
    }
    expect(peer.session.dataRoom(0)).toBe(10);
    expect(() => peer.session.commitData(0, 11)).toThrow(RangeError);
    peer.session.prepare();
  });

  test('another initial window, as message 2 may announce it', () => {
    const session = makeSession(false, new Journal(), { initialWindowBytes: 1_000 });
    const twin = makeSession(true, new Journal({ onConnectOk: () => {} }), { initialWindowBytes: 1_000 });
    twin.open('h', 1);
    expect(write(twin, 0, new Uint8Array(1_500))).toBe(1_000);
    deliver(session, takeAll(twin));
    session.accept(0);
    session.consumed(0, 499);
    expect(session.owesNothing).toBe(false);
    deliver(twin, takeAll(session));
    expect(twin.streams.sendCredit[0]).toBe(0);
    session.consumed(0, 1);
    deliver(twin, takeAll(session));
    expect(twin.streams.sendCredit[0]).toBe(500);
  });
});

describe('half-close', () => {
  test('hub first, then node', () => {
    const peer = openHub();
    peer.session.end(0);
    peer.session.end(0);
    expect(peer.sent()).toEqual(['CLOSE 10000 00']);
    expect(peer.session.dataRoom(0)).toBe(0);
    expect(peer.send(say.data(FIRST, 5))).toEqual(['data 0 5']);
    expect(peer.session.isOver(0)).toBe(false);
    expect(peer.send(say.end(FIRST))).toEqual(['end 0']);
    expect(peer.session.streams.count).toBe(0);
  });

  test('node first, then hub', () => {
    const peer = openHub();
    expect(peer.send(say.end(FIRST))).toEqual(['end 0']);
    expect(write(peer.session, 0, Uint8Array.of(1))).toBe(1);
    peer.session.end(0);
    expect(peer.session.isOver(0)).toBe(true);
    expect(peer.session.streams.count).toBe(1);
    expect(peer.sent()).toEqual(['DATA 10000 1 bytes', 'CLOSE 10000 00']);
    expect(peer.session.streams.count).toBe(0);
  });

  test('both at once', () => {
    const peer = openHub();
    peer.session.end(0);
    expect(peer.send(say.end(FIRST))).toEqual(['end 0']);
    expect(peer.session.streams.count).toBe(1);
    expect(peer.sent()).toEqual(['CLOSE 10000 00']);
    expect(peer.session.streams.count).toBe(0);
  });

  test('while the tunnel is full: the slot stays until the end is written', () => {
    const peer = openHub();
    stuff(peer, 0);
    expect(peer.send(say.end(FIRST))).toEqual(['end 0']);
    peer.session.end(0);
    peer.session.prepare();
    expect(peer.session.streams.count).toBe(1);
    expect(peer.sent().at(-1)).toBe('CLOSE 10000 00');
    expect(peer.session.streams.count).toBe(0);
  });

  test('a stream that is over owes no WINDOW to the next one in its slot', () => {
    const peer = openNode();
    for (let at = 0; at < WINDOW; at += 32_768) peer.send(say.data(FIRST, 32_768));
    peer.session.end(0);
    expect(peer.sent()).toEqual(['CLOSE 10000 00']);
    peer.session.consumed(0, WINDOW);
    expect(peer.send(say.end(FIRST))).toEqual(['end 0']);
    expect(peer.send(connect(2 * FIRST))).toEqual(['connect 0 example.com 443']);
    expect(peer.sent()).toEqual([]);
    expect(peer.session.streams.receiveCredit[0]).toBe(WINDOW);
  });
});

describe('giving up', () => {
  test('before the CONNECT was written: the peer never hears of it', () => {
    const peer = openHub();
    stuff(peer, 0);
    const slot = peer.session.open('never', 1);
    peer.session.abort(slot);
    expect(peer.session.streams.count).toBe(1);
    const again = peer.session.open('again', 1);
    expect(again).toBe(slot);
    const frames = peer.sent();
    expect(frames.filter((line) => line.startsWith('CONNECT') || line.startsWith('CLOSE'))).toEqual([
      show(connect(0x20001, 'again', 1)),
    ]);
  });

  test('while opening: an answer that was under way is late', () => {
    for (const answer of [say.ok(FIRST), say.fail(FIRST, 1), say.abort(FIRST)]) {
      const peer = hub();
      peer.session.open('h', 1);
      peer.sent();
      peer.session.abort(0);
      // The slot is not free before ABORT is written.
      expect(peer.session.open('i', 1)).toBe(1);
      expect(peer.sent()).toEqual([show(connect(FIRST + 1, 'i', 1)), 'CLOSE 10000 01']);
      expect(peer.session.streams.count).toBe(1);
      expect(peer.send(answer)).toEqual([]);
    }
  });

  test('while opening, with the answer here before ABORT is written', () => {
    for (const [answer, closes] of [
      [say.ok(FIRST), ['CLOSE 10000 01']],
      [say.fail(FIRST, 1), []],
      [say.abort(FIRST), []],
    ] as const) {
      const peer = hub();
      peer.session.open('h', 1);
      peer.sent();
      peer.session.abort(0);
      expect(peer.send(answer)).toEqual([]);
      expect(peer.sent()).toEqual(closes);
      expect(peer.session.streams.count).toBe(0);
    }
  });

  test.each(['open', 'ended here', 'ended there', 'end owed'])('by us: %s', (state) => {
    const peer = openHub();
    if (state === 'ended here') {
      peer.session.end(0);
      peer.sent();
    }
    if (state === 'ended there') peer.send(say.end(FIRST));
    if (state === 'end owed') peer.session.end(0);
    peer.session.abort(0);
    peer.session.abort(0);
    peer.session.end(0);
    expect(peer.session.dataRoom(0)).toBe(0);
    expect(peer.send(...(state === 'ended there' ? [] : [say.data(FIRST, 5)]))).toEqual([]);
    expect(peer.sent()).toEqual(['CLOSE 10000 01']);
    expect(peer.session.streams.count).toBe(0);
    // Late frames.
    expect(peer.send(say.data(FIRST, 5), say.window(FIRST, 5), say.end(FIRST), say.abort(FIRST))).toEqual([]);
  });

  test.each(['opening', 'open', 'ended here', 'ended there', 'end owed', 'abort owed'])(
    'by the peer: %s',
    (state) => {
      const peer = state === 'opening' ? hub() : openHub();
      if (state === 'opening') {
        peer.session.open('h', 1);
        peer.sent();
      }
      if (state === 'ended here') {
        peer.session.end(0);
        peer.sent();
      }
      if (state === 'ended there') peer.send(say.end(FIRST));
      if (state === 'end owed') peer.session.end(0);
      if (state === 'abort owed') peer.session.abort(0);
      expect(peer.send(say.abort(FIRST))).toEqual(state === 'abort owed' ? [] : ['abort 0']);
      expect(peer.sent()).toEqual([]);
      expect(peer.session.streams.count).toBe(0);
    },
  );

  test('node: before its answer, and instead of it', () => {
    const peer = node();
    peer.send(connect(FIRST), connect(FIRST + 1), connect(FIRST + 2));
    peer.session.abort(0);
    peer.session.accept(1);
    peer.session.abort(1);
    expect(peer.sent()).toEqual(['CLOSE 10000 01', 'CLOSE 10001 01']);
    expect(peer.send(say.abort(FIRST + 2))).toEqual(['abort 2']);
    expect(peer.session.streams.count).toBe(0);
  });

  test('an ABORT owed when the peer ends a stream that we had ended is not sent: the slot is free at once', () => {
    const peer = openNode();
    peer.session.end(0);
    peer.sent();
    peer.session.abort(0);
    // The hub knows nothing of that: for it the stream is over, and it takes the slot again.
    expect(peer.send(say.end(FIRST), connect(2 * FIRST))).toEqual(['connect 0 example.com 443']);
    expect(peer.session.streams.count).toBe(1);
    peer.session.accept(0);
    expect(peer.sent()).toEqual(['CONNECT_OK 20000']);
  });

  test('given up in answer to its end', () => {
    const peer: RawPeer = node({
      onEnd: (slot) => peer.session.abort(slot),
    });
    peer.send(connect(FIRST));
    peer.session.accept(0);
    peer.session.end(0);
    peer.sent();
    expect(peer.send(say.end(FIRST), connect(2 * FIRST))).toEqual(['end 0', 'connect 0 example.com 443']);
    expect(peer.sent()).toEqual([]);
    // And with our own end not written yet.
    peer.session.accept(0);
    peer.session.end(0);
    peer.send(say.end(2 * FIRST));
    expect(peer.sent()).toEqual(['CLOSE 20000 01']);
    expect(peer.session.streams.count).toBe(0);
  });
});

describe('slots that come again', () => {
  test('65,536 streams in one slot: generations wrap past 0, each stream gets its own frames', () => {
    const peer = hub();
    let last = 0;
    for (let use = 1; use <= 65_536 + 3; use++) {
      expect(peer.session.open('h', 1)).toBe(0);
      const id = peer.session.streams.id[0]!;
      expect(id & 0xffff).toBe(0);
      expect(id >>> 16).toBe(use <= 65_535 ? use : use - 65_535);
      if (use % 8_000 === 0 || use > 65_530) {
        peer.sent();
        // The one before is late, whatever side of the wrap it is on.
        if (last !== 0) expect(peer.send(say.data(last, 3), say.ok(last))).toEqual([]);
        expect(peer.send(say.ok(id), say.data(id, 3))).toEqual(['ok 0', 'data 0 3']);
        peer.send(say.abort(id));
      } else {
        peer.send(say.fail(id, 1));
        if (use % 500 === 0) peer.sent();
      }
      peer.journal.told();
      last = id;
    }
    peer.sent();
    expect(peer.session.streams.count).toBe(0);
    expect(peer.session.streams.capacity).toBe(16);
  });

  test('node: ids of any slot and generation are taken', () => {
    const peer = node();
    const told = peer.send(connect(0xffff_ffff), connect(0x0001_0000), connect(0x1234_0777));
    expect(told.map((line) => Number(line.split(' ')[1]))).toEqual([0xffff, 0, 0x777]);
    peer.session.accept(0xffff);
    expect(peer.sent()).toEqual(['CONNECT_OK ffffffff']);
    expect(peer.send(say.data(0xffff_ffff, 4))).toEqual(['data 65535 4']);
    peer.session.release();
  });

  test('a slot whose earlier stream waited for room serves the next one', () => {
    const peer = openHub();
    stuff(peer, 0);
    const slot = peer.session.open('h', 1);
    peer.session.dataRoom(slot);
    peer.session.abort(slot);
    expect(peer.session.open('i', 1)).toBe(slot);
    peer.sent();
    peer.journal.told();
    peer.session.wakeBlocked();
    // The new stream has not asked for room, so it is not told of any; when it asks, it gets it.
    expect(peer.journal.told()).toEqual(['room 0']);
    expect(write(peer.session, slot, Uint8Array.of(1))).toBe(1);
    expect(write(peer.session, 0, Uint8Array.of(1))).toBe(1);
    peer.sent();
    peer.session.wakeBlocked();
    expect(peer.journal.told()).toEqual([]);
  });
});

describe('session frames', () => {
  test('STATUS and GOAWAY', () => {
    const peer = node();
    peer.session.sendStatus('{"version":"1"}');
    peer.session.sendStatus('{"version":"2"}');
    peer.session.sendGoAway();
    expect(peer.session.owesNothing).toBe(false);
    expect(peer.sentFrames()).toEqual([
      frame(TYPE.GOAWAY, 0),
      frame(TYPE.STATUS, 0, Buffer.from('{"version":"2"}')),
    ]);
    expect(() => peer.session.sendStatus('ä'.repeat(513))).toThrow(RangeError);
    expect(peer.session.owesNothing).toBe(true);

    const other = hub();
    expect(other.send(frame(TYPE.STATUS, 0, Buffer.from('{"a":"ä"}')), frame(TYPE.GOAWAY, 0))).toEqual([
      'status {"a":"ä"}',
      'goaway',
    ]);
    expect(other.session.goAwayReceived).toBe(true);
    expect(other.session.counters.recordsReceived).toBe(1);
    expect(other.send(frame(TYPE.STATUS, 0, Buffer.alloc(1_024, 'x')))).toHaveLength(1);
  });

  test('GOAWAY is neither sent nor taken where only one side knows it', () => {
    for (const peer of [hub({}, undefined, CAPABILITY.control), node({}, undefined, CAPABILITY.control)]) {
      peer.session.sendGoAway();
      expect(peer.sent()).toEqual([]);
      expect(() => peer.send(frame(TYPE.GOAWAY, 0))).toThrow(/not agreed/);
      peer.session.release();
    }
  });

  test('MARK is answered with the time at which it was read, several of one turn by one answer', () => {
    for (const peer of [hub(), node()]) {
      peer.sendPlain(encodeFrames([frame(TYPE.MARK, 0, u32(7)), frame(TYPE.MARK, 0, u32(8))]), 1_500.25);
      expect(peer.sentFrames()).toEqual([frame(TYPE.MARKED, 0, [...u32(8), ...u32(1_500_250)])]);
      // The clock of a peer that has run for long starts over.
      peer.sendPlain(encodeFrames([frame(TYPE.MARK, 0, u32(9))]), 5_000_000);
      expect(peer.sentFrames()).toContainEqual(
        frame(TYPE.MARKED, 0, [...u32(9), ...u32(5_000_000_000 % 2 ** 32)]),
      );
      peer.release();
    }
  });

  test('MARK and MARKED are not taken where only one side knows them', () => {
    for (const peer of [hub({}, undefined, CAPABILITY.control), node({}, undefined, CAPABILITY.control)]) {
      expect(() => peer.send(frame(TYPE.MARK, 0, u32(1)))).toThrow(/not agreed/);
      peer.release();
    }
    const peer = hub({}, undefined, CAPABILITY.control);
    expect(() => peer.send(frame(TYPE.MARKED, 0, new Uint8Array(8)))).toThrow(/not agreed/);
    peer.release();
  });

  test('PING is answered with its own 8 bytes', () => {
    const peer = hub();
    const bytes = [255, 1, 2, 3, 128, 0, 0, 9];
    peer.send(frame(TYPE.PING, 0, bytes), frame(TYPE.PING, 0, [...bytes].reverse()));
    expect(peer.sentFrames()).toEqual([
      frame(TYPE.PONG, 0, bytes),
      frame(TYPE.PONG, 0, [...bytes].reverse()),
    ]);
  });

  test('the round trip is that of the PING that was answered', () => {
    const peer = hub();
    expect(peer.session.roundTripMs).toBe(-1);
    // Nobody asked.
    peer.sendPlain(Uint8Array.of(TYPE.PONG, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0), 5);
    expect(peer.session.roundTripMs).toBe(-1);
    peer.session.tick(30_005);
    const [ping] = peer.sentFrames();
    expect(ping!.type).toBe(TYPE.PING);
    const pong = Uint8Array.of(TYPE.PONG, 0, 0, 0, 0, 0, 0, 0, 8, ...ping!.payload);
    peer.sendPlain(pong, 30_125);
    expect(peer.session.roundTripMs).toBe(120);
    peer.sendPlain(pong, 39_000);
    expect(peer.session.roundTripMs).toBe(120);
  });

  test('nothing is handled once the handler has released the session', () => {
    const peer: RawPeer = hub({ onGoAway: () => peer.session.release() });
    const told = peer.send(frame(TYPE.GOAWAY, 0), frame(TYPE.STATUS, 0, [0x31]), frame(0x7f, 9));
    expect(told).toEqual(['goaway']);
  });
});

/** A hub whose node sent its first record at 0. */
function provenHub(): RawPeer {
  const peer = hub();
  peer.send(frame(TYPE.STATUS, 0, [0x7b, 0x7d]));
  return peer;
}

/** One byte of a record, at this time. */
function trickle(peer: RawPeer, nowMs: number): void {
  const offset = peer.session.inbound.room();
  peer.session.inbound.slab.bytes[offset] = 0xff;
  peer.session.inbound.received(1);
  peer.session.receive(nowMs);
}

describe('liveness', () => {
  test('without a first record, no byte counts: dead at the deadline, without a PING', () => {
    const peer = hub();
    expect(peer.session.tickDueInMs(0)).toBe(SESSION.firstRecordMs);
    for (let nowMs = 0; nowMs < SESSION.firstRecordMs; nowMs += 1_000) {
      trickle(peer, nowMs);
      expect(peer.session.tick(nowMs)).toBe('alive');
    }
    expect(peer.session.tickDueInMs(1_000)).toBe(SESSION.firstRecordMs - 1_000);
    expect(peer.session.tick(SESSION.firstRecordMs)).toBe('dead');
    expect(peer.sent()).toEqual([]);
    peer.session.release();
  });

  test('bytes of a record that does not come to an end count no longer than the largest record may take', () => {
    const peer = provenHub();
    let nowMs = 0;
    const said: string[] = [];
    while (said.at(-1) !== 'dead' && nowMs < 3_600_000) {
      nowMs += 5_000;
      trickle(peer, nowMs);
      said.push(peer.session.tick(nowMs));
    }
    // The last byte that counted came less than recordMs after the first.
    expect(nowMs).toBe(SESSION.recordMs + SESSION.pingAfterSilenceMs + SESSION.deadAfterPingMs);
    peer.sent();
    peer.session.release();
  });

  test('a PING after 30 s of silence, dead 10 s later', () => {
    const peer = provenHub();
    expect(peer.session.tickDueInMs(0)).toBe(30_000);
    expect(peer.session.tick(29_999)).toBe('alive');
    expect(peer.sent()).toEqual([]);
    expect(peer.session.tick(30_000)).toBe('alive');
    expect(peer.sent()).toEqual(['PING 0 0000000000000001']);
    expect(peer.session.tickDueInMs(30_000)).toBe(10_000);
    expect(peer.session.tick(39_999)).toBe('alive');
    expect(peer.sent()).toEqual([]);
    expect(peer.session.tick(40_000)).toBe('dead');
  });

  test('any byte is a sign of life, even a piece of a record', () => {
    const peer = provenHub();
    peer.session.tick(30_000);
    peer.session.inbound.room();
    peer.session.inbound.received(1);
    peer.session.receive(39_999);
    expect(peer.session.tick(40_000)).toBe('alive');
    expect(peer.session.tickDueInMs(40_000)).toBe(29_999);
    expect(peer.session.tick(69_999)).toBe('alive');
    expect(peer.session.tick(79_999)).toBe('dead');
    peer.sent();
    peer.session.release();
  });

  test('dueInMs() is when check() says something else than wait', () => {
    const liveness = new Liveness(1_000);
    liveness.heard(1_000, true, false);
    let nowMs = 1_000;
    const said: string[] = [];
    for (let step = 0; step < 6; step++) {
      const due = liveness.dueInMs(nowMs);
      if (due > 0) {
        expect(liveness.check(nowMs + due - 1)).toBe('wait');
        nowMs += due;
      }
      said.push(liveness.check(nowMs));
      if (step < 3) liveness.heard(nowMs, true, false);
    }
    expect(said.slice(0, 5)).toEqual(['ping', 'ping', 'ping', 'ping', 'dead']);
    expect(liveness.dueInMs(nowMs + 50_000)).toBe(0);
  });
});

describe('turns', () => {
  const STREAMS = 5;

  /** A hub with streams that have endless data and credit; `fixedOrder`: sockets are polled in slot order after onRoom, as epoll does. */
  function run(fixedOrder: boolean, queueMaxBytes: number, takes: (turn: number) => number) {
    const readable = new Set<number>();
    const bytes = new Array<number>(STREAMS).fill(0);
    const CHUNK = new Uint8Array(65_536);
    const push = (slot: number) => {
      const room = peer.session.dataRoom(slot);
      if (room === 0) {
        readable.delete(slot);
        return false;
      }
      const length = Math.min(room, CHUNK.length);
      peer.session.commitData(slot, length);
      bytes[slot]! += length;
      return true;
    };
    const peer: RawPeer = hub(
      {
        onRoom: (slot) => {
          if (fixedOrder) readable.add(slot);
          else while (push(slot));
        },
      },
      queueMaxBytes,
    );
    for (let slot = 0; slot < STREAMS; slot++) {
      peer.session.open('h', 1);
      readable.add(slot);
    }
    peer.sent();
    for (let slot = 0; slot < STREAMS; slot++) peer.send(say.ok(FIRST + slot));
    const spreads: number[] = [];
    for (let turn = 0; turn < 300; turn++) {
      for (let slot = 0; slot < STREAMS; slot++) {
        if (fixedOrder) {
          if (readable.has(slot)) push(slot);
        } else if (turn === 0) while (push(slot));
        peer.session.streams.sendCredit[slot] = WINDOW;
      }
      peer.sentFrames(takes(turn));
      peer.session.wakeBlocked();
      spreads.push(Math.max(...bytes) - Math.min(...bytes));
    }
    peer.session.release();
    return { bytes, spread: Math.max(...spreads) };
  }

  test.each([
    ['each writes when told of room', false, 1_000, () => 1e9],
    ['sockets polled in one order, the queue emptied each turn', true, 1_000, () => 1e9],
    ['sockets polled in one order, room for a few', true, QUEUE_MAX_BYTES, () => 1e9],
    ['sockets polled in one order, the socket takes little', true, QUEUE_MAX_BYTES, () => 30_000],
    [
      'sockets polled in one order, the socket stalls now and then',
      true,
      1_000,
      (turn: number) => (turn % 3) * 50_000,
    ],
  ] as const)('%s', (_name, fixedOrder, queueMaxBytes, takes) => {
    const { bytes, spread } = run(fixedOrder, queueMaxBytes, takes);
    expect(Math.min(...bytes)).toBeGreaterThan(8 * 65_536);
    expect(spread).toBeLessThanOrEqual(65_536 + 4_096);
  });

  test('one that gives up its turn keeps nobody waiting', () => {
    const peer = hub({}, 1_000);
    for (let slot = 0; slot < 4; slot++) peer.session.open('h', 1);
    peer.sent();
    for (let slot = 0; slot < 4; slot++) peer.send(say.ok(FIRST + slot));
    expect(write(peer.session, 0, new Uint8Array(2_000))).toBe(2_000);
    for (let slot = 1; slot < 4; slot++) expect(peer.session.dataRoom(slot)).toBe(0);
    peer.sent();
    peer.session.wakeBlocked();
    expect(peer.journal.told()).toEqual(['room 1', 'room 2', 'room 3']);
    peer.session.end(1);
    peer.session.abort(2);
    // The last one must use its turn first.
    expect(peer.session.dataRoom(0)).toBe(0);
    peer.send(say.abort(FIRST + 3));
    peer.session.wakeBlocked();
    expect(peer.journal.told()).toEqual(['room 0']);
    // Nobody waits: it goes on without being told.
    expect(write(peer.session, 0, new Uint8Array(10))).toBe(10);
    expect(write(peer.session, 0, new Uint8Array(10))).toBe(10);
    peer.sent();
    expect(peer.session.hasBlocked).toBe(false);
  });

  test('one that heard of room and never asks keeps nobody waiting for long', () => {
    const peer = hub({}, 1_000);
    for (let slot = 0; slot < 2; slot++) peer.session.open('h', 1);
    peer.sent();
    for (let slot = 0; slot < 2; slot++) peer.send(say.ok(FIRST + slot));
    write(peer.session, 0, new Uint8Array(1_000));
    expect(peer.session.dataRoom(1)).toBe(0);
    peer.sent();
    peer.session.wakeBlocked();
    expect(peer.journal.told()).toEqual(['room 1']);
    let served = 0;
    for (let turn = 0; turn < 10; turn++) {
      served += write(peer.session, 0, new Uint8Array(10));
      peer.sent();
      peer.session.wakeBlocked();
    }
    expect(served).toBeGreaterThan(40);
    // Its turn is still good.
    expect(write(peer.session, 1, new Uint8Array(10))).toBe(10);
    peer.sent();
  });

  test('a stream that asks while it waits, and finds room, waits no more', () => {
    const peer = hub({}, 1_000);
    for (let slot = 0; slot < 2; slot++) peer.session.open('h', 1);
    peer.sent();
    for (let slot = 0; slot < 2; slot++) peer.send(say.ok(FIRST + slot));
    write(peer.session, 0, new Uint8Array(1_000));
    expect(peer.session.dataRoom(1)).toBe(0);
    peer.sent();
    expect(write(peer.session, 1, new Uint8Array(10))).toBe(10);
    peer.sent();
    peer.session.wakeBlocked();
    expect(peer.journal.told()).toEqual([]);
    expect(peer.session.hasBlocked).toBe(false);
  });

  test('control frames find room however much DATA waits and however little the socket takes', () => {
    const peer = hub();
    for (let slot = 0; slot < 3; slot++) peer.session.open('h', 1);
    peer.sent();
    for (let slot = 0; slot < 3; slot++) peer.send(say.ok(FIRST + slot));
    const hog = () => {
      peer.session.wakeBlocked();
      peer.session.streams.sendCredit.fill(WINDOW);
      for (let slot = 0; slot < 2; slot++) while (write(peer.session, slot, new Uint8Array(65_536)) > 0);
    };
    for (let turn = 0; turn < 100; turn++) {
      hog();
      if (turn % 10 === 5) peer.send(frame(TYPE.PING, 0, new Array(8).fill(turn)));
      peer.session.prepare();
      expect(peer.session.owesNothing).toBe(true);
      peer.sentFrames(10_000);
    }
    peer.session.release();
  });
});

describe('a peer that breaks the protocol', () => {
  type Case = readonly [name: string, peer: () => RawPeer, act: (peer: RawPeer) => unknown];

  const opened = FIRST;
  const plain = (...bytes: number[]) => Uint8Array.from(bytes);
  const openingHub = () => {
    const peer = hub();
    peer.session.open('h', 1);
    peer.sent();
    return peer;
  };
  const anyFrame = (type: number, id: number, length: number) =>
    frame(type, id, new Uint8Array(length).fill(1));

  const wrongLengths: Case[] = (
    [
      [TYPE.PING, 0, [0, 7, 9]],
      [TYPE.PONG, 0, [0, 7, 9]],
      [TYPE.GOAWAY, 0, [1]],
      [TYPE.MARK, 0, [1]],
      [TYPE.MARKED, 0, [1]],
      [TYPE.STATUS, 0, [1_025]],
      [TYPE.CONNECT_OK, opened, [1]],
      [TYPE.CONNECT_FAIL, opened, [0, 2]],
      [TYPE.CLOSE, opened, [0, 2]],
      [TYPE.WINDOW, opened, [0, 3, 5]],
    ] as const
  ).flatMap(([type, id, lengths]) =>
    lengths.map(
      (length): Case => [
        `type 0x${type.toString(16)} of ${length} bytes`,
        type === TYPE.CONNECT_OK || type === TYPE.CONNECT_FAIL ? openingHub : openHub,
        (peer) => peer.send(anyFrame(type, id, length)),
      ],
    ),
  );

  const neverOpened: Case[] = [0, 1, FIRST + 1, FIRST + 999, 2 * FIRST, 0x8000_0000, 0xffff_ffff].flatMap(
    (id) =>
      [say.data(id, 1), say.window(id, 1), say.end(id), say.abort(id), say.ok(id), say.fail(id, 1)].map(
        (one): Case => [
          `${show(one)} on the hub, where only 10000 was opened`,
          openHub,
          (peer) => peer.send(one),
        ],
      ),
  );

  const cases: readonly Case[] = [
    ...wrongLengths,
    ...neverOpened,
    ['DATA on a node without streams', node, (peer) => peer.send(say.data(FIRST, 1))],
    ['WINDOW for the generation to come', openNode, (peer) => peer.send(say.window(2 * FIRST, 1))],
    [
      'DATA one byte beyond the window',
      openNode,
      (peer) => {
        for (let at = 0; at < WINDOW; at += 32_768) peer.send(say.data(FIRST, 32_768));
        peer.send(say.data(FIRST, 1));
      },
    ],
    ['WINDOW of nothing', openHub, (peer) => peer.send(say.window(opened, 0))],
    [
      'WINDOW one byte beyond the largest',
      openHub,
      (peer) => {
        peer.send(say.window(opened, 16_777_216 - WINDOW));
        peer.send(say.window(opened, 1));
      },
    ],
    ['WINDOW of 2^32-1', openHub, (peer) => peer.send(say.window(opened, 0xffff_ffff))],
    ['DATA behind the end', openHub, (peer) => peer.send(say.end(opened), say.data(opened, 1))],
    ['empty DATA behind the end', openHub, (peer) => peer.send(say.end(opened), say.data(opened, 0))],
    ['ended twice', openHub, (peer) => peer.send(say.end(opened), say.end(opened))],
    ['CLOSE for an unknown reason', openHub, (peer) => peer.send(frame(TYPE.CLOSE, opened, [2]))],
    ['CONNECT_OK twice', openHub, (peer) => peer.send(say.ok(opened))],
    ['CONNECT_FAIL behind CONNECT_OK', openHub, (peer) => peer.send(say.fail(opened, 1))],
    ['DATA ahead of CONNECT_OK', openingHub, (peer) => peer.send(say.data(opened, 1))],
    ['end ahead of CONNECT_OK', openingHub, (peer) => peer.send(say.end(opened))],
    ['WINDOW ahead of CONNECT_OK', openingHub, (peer) => peer.send(say.window(opened, 1))],
    ['CONNECT by the node', openHub, (peer) => peer.send(connect(2 * FIRST))],
    ['CONNECT_OK by the hub', openNode, (peer) => peer.send(say.ok(opened))],
    ['CONNECT_FAIL by the hub', openNode, (peer) => peer.send(say.fail(opened, 1))],
    ['STATUS by the hub', openNode, (peer) => peer.send(frame(TYPE.STATUS, 0, [0x7b, 0x7d]))],
    ['CONTROL by the node', openHub, (peer) => peer.send(frame(TYPE.CONTROL, 0, [0x7b, 0x7d]))],
    ['CONTROL on a stream', openNode, (peer) => peer.send(frame(TYPE.CONTROL, opened, [0x7b, 0x7d]))],
    ['CONTROL of nothing', openNode, (peer) => peer.send(frame(TYPE.CONTROL, 0))],
    ['an id in use', openNode, (peer) => peer.send(connect(opened))],
    ['a slot in use', openNode, (peer) => peer.send(connect(2 * FIRST))],
    [
      'an id that was the last of its slot',
      openNode,
      (peer) => peer.send(say.abort(opened), connect(opened)),
    ],
    ['generation 0', node, (peer) => peer.send(connect(5))],
    ['stream id 0', node, (peer) => peer.send(connect(0))],
    ['a host with a space', node, (peer) => peer.send(connect(FIRST, 'a b'))],
    ['an empty host', node, (peer) => peer.send(connect(FIRST, ''))],
    ['a host of 256 bytes', node, (peer) => peer.send(connect(FIRST, 'a'.repeat(256)))],
    ['port 0', node, (peer) => peer.send(connect(FIRST, 'a', 0))],
    ['a CONNECT of one byte', node, (peer) => peer.send(frame(TYPE.CONNECT, FIRST, [1]))],
    ['an empty CONNECT', node, (peer) => peer.send(frame(TYPE.CONNECT, FIRST))],
    ['PING on a stream', openHub, (peer) => peer.send(frame(TYPE.PING, opened, new Uint8Array(8)))],
    ['PONG on a stream', openHub, (peer) => peer.send(frame(TYPE.PONG, opened, new Uint8Array(8)))],
    ['STATUS on a stream', openHub, (peer) => peer.send(frame(TYPE.STATUS, opened))],
    ['MARK on a stream', openHub, (peer) => peer.send(frame(TYPE.MARK, opened, new Uint8Array(4)))],
    ['MARKED on a stream', openHub, (peer) => peer.send(frame(TYPE.MARKED, opened, new Uint8Array(8)))],
    ['GOAWAY on a stream', openHub, (peer) => peer.send(frame(TYPE.GOAWAY, opened))],
    [
      'too many PINGs',
      openHub,
      (peer) => {
        for (let ping = 0; ping < 17; ping++) peer.send(frame(TYPE.PING, 0, new Uint8Array(8)));
      },
    ],
    [
      'a header cut by the record',
      openHub,
      (peer) => peer.sendPlain(plain(TYPE.GOAWAY, 0, 0, 0, 0, 0, 0, 0)),
    ],
    ['one byte', openHub, (peer) => peer.sendPlain(plain(TYPE.DATA))],
    [
      'a payload longer than the record',
      openHub,
      (peer) => peer.sendPlain(plain(TYPE.CLOSE, 0, 1, 0, 0, 0, 0, 0, 1)),
    ],
    [
      'a length of 2^32-1',
      openHub,
      (peer) => peer.sendPlain(plain(TYPE.DATA, 0, 1, 0, 0, 255, 255, 255, 255, 9)),
    ],
    [
      'a frame that goes on in the next record',
      openHub,
      (peer) => {
        peer.sendPlain(plain(TYPE.DATA, 0, 1, 0, 0, 0, 0, 0, 2, 9));
      },
    ],
  ];

  test.each(cases)('%s', (_name, make, act) => {
    const peer = make();
    expect(() => act(peer)).toThrow(expect.objectContaining({ name: 'ProtocolError' }));
    peer.release();
  });

  test.each(
    Array.from({ length: 256 }, (_, type) => type).filter(
      (type) => !Object.values(TYPE).some((known) => known === type),
    ),
  )('a frame of type %i', (type) => {
    for (const peer of [openHub(), openNode()]) {
      expect(() => peer.send(frame(type, 0))).toThrow(/unknown type/);
      expect(() => peer.send(frame(type, opened, [1]))).toThrow(/unknown type/);
      peer.release();
    }
  });

  test('an answer to a CONNECT that was not sent yet', () => {
    for (const one of [say.ok(FIRST + 1), say.fail(FIRST + 1, 1), say.abort(FIRST + 1)]) {
      const peer = openHub();
      stuff(peer, 0);
      peer.session.open('h', 1);
      expect(() => peer.send(one)).toThrow(/never opened/);
      peer.release();
    }
  });

  test('16 PINGs at once are answered', () => {
    const peer = openHub();
    for (let round = 0; round < 3; round++) {
      for (let ping = 0; ping < 16; ping++) peer.send(frame(TYPE.PING, 0, new Array(8).fill(ping)));
      expect(peer.sent()).toHaveLength(16);
    }
  });

  test('frames for closed streams are late, not wrong', () => {
    const peer = openHub();
    peer.session.abort(0);
    peer.sent();
    peer.session.open('h', 1);
    peer.sent();
    const late = [say.data(opened, 9), say.window(opened, 0), say.end(opened), say.abort(opened)];
    expect(peer.send(...late, say.ok(opened), say.fail(opened, 1), say.data(opened, 9))).toEqual([]);
    expect(peer.session.streams.flags[0]! & STREAM.OPENING).toBe(STREAM.OPENING);
    expect(peer.session.streams.sendCredit[0]).toBe(WINDOW);
    expect(peer.sendPlain(NOTHING)).toEqual([]);
  });
});
