// Both halves of the record layer over the real cipher: any cut of bytes, rekeying, full slabs, records that are not what they should be.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Slab } from '../../src/base/slab.ts';
import { PROTOCOL } from '../../src/limits/wire.ts';
import { sodiumAead } from '../../src/noise/aeadSodium.ts';
import { TransportCipher } from '../../src/noise/cipher.ts';
import { Inbound } from '../../src/tunnel/inboundRecords.ts';
import { FRONT_BYTES, Outbound, outboundSlabBytes } from '../../src/tunnel/outboundRecords.ts';
import { ProtocolError } from '../../src/tunnel/protocolError.ts';
import { SlabPool } from '../../src/tunnel/slabPool.ts';
import { SealingTwin, testSlab } from '../noise/cipherTwin.ts';

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i * 5 + 3);
const WHOLE_RECORD_BYTES = 2 + 65_535;
const PLAIN_MAX_BYTES = 65_535 - 16;

function cipher(firstLow = 0): TransportCipher {
  return new TransportCipher(sodiumAead(KEY), firstLow);
}

function pool(slabBytes: number): SlabPool {
  return new SlabPool(testSlab, slabBytes, 4 * slabBytes, 0);
}

const outboundPool = pool(outboundSlabBytes(1_000));
const inboundPool = pool(100_000);

function write(outbound: Outbound, bytes: Uint8Array): boolean {
  const offset = outbound.reserve(bytes.length);
  if (offset < 0) return false;
  outbound.slab.bytes.set(bytes, offset);
  outbound.commit(bytes.length);
  return true;
}

/** What the socket would be given, taken whole. */
function takeAll(outbound: Outbound): Uint8Array {
  outbound.seal();
  const queued = outbound.queuedBytes;
  if (queued === 0) return new Uint8Array(0);
  const bytes = outbound.slab.bytes.slice(outbound.headOffset, outbound.headOffset + queued);
  outbound.sent(queued);
  return bytes;
}

/** Feeds bytes in pieces of the given sizes, over and over; the plaintext of each record. */
function open(inbound: Inbound, bytes: Uint8Array, cuts: readonly number[] = [bytes.length]): Uint8Array[] {
  const records: Uint8Array[] = [];
  let at = 0;
  for (let turn = 0; at < bytes.length; turn++) {
    const offset = inbound.room();
    const free = inbound.slab.bytes.length - offset;
    expect(free).toBeGreaterThan(0);
    const length = Math.min(Math.max(1, cuts[turn % cuts.length]!), bytes.length - at, free);
    inbound.slab.bytes.set(bytes.subarray(at, at + length), offset);
    inbound.received(length);
    at += length;
    while (inbound.next()) records.push(inbound.slab.bytes.slice(inbound.plainStart, inbound.plainEnd));
    inbound.settle();
  }
  return records;
}

function framed(sealed: Uint8Array): Uint8Array {
  return Uint8Array.of(sealed.length >>> 8, sealed.length & 0xff, ...sealed);
}

const plains = fc.array(
  fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 50 }),
    fc.integer({ min: 1, max: PLAIN_MAX_BYTES }).map((length) => new Uint8Array(length).fill(length)),
  ),
  { minLength: 1, maxLength: 6 },
);

