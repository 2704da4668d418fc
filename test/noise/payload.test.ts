// The payloads of both handshake messages: what is encoded comes back, what is malformed is a HandshakeError and nothing else.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HandshakeError } from '../../src/noise/handshakeError.ts';
import {
  CAPABILITY,
  decodeMessage1,
  decodeMessage2,
  encodeMessage1,
  encodeMessage2,
  fitDeviceName,
  type Message1Payload,
  type Message2Payload,
} from '../../src/noise/payload.ts';
import { compareTimestamps, timestampAfter } from '../../src/noise/timestamp.ts';

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const nowMs = fc.integer({ min: 0, max: 2 ** 45 });
const timestamp = nowMs.map((ms) => timestampAfter(ms, null));
const enroll = fc.record({
  token: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  name: fc.string({ unit: 'binary', maxLength: 64 }).map(fitDeviceName),
});
const message1: fc.Arbitrary<Message1Payload> = fc.record({
  timestamp,
  version: fc.constant(1),
  capabilities: u32,
  lane: fc.nat(255),
  enroll: fc.option(enroll),
});
const message2: fc.Arbitrary<Message2Payload> = fc.record({
  version: fc.constant(1),
  capabilities: u32,
  initialWindowBytes: fc.integer({ min: 1, max: 16_777_216 }),
  maxStreams: fc.integer({ min: 1, max: 65_536 }),
  observedAddress: fc.oneof(fc.constant(''), fc.ipV4(), fc.ipV6()),
  enrolledAs: fc.option(fc.stringMatching(/^[0-9a-f]{16}$/)),
});
const padding = fc.nat(255);

/** Runs a decoder on anything: a value or a HandshakeError, never another error. */
function outcome<T>(decode: () => T): T | 'refused' {
  try {
    return decode();
  } catch (error) {
    if (error instanceof HandshakeError) return 'refused';
    throw error;
  }
}

