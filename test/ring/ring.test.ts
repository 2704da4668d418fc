// The ring in one thread against an array, and between two threads that sleep and ring as the engine's do.

import { MessageChannel, Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RingReader, RingWriter, ringBuffer } from '../../src/ring/ring.ts';
import { lengthOf, SLEEP_EVERY } from './ringMessages.ts';

const CAPACITY = 256;

function message(number: number, length: number): Uint8Array {
  return new Uint8Array(length).map((_, at) => number * 17 + at + 1);
}

/** What the ring may do, said with arrays: whole messages, padded, never across the end. */
class RingTwin {
  readonly #capacity: number;
  readonly queue: { bytes: Uint8Array; used: number }[] = [];
  #at = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  #cost(length: number): number {
    const needed = 4 + Math.ceil(length / 4) * 4;
    const toEnd = this.#capacity - this.#at;
    return needed > toEnd ? toEnd + needed : needed;
  }

  hasRoom(length: number): boolean {
    const used = this.queue.reduce((sum, entry) => sum + entry.used, 0);
    return used + this.#cost(length) <= this.#capacity;
  }

  push(bytes: Uint8Array): boolean {
    if (!this.hasRoom(bytes.length)) return false;
    const used = this.#cost(bytes.length);
    this.queue.push({ bytes, used });
    this.#at = (this.#at + used) % this.#capacity;
    return true;
  }
}

describe('ring', () => {
  test('any pushes and pops: what goes in comes out, and hasRoom() is right', () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.integer({ min: 0, max: CAPACITY / 2 - 4 }).map((push) => ({ push })) },
      { weight: 2, arbitrary: fc.integer({ min: 0, max: 20 }).map((push) => ({ push })) },
      { weight: 3, arbitrary: fc.constant('pop' as const) },
    );
    let full = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 30, maxLength: 120 }), (steps) => {
        const buffer = ringBuffer(CAPACITY);
        const writer = new RingWriter(buffer);
        const reader = new RingReader(buffer);
        const twin = new RingTwin(CAPACITY);
        for (const [number, one] of steps.entries()) {
          if (one === 'pop') {
            expect(reader.isEmpty).toBe(twin.queue.length === 0);
            expect(reader.next()).toBe(twin.queue.length > 0);
            const expected = twin.queue.shift();
            if (expected === undefined) continue;
            const { offset, length } = reader;
            expect(reader.bytes.slice(offset, offset + length)).toEqual(expected.bytes);
            reader.done();
            // Keys do not stay behind.
            expect(reader.bytes.slice(offset, offset + length).every((byte) => byte === 0)).toBe(true);
          } else {
            const bytes = message(number, one.push);
            const room = twin.hasRoom(one.push);
            expect(writer.hasRoom(one.push)).toBe(room);
            // From a scratch buffer that is longer than the message, as the engine has it.
            const scratch = new Uint8Array(one.push + (number % 3));
            scratch.set(bytes);
            expect(writer.push(scratch, one.push)).toBe(twin.push(bytes));
            if (!room) full++;
          }
        }
      }),
      { numRuns: 300 },
    );
    expect(full).toBeGreaterThan(50);
  });

  test('next() finds the same message again until done()', () => {
    const buffer = ringBuffer(64);
    const writer = new RingWriter(buffer);
    const reader = new RingReader(buffer);
    writer.push(message(1, 5), 5);
    expect([reader.next(), reader.length, reader.next(), reader.length]).toEqual([true, 5, true, 5]);
    reader.done();
    expect(reader.next()).toBe(false);
  });

  test('the largest message fits an empty ring at any position', () => {
    for (let start = 0; start < CAPACITY; start += 4) {
      const buffer = ringBuffer(CAPACITY);
      const writer = new RingWriter(buffer);
      const reader = new RingReader(buffer);
      for (let at = 0; at < start; at += 4) {
        expect(writer.push(new Uint8Array(0), 0)).toBe(true);
        expect(reader.next()).toBe(true);
        reader.done();
      }
      const largest = message(start, writer.messageMaxBytes);
      expect(writer.push(largest, largest.length)).toBe(true);
      expect(reader.next()).toBe(true);
      expect(reader.bytes.slice(reader.offset, reader.offset + reader.length)).toEqual(largest);
    }
  });

  test('positions wrap at 2^32', () => {
    const buffer = ringBuffer(1 << 20);
    const writer = new RingWriter(buffer);
    const reader = new RingReader(buffer);
    const bytes = new Uint8Array(writer.messageMaxBytes);
    // Two a round: about 4,200 rounds of a mebibyte.
    for (let number = 0; number < 2 * 4_200; number++) {
      bytes[0] = number;
      bytes[bytes.length - 1] = number >>> 8;
      if (!writer.push(bytes, bytes.length)) throw new Error(`message ${number} found no room`);
      if (!reader.next()) throw new Error(`message ${number} is not there`);
      const { offset, length } = reader;
      const same =
        reader.bytes[offset] === (number & 0xff) && reader.bytes[offset + length - 1] === number >>> 8;
      if (length !== bytes.length || !same) throw new Error(`message ${number} is another`);
      reader.done();
    }
    expect(reader.isEmpty).toBe(true);
  });

  test('sizes out of bounds throw', () => {
    for (const capacity of [0, 32, 63, 65, 96, 1_000]) expect(() => ringBuffer(capacity)).toThrow(RangeError);
    const writer = new RingWriter(ringBuffer(64));
    expect(writer.messageMaxBytes).toBe(28);
    expect(() => writer.push(new Uint8Array(29), 29)).toThrow(RangeError);
    expect(() => writer.hasRoom(29)).toThrow(RangeError);
  });

  test('two threads: 100,000 messages arrive in order and whole, while the reader keeps falling asleep', async () => {
    const messages = 100_000;
    const { port1, port2 } = new MessageChannel();
    const shared = { buffer: ringBuffer(4_096), marks: new SharedArrayBuffer(8), messages };
    const producer = new Worker(new URL('./ringProducer.ts', import.meta.url), {
      workerData: { ...shared, port: port1 },
      transferList: [port1],
    });
    const consumer = new Worker(new URL('./ringConsumer.ts', import.meta.url), {
      workerData: { ...shared, port: port2 },
      transferList: [port2],
    });
    try {
      const { rung, bytes } = await new Promise<{ rung: number; bytes: number }>((resolve, reject) => {
        consumer.once('message', resolve);
        consumer.once('error', reject);
        producer.once('error', reject);
      });
      expect(bytes).toBe(
        Array.from({ length: messages }, (_, number) => lengthOf(number)).reduce((a, b) => a + b),
      );
      expect(rung).toBeGreaterThanOrEqual(messages / SLEEP_EVERY - 1);
    } finally {
      await Promise.all([producer.terminate(), consumer.terminate()]);
    }
  });
});