describe('records', () => {
  test('are what the twin seals, and open whatever the cut', () => {
    const cuts = fc.array(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 90_000 })), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(plains, cuts, (records, sizes) => {
        const outbound = new Outbound(cipher(), outboundPool);
        const twin = new SealingTwin(KEY);
        const stream: Uint8Array[] = [];
        for (const plain of records) {
          expect(write(outbound, plain)).toBe(true);
          const bytes = takeAll(outbound);
          expect(Buffer.compare(bytes, framed(twin.seal(plain)))).toBe(0);
          stream.push(bytes);
        }
        const small = sizes.every((size) => size < 100);
        const all = Buffer.concat(stream);
        const inbound = new Inbound(cipher(), inboundPool);
        const opened = open(inbound, all, small && all.length > 5_000 ? [...sizes, 5_000] : sizes);
        expect(opened.length).toBe(records.length);
        for (const [at, plain] of records.entries()) expect(Buffer.compare(opened[at]!, plain)).toBe(0);
        expect(outboundPool.taken).toBe(0);
        expect(inboundPool.taken).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  test('vectors of native-notes/wire-protocol.md: the first two records, and those around a rekeying', () => {
    const key = Uint8Array.from({ length: 32 }, (_, at) => at);
    const record = (firstLow: number, plains: string[]) => {
      const outbound = new Outbound(new TransportCipher(sodiumAead(key), firstLow), outboundPool);
      return plains.map((plain) => {
        write(outbound, new Uint8Array(Buffer.from(plain, 'hex')));
        return Buffer.from(takeAll(outbound)).toString('hex');
      });
    };
    const goAway = '050000000000000000';
    const hiAndEnd = '200001000700000002686921000100070000000100';
    expect(record(0, [goAway, hiAndEnd])).toEqual([
      '00191db84231ade6a6d113c2dcd5b628220a811cbe71d7820a655c',
      '0025bf57f25fb22aaf182bdec77d52949980c57deb0f47ebe6239cf6b42b798dfb1a443c4373ed',
    ]);
    expect(record(65_535, [goAway, goAway])).toEqual([
      '00191a721c15e67e56e4b013b746f1effc59cb1401340bb2882d80',
      '001967f32c5d635bf15907b575f93e6d8601e36abd2e4421e86d52',
    ]);
  });

  test('several frames share one record until it is full', () => {
    const outbound = new Outbound(cipher(), outboundPool);
    write(outbound, Uint8Array.of(1, 2));
    write(outbound, Uint8Array.of(3));
    expect(outbound.roomAtCursor()).toBe(PLAIN_MAX_BYTES - 3);
    expect(outbound.queuedBytes).toBe(0);
    expect(outbound.heldBytes).toBe(2 + 3);
    write(outbound, new Uint8Array(PLAIN_MAX_BYTES - 3));
    expect(outbound.roomAtCursor()).toBe(0);
    write(outbound, Uint8Array.of(9));
    expect(outbound.queuedBytes).toBe(WHOLE_RECORD_BYTES);
    const opened = open(new Inbound(cipher(), inboundPool), takeAll(outbound));
    expect(opened.map((record) => record.length)).toEqual([PLAIN_MAX_BYTES, 1]);
    expect([...opened[0]!.subarray(0, 4)]).toEqual([1, 2, 3, 0]);
  });

  test('both sides rekey at the same record', () => {
    const first = 2 ** 16 - 3;
    const outbound = new Outbound(cipher(first), outboundPool);
    const inbound = new Inbound(cipher(first), inboundPool);
    const twin = new SealingTwin(KEY, BigInt(first));
    for (let record = 0; record < 6; record++) {
      write(outbound, Uint8Array.of(record));
      const bytes = takeAll(outbound);
      expect(bytes).toEqual(framed(twin.seal(Uint8Array.of(record))));
      expect(open(inbound, bytes)).toEqual([Uint8Array.of(record)]);
    }
    expect(twin.key).not.toEqual(KEY);
  });

  test('an opened record that was reserved and not used leaves nothing', () => {
    const outbound = new Outbound(cipher(), outboundPool);
    expect(outbound.reserve(10)).toBeGreaterThanOrEqual(0);
    expect(outboundPool.taken).toBe(1);
    outbound.seal();
    expect(outbound.queuedBytes).toBe(0);
    expect(outboundPool.taken).toBe(0);
    write(outbound, Uint8Array.of(7));
    expect(open(new Inbound(cipher(), inboundPool), takeAll(outbound))).toEqual([Uint8Array.of(7)]);
  });

  test('a full slab refuses, what the socket takes makes room, and order stays', () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.integer({ min: 1, max: PLAIN_MAX_BYTES }).map((write) => ({ write })) },
      { weight: 2, arbitrary: fc.integer({ min: 1, max: 150_000 }).map((sent) => ({ sent })) },
      { weight: 1, arbitrary: fc.constant({ seal: true }) },
    );
    let refusals = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 40 }), (steps) => {
        const slabBytes = outboundSlabBytes(10_000);
        const outbound = new Outbound(cipher(), pool(slabBytes));
        const inbound = new Inbound(cipher(), inboundPool);
        const written: number[] = [];
        const received: Uint8Array[] = [];
        const take = (most: number) => {
          const length = Math.min(most, outbound.queuedBytes);
          if (length === 0) return;
          const start = outbound.headOffset;
          expect(start).toBeGreaterThanOrEqual(FRONT_BYTES);
          // A carrier may.
          outbound.slab.bytes.fill(0xee, start - FRONT_BYTES, start);
          received.push(...open(inbound, outbound.slab.bytes.slice(start, start + length)));
          outbound.sent(length);
        };
        for (const one of steps) {
          if ('write' in one) {
            const value = written.length % 251;
            if (write(outbound, new Uint8Array(one.write).fill(value))) written.push(one.write);
            else {
              refusals++;
              expect(FRONT_BYTES + outbound.queuedBytes + WHOLE_RECORD_BYTES).toBeGreaterThan(slabBytes);
            }
          } else if ('sent' in one) take(one.sent);
          else outbound.seal();
          expect(outbound.heldBytes).toBeLessThanOrEqual(slabBytes);
        }
        outbound.seal();
        take(Number.POSITIVE_INFINITY);
        const expected = Buffer.concat(written.map((length, at) => Buffer.alloc(length, at % 251)));
        expect(Buffer.compare(Buffer.concat(received), expected)).toBe(0);
        inbound.release();
        expect(inboundPool.taken).toBe(0);
      }),
      { numRuns: 60 },
    );
    expect(refusals).toBeGreaterThan(5);
  });

  test('slabs go back when everything is sent, when everything is opened, and on release', () => {
    const out = pool(outboundSlabBytes(0));
    const outbound = new Outbound(cipher(), out);
    write(outbound, Uint8Array.of(1, 2, 3));
    outbound.seal();
    expect(out.taken).toBe(1);
    outbound.sent(outbound.queuedBytes - 1);
    expect(out.taken).toBe(1);
    outbound.sent(1);
    expect(out.taken).toBe(0);
    write(outbound, Uint8Array.of(1));
    outbound.release();
    outbound.release();
    expect(out.taken).toBe(0);
    expect(outbound.heldBytes).toBe(0);

    const inbound = new Inbound(cipher(), inboundPool);
    const record = framed(new SealingTwin(KEY).seal(Uint8Array.of(5)));
    open(inbound, record.subarray(0, 7));
    expect(inboundPool.taken).toBe(1);
    expect(open(inbound, record.subarray(7))).toEqual([Uint8Array.of(5)]);
    expect(inboundPool.taken).toBe(0);
    open(inbound, Uint8Array.of(0));
    inbound.release();
    inbound.release();
    expect(inboundPool.taken).toBe(0);
  });

  test('more than reserved, sent or received is a mistake of the caller', () => {
    const outbound = new Outbound(cipher(), outboundPool);
    expect(() => outbound.reserve(PLAIN_MAX_BYTES + 1)).toThrow(RangeError);
    expect(() => outbound.commit(1)).toThrow(RangeError);
    outbound.reserve(PLAIN_MAX_BYTES);
    expect(() => outbound.commit(PLAIN_MAX_BYTES + 1)).toThrow(RangeError);
    expect(() => outbound.sent(1)).toThrow(RangeError);
    outbound.release();
    const inbound = new Inbound(cipher(), inboundPool);
    expect(() => inbound.received(1)).toThrow(RangeError);
    inbound.room();
    expect(() => inbound.received(inboundPool.slabBytes + 1)).toThrow(RangeError);
    inbound.release();
  });
});