describe('message 1', () => {
  test('decodes to what was encoded, whatever the padding', () => {
    fc.assert(
      fc.property(message1, padding, (payload, paddingBytes) => {
        const bytes = encodeMessage1(payload, paddingBytes);
        expect(decodeMessage1(bytes)).toEqual(payload);
        expect(bytes.length - encodeMessage1(payload, 0).length).toBe(paddingBytes);
        expect(bytes.subarray(bytes.length - paddingBytes).every((byte) => byte === 0)).toBe(true);
      }),
    );
  });

  test('decodes to copies, even from a Buffer', () => {
    const token = new Uint8Array(32).fill(1);
    const payload = { timestamp: timestampAfter(1e12, null), version: 1, capabilities: 0, lane: 0 };
    const bytes = Buffer.from(encodeMessage1({ ...payload, enroll: { token, name: '' } }, 0));
    const decoded = decodeMessage1(bytes);
    bytes.fill(0);
    expect(decoded.timestamp).toEqual(payload.timestamp);
    expect(decoded.enroll!.token).toEqual(token);
  });

  test('has this layout, byte for byte', () => {
    const bytes = encodeMessage1(
      {
        timestamp: Uint8Array.from([0, 0, 0, 0, 0x65, 0x01, 0x02, 0x03, 0x00, 0x0f, 0x42, 0x40]),
        version: 1,
        capabilities: CAPABILITY.goaway | CAPABILITY.control,
        lane: 7,
        enroll: { token: new Uint8Array(32).fill(0xcc), name: 'tv' },
      },
      3,
    );
    expect(Buffer.from(bytes).toString('hex')).toBe(
      `0000000065010203000f4240` +
        `01` +
        `00000005` +
        `07` +
        `002b` +
        `010000000000000022${'cc'.repeat(32)}7476000000`,
    );
  });

  test('is refused when cut anywhere before the padding', () => {
    fc.assert(
      fc.property(message1, (payload) => {
        const bytes = encodeMessage1(payload, 0);
        for (let length = 0; length < bytes.length; length++) {
          expect(outcome(() => decodeMessage1(bytes.subarray(0, length)))).toBe('refused');
        }
      }),
      { numRuns: 30 },
    );
  });

  test('may hold frames of unknown types, which are skipped', () => {
    const payload: Message1Payload = {
      timestamp: timestampAfter(1e12, null),
      version: 1,
      capabilities: 0,
      lane: 2,
      enroll: { token: new Uint8Array(32), name: 'a' },
    };
    const known = encodeMessage1(payload, 0);
    const unknown = [0x77, 0, 0, 0, 9, 0, 0, 0, 2, 0xde, 0xad];
    const bytes = Uint8Array.from([...known.subarray(0, 20), ...unknown, ...known.subarray(20), ...unknown]);
    new DataView(bytes.buffer).setUint16(18, bytes.length - 20);
    expect(decodeMessage1(bytes)).toEqual(payload);
  });

  test('is refused with a malformed field', () => {
    const good = encodeMessage1(
      {
        timestamp: timestampAfter(1e12, null),
        version: 1,
        capabilities: 0,
        lane: 2,
        enroll: { token: new Uint8Array(32), name: 'ab' },
      },
      0,
    );
    const change = (edit: (bytes: Uint8Array, view: DataView) => void) => {
      const bytes = good.slice();
      edit(bytes, new DataView(bytes.buffer));
      return outcome(() => decodeMessage1(bytes));
    };
    expect(change(() => {})).not.toBe('refused');
    expect(change((_, view) => view.setUint32(8, 1_000_000_000))).toBe('refused');
    expect(change((bytes) => bytes.fill(2, 12, 13))).toBe('refused');
    expect(change((_, view) => view.setUint32(21, 7))).toBe('refused');
    expect(change((_, view) => view.setUint32(25, 31))).toBe('refused');
    expect(change((bytes) => bytes.fill(0xff, bytes.length - 2))).toBe('refused');
    const frame = good.subarray(19);
    const twice = Uint8Array.from([...good, ...frame]);
    new DataView(twice.buffer).setUint16(18, 2 * frame.length);
    expect(outcome(() => decodeMessage1(twice))).toBe('refused');
    const tooLong = Uint8Array.from([...good, ...new Uint8Array(63)]);
    new DataView(tooLong.buffer).setUint16(18, frame.length + 63);
    new DataView(tooLong.buffer).setUint32(25, 34 + 63);
    expect(outcome(() => decodeMessage1(tooLong))).toBe('refused');
  });

  test('is not encoded with a field out of bounds', () => {
    const base = { timestamp: timestampAfter(0, null), version: 1, capabilities: 0, lane: 0 };
    const long = { token: new Uint8Array(32), name: 'x'.repeat(65) };
    expect(() => encodeMessage1({ ...base, enroll: long }, 0)).toThrow(HandshakeError);
    const short = { token: new Uint8Array(31), name: '' };
    expect(() => encodeMessage1({ ...base, enroll: short }, 0)).toThrow(HandshakeError);
    const timeless = { ...base, timestamp: new Uint8Array(11), enroll: null };
    expect(() => encodeMessage1(timeless, 0)).toThrow(HandshakeError);
  });
});

