// A WebSocket as the carrier of a tunnel: whatever sockets take and give at a time, what goes in at one side comes out at the other.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Slab } from '../../src/base/slab.ts';
import { WebSocketCarrier } from '../../src/engine/webSocketCarrier.ts';
import { ERRNO } from '../../src/reactor/errno.ts';
import { END, WOULD_BLOCK } from '../../src/reactor/reactor.ts';
import { FRONT_BYTES } from '../../src/tunnel/outboundRecords.ts';

const CONN = 1;

function slab(bytes: number): Slab {
  const buffer = new ArrayBuffer(bytes);
  return { bytes: new Uint8Array(buffer), view: new DataView(buffer), address: 0 };
}

/** One socket: takes and gives as many bytes at a time as a script says. */
class Pipe {
  readonly sent: Uint8Array[] = [];
  incoming = Buffer.alloc(0);
  #script: readonly number[];
  #turn = 0;
  calls = 0;

  constructor(script: readonly number[] = [Number.POSITIVE_INFINITY]) {
    this.#script = script;
  }

  #most(): number {
    return this.#script[this.#turn++ % this.#script.length]!;
  }

  readonly reactor = {
    slab,
    read: (_conn: number, to: Slab, offset: number, length: number): number => {
      const count = Math.min(length, this.incoming.length, this.#most());
      if (count === 0) return WOULD_BLOCK;
      to.bytes.set(this.incoming.subarray(0, count), offset);
      this.incoming = this.incoming.subarray(count);
      return count;
    },
    write: (_conn: number, from: Slab, offset: number, length: number): number => {
      this.calls++;
      const count = Math.min(length, this.#most());
      this.sent.push(from.bytes.slice(offset, offset + count));
      return count;
    },
  };
}

describe.each([
  ['node', 'hub'],
  ['hub', 'node'],
] as const)('from %s to %s', (from, to) => {
  test('whatever the sockets take and give at a time', () => {
    const script = fc
      .array(fc.oneof(fc.nat(20), fc.nat(2_000)), { minLength: 1, maxLength: 8 })
      .filter((list) => list.some(Boolean));
    fc.assert(
      fc.property(fc.array(fc.nat(3_000), { maxLength: 8 }), script, script, (lengths, takes, gives) => {
        const out = new Pipe(takes);
        const sender = new WebSocketCarrier(out.reactor, from);
        const expected: Uint8Array[] = [];
        for (const [at, length] of lengths.entries()) {
          const queue = slab(FRONT_BYTES + length);
          const data = new Uint8Array(length).fill(at + 1);
          queue.bytes.set(data, FRONT_BYTES);
          expected.push(data);
          for (let done = 0; done < length; )
            done += sender.write(CONN, queue, FRONT_BYTES + done, length - done);
        }
        const into = new Pipe(gives);
        into.incoming = Buffer.concat(out.sent);
        const receiver = new WebSocketCarrier(into.reactor, to);
        const got: Uint8Array[] = [];
        while (into.incoming.length > 0) {
          const place = slab(1_000);
          const read = receiver.read(CONN, place, 8, 992);
          if (read !== WOULD_BLOCK) got.push(place.bytes.slice(8, 8 + read));
        }
        expect(Buffer.concat(got)).toEqual(Buffer.concat(expected));
      }),
    );
  });
});

test('what is queued goes out in one piece with its header', () => {
  const out = new Pipe();
  const queue = slab(FRONT_BYTES + 70_000);
  expect(new WebSocketCarrier(out.reactor, 'node').write(CONN, queue, FRONT_BYTES, 70_000)).toBe(70_000);
  expect(out.sent.map(({ length }) => length)).toEqual([14 + 70_000]);
});

test('a Ping is answered, and never inside a frame', () => {
  const pipe = new Pipe([4, 1_000]);
  const carrier = new WebSocketCarrier(pipe.reactor, 'hub');
  const queue = slab(FRONT_BYTES + 10);
  queue.bytes.fill(7, FRONT_BYTES);
  expect(carrier.write(CONN, queue, FRONT_BYTES, 10)).toBe(2);
  const ping = Buffer.from('8982000000006869', 'hex');
  const place = slab(64);
  place.bytes.set(ping);
  expect(carrier.decode(CONN, place, 0, ping.length)).toBe(WOULD_BLOCK);
  expect(carrier.write(CONN, queue, FRONT_BYTES + 2, 8)).toBe(8);
  expect(carrier.write(CONN, queue, FRONT_BYTES, 1)).toBe(1);
  expect(Buffer.concat(pipe.sent).toString('hex')).toBe(`820a${'07'.repeat(10)}8a026869820107`);
});

test('a Close is the end, and nonsense breaks the connection', () => {
  const pipe = new Pipe();
  const carrier = new WebSocketCarrier(pipe.reactor, 'node');
  pipe.incoming = Buffer.from('820107880203e8', 'hex');
  const place = slab(64);
  expect(carrier.read(CONN, place, 0, 64)).toBe(1);
  expect(carrier.read(CONN, place, 0, 64)).toBe(END);
  const other = new WebSocketCarrier(pipe.reactor, 'node');
  pipe.incoming = Buffer.from('810107', 'hex');
  expect(other.read(CONN, place, 0, 64)).toBe(-ERRNO.EPROTO);
});