describe('records that are wrong', () => {
  const sealed = new SealingTwin(KEY).seal(Uint8Array.of(1, 2, 3, 4, 5));

  test.each(Array.from({ length: PROTOCOL.recordMinBytes }, (_, length) => length))(
    'of %i bytes are refused before they are there',
    (length) => {
      const inbound = new Inbound(cipher(), pool(100_000));
      expect(() => open(inbound, Uint8Array.of(0, length))).toThrow(ProtocolError);
    },
  );

  test('the shortest and the longest are fine', () => {
    const twin = new SealingTwin(KEY);
    const empty = framed(twin.seal(new Uint8Array(0)));
    const longest = framed(twin.seal(new Uint8Array(PLAIN_MAX_BYTES).fill(9)));
    expect(empty.length).toBe(18);
    expect(longest.length).toBe(WHOLE_RECORD_BYTES);
    const inbound = new Inbound(cipher(), pool(WHOLE_RECORD_BYTES));
    const opened = open(inbound, Buffer.concat([empty, longest]), [3]);
    expect(opened.map((record) => record.length)).toEqual([0, PLAIN_MAX_BYTES]);
  });

  test('any changed bit is refused', () => {
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const bytes = framed(sealed);
      bytes[2 + (bit >>> 3)]! ^= 1 << (bit & 7);
      const inbound = new Inbound(cipher(), pool(70_000));
      expect(() => open(inbound, bytes)).toThrow(ProtocolError);
    }
  });

  test('a shorter length, a record left out, twice or early is refused', () => {
    const twin = new SealingTwin(KEY);
    const records = [1, 2, 3].map((value) => framed(twin.seal(Uint8Array.of(value))));
    const shorter = records[0]!.slice();
    shorter[1]! -= 1;
    for (const wrong of [
      [shorter, records[1]!],
      [records[1]!],
      [records[0]!, records[0]!],
      [records[0]!, records[2]!],
    ]) {
      const inbound = new Inbound(cipher(), pool(70_000));
      expect(() => open(inbound, Buffer.concat(wrong))).toThrow(ProtocolError);
    }
  });

  test('a record that is cut waits', () => {
    const inbound = new Inbound(cipher(), inboundPool);
    const bytes = framed(sealed);
    for (let at = 0; at < bytes.length - 1; at++)
      expect(open(inbound, bytes.subarray(at, at + 1))).toEqual([]);
    expect(open(inbound, bytes.subarray(bytes.length - 1))).toEqual([Uint8Array.of(1, 2, 3, 4, 5)]);
  });
});