describe('message 2', () => {
  test('decodes to what was encoded, whatever the padding', () => {
    fc.assert(
      fc.property(message2, padding, (payload, paddingBytes) => {
        expect(decodeMessage2(encodeMessage2(payload, paddingBytes))).toEqual(payload);
      }),
    );
  });

  test('has this layout, byte for byte', () => {
    const bytes = encodeMessage2(
      {
        version: 1,
        capabilities: 2,
        initialWindowBytes: 262_144,
        maxStreams: 32_768,
        observedAddress: '::1',
        enrolledAs: '0123456789abcdef',
      },
      1,
    );
    expect(Buffer.from(bytes).toString('hex')).toBe(
      '01' +
        '00000002' +
        '00040000' +
        '00008000' +
        '033a3a31' +
        '0019' +
        `020000000000000010${Buffer.from('0123456789abcdef').toString('hex')}00`,
    );
  });

  test('is refused when cut anywhere before the padding', () => {
    fc.assert(
      fc.property(message2, (payload) => {
        const bytes = encodeMessage2(payload, 0);
        for (let length = 0; length < bytes.length; length++) {
          expect(outcome(() => decodeMessage2(bytes.subarray(0, length)))).toBe('refused');
        }
      }),
      { numRuns: 30 },
    );
  });

  test.each([
    { initialWindowBytes: 0 },
    { initialWindowBytes: 16_777_217 },
    { maxStreams: 0 },
    { maxStreams: 65_537 },
    { observedAddress: 'example.com' },
    { observedAddress: '1'.repeat(46) },
    { enrolledAs: '0123456789ABCDEF' },
    { enrolledAs: '' },
  ])('%o is out of bounds for both sides', (wrong) => {
    const good = {
      version: 1,
      capabilities: 0,
      initialWindowBytes: 1,
      maxStreams: 1,
      observedAddress: '',
      enrolledAs: null,
    };
    expect(() => encodeMessage2({ ...good, ...wrong }, 0)).toThrow(HandshakeError);
  });

  test('is refused by the decoder with a field out of bounds', () => {
    const good = encodeMessage2(
      {
        version: 1,
        capabilities: 0,
        initialWindowBytes: 1,
        maxStreams: 1,
        observedAddress: '1',
        enrolledAs: null,
      },
      0,
    );
    for (const [at, value] of [
      [0, 2],
      [5, 2],
      [9, 2],
      [14, 0x67],
    ]) {
      const bytes = good.slice();
      bytes[at!] = value!;
      expect(outcome(() => decodeMessage2(bytes))).toBe('refused');
    }
  });
});

test('the decoders return or throw HandshakeError for random and damaged bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      outcome(() => decodeMessage1(bytes));
      outcome(() => decodeMessage2(bytes));
    }),
    { numRuns: 1000 },
  );
  fc.assert(
    fc.property(message1, message2, fc.nat(), fc.nat(255), (one, two, at, value) => {
      for (const [bytes, decode] of [
        [encodeMessage1(one, 4), decodeMessage1],
        [encodeMessage2(two, 4), decodeMessage2],
      ] as const) {
        bytes[at % bytes.length] = value;
        outcome(() => decode(bytes));
      }
    }),
    { numRuns: 1000 },
  );
});

describe('device names', () => {
  test('are cut between characters, never inside one', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (name) => {
        const fitted = fitDeviceName(name);
        expect(name.startsWith(fitted)).toBe(true);
        expect(Buffer.byteLength(fitted)).toBeLessThanOrEqual(64);
        if (fitted !== name) {
          const next = String.fromCodePoint(name.codePointAt(fitted.length)!);
          expect(Buffer.byteLength(fitted + next)).toBeGreaterThan(64);
        }
      }),
    );
  });
});

describe('timestamps', () => {
  const asNanoseconds = (bytes: Uint8Array) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return view.getBigUint64(0) * 1_000_000_000n + BigInt(view.getUint32(8));
  };

  test('are the clock in nanoseconds since the epoch', () => {
    expect(asNanoseconds(timestampAfter(1_700_000_000_123, null))).toBe(1_700_000_000_123_000_000n);
    expect(asNanoseconds(timestampAfter(0, null))).toBe(0n);
  });

  test('always advance, by one nanosecond when the clock does not', () => {
    fc.assert(
      fc.property(nowMs, nowMs, (first, second) => {
        const last = timestampAfter(first, null);
        const next = timestampAfter(second, last);
        expect(compareTimestamps(next, last)).toBeGreaterThan(0);
        const expected =
          second > first ? asNanoseconds(timestampAfter(second, null)) : asNanoseconds(last) + 1n;
        expect(asNanoseconds(next)).toBe(expected);
      }),
    );
  });

  test('carry from the last nanosecond of a second into the next second', () => {
    const last = Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0xff, 0x3b, 0x9a, 0xc9, 0xff]);
    expect([...timestampAfter(0, last)]).toEqual([0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
  });

  test('compare like the times that they encode', () => {
    fc.assert(
      fc.property(timestamp, timestamp, (a, b) => {
        const difference = asNanoseconds(a) - asNanoseconds(b);
        expect(Math.sign(compareTimestamps(a, b))).toBe(difference < 0n ? -1 : difference > 0n ? 1 : 0);
      }),
    );
    expect(() => compareTimestamps(new Uint8Array(11), new Uint8Array(12))).toThrow(RangeError);
  });
});
