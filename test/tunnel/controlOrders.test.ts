// The orders of a CONTROL: known ones exactly, unknown ones not at all.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HUB_LIST } from '../../src/limits/cluster.ts';
import { type ControlOrders, decodeControl, encodeControl } from '../../src/tunnel/controlOrders.ts';
import { ProtocolError } from '../../src/tunnel/protocolError.ts';

const orders: fc.Arbitrary<ControlOrders> = fc.record(
  {
    pace: fc.record({ bytesPerSecond: fc.option(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })) }),
    rotate: fc.record({ request: fc.nat({ max: Number.MAX_SAFE_INTEGER }) }),
    sharedKey: fc.record({ waitMs: fc.nat({ max: Number.MAX_SAFE_INTEGER }) }),
    hubs: fc
      .record({
        number: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
        part: fc.nat({ max: HUB_LIST.partsMax - 1 }),
        data: fc.stringMatching(/^[\w-]{1,880}$/),
      })
      .map((hubs) => ({ ...hubs, parts: HUB_LIST.partsMax })),
  },
  { requiredKeys: [] },
);

function bytesOf(value: unknown): Uint8Array {
  return new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
}

describe('CONTROL', () => {
  test('it reads what was written', () => {
    fc.assert(
      fc.property(orders, (order) => {
        expect(decodeControl(encodeControl(order))).toEqual(order);
      }),
    );
  });

  test('fields that this version does not know are ignored, around and inside those that it knows', () => {
    const json = { later: [1], pace: { bytesPerSecond: 5, burst: 'x' }, rotate: { request: 0, how: null } };
    expect(decodeControl(bytesOf(json))).toEqual({ pace: { bytesPerSecond: 5 }, rotate: { request: 0 } });
    expect(decodeControl(bytesOf({ later: true }))).toEqual({});
  });

  const wrong = [
    '',
    '{',
    'null',
    '[]',
    '7',
    { pace: null },
    { pace: [] },
    { pace: {} },
    { pace: { bytesPerSecond: 0 } },
    { pace: { bytesPerSecond: -1 } },
    { pace: { bytesPerSecond: 1.5 } },
    { pace: { bytesPerSecond: '1' } },
    '{"pace":{"bytesPerSecond":1e300}}',
    { rotate: 1 },
    { rotate: {} },
    { rotate: { request: -1 } },
    { rotate: { request: null } },
    { sharedKey: null },
    { sharedKey: {} },
    { sharedKey: { waitMs: -1 } },
    { sharedKey: { waitMs: '9' } },
    { hubs: [] },
    { hubs: { number: 1, part: 0, parts: 1 } },
    { hubs: { number: 1, part: 0, parts: 1, data: '' } },
    { hubs: { number: 1, part: 0, parts: 1, data: 'a b' } },
    { hubs: { number: 1, part: 1, parts: 1, data: 'a' } },
    { hubs: { number: 1, part: 0, parts: HUB_LIST.partsMax + 1, data: 'a' } },
    { hubs: { number: -1, part: 0, parts: 1, data: 'a' } },
  ];
  test.each(wrong)('%j is a protocol error', (value) => {
    expect(() => decodeControl(bytesOf(value))).toThrow(ProtocolError);
  });

  test('so is what is not UTF-8, and any other bytes do no worse', () => {
    expect(() => decodeControl(Uint8Array.of(0x22, 0xff, 0x22))).toThrow(ProtocolError);
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), fc.json().map(bytesOf)), (bytes) => {
        try {
          decodeControl(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
    );
  });
});