describe('slab pool', () => {
  /** Slabs of 64 bytes: so many free ones at any time, and at rest. */
  function counted(freeMax: number, rest: number) {
    const made: Slab[] = [];
    const make = (bytes: number) => {
      made.push(testSlab(bytes));
      return made.at(-1)!;
    };
    const slabs = new SlabPool(make, 64, freeMax * 64 + 63, rest * 64);
    /** So many are needed at once. */
    const burst = (count: number) => {
      const taken = Array.from({ length: count }, () => slabs.take());
      for (const slab of taken.reverse()) slabs.give(slab);
    };
    const left = () => made.filter(({ bytes }) => bytes.length > 0).length;
    return { slabs, made, burst, left };
  }

  test('hands out the last one given back, keeps no more than it should', () => {
    const { slabs, made } = counted(1, 0);
    const [first, second] = [slabs.take(), slabs.take()];
    expect([slabs.taken, made.length, first.bytes.length]).toEqual([2, 2, 64]);
    slabs.give(first);
    slabs.give(second);
    expect(slabs.taken).toBe(0);
    // Its session may read from it until the turn ends.
    expect(second.bytes.length).toBe(64);
    slabs.shed();
    expect([first.bytes.length, second.bytes.length]).toEqual([64, 0]);
    expect(slabs.take()).toBe(first);
    slabs.take();
    expect(made).toHaveLength(3);
  });

  test('a burst that comes again makes no slab anew', () => {
    const { slabs, made, burst } = counted(100, 2);
    for (let at = 0; at < 20; at++) {
      burst(64);
      slabs.trim();
    }
    expect(made).toHaveLength(64);
  });

  test('slabs that nobody needs are freed by halves, and those used last stay', () => {
    const { slabs, made, burst, left } = counted(100, 2);
    burst(64);
    // The burst was in the time before it.
    slabs.trim();
    const counts = [];
    while (slabs.hasSpare) {
      burst(1);
      slabs.trim();
      counts.push(left());
    }
    expect(counts).toEqual([32, 16, 8, 4, 2]);
    expect(made.slice(0, 2).map(({ bytes }) => bytes.length)).toEqual([64, 64]);
    slabs.trim();
    expect(left()).toBe(2);
  });
});
