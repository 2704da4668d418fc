// Slabs that are lent: none overlaps another, all that came back can be lent again in any size, and the memory goes back to the system.

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Slab } from '../../src/base/slab.ts';
import { createReactor, epollAvailable } from '../../src/reactor/create.ts';
import { EXTENT_BYTES, Extents, LOAN } from '../../src/reactor/extents.ts';
import { testSlab } from '../noise/cipherTwin.ts';

const MIB = 2 ** 20;

describe('extents', () => {
  test('any loans: none overlaps another, and discarded bytes are nobody’s', () => {
    const step = fc.record({
      shift: fc.integer({ min: 12, max: 24 }),
      back: fc.boolean(),
      which: fc.nat(100),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const lent: { slab: Slab; extent: ArrayBufferLike; start: number; end: number }[] = [];
        const overlaps = (extent: ArrayBufferLike, start: number, end: number) =>
          lent.some((one) => one.extent === extent && one.start < end && start < one.end);
        const extents = new Extents(testSlab, (slab, offset, length) => {
          const start = slab.bytes.byteOffset + offset;
          expect(overlaps(slab.bytes.buffer, start, start + length)).toBe(false);
        });
        for (const { shift, back, which } of steps) {
          if (back && lent.length > 0) {
            const { slab } = lent.splice(which % lent.length, 1)[0]!;
            extents.takeBack(slab);
            continue;
          }
          const slab = extents.lend(2 ** shift);
          const { buffer, byteOffset, length } = slab.bytes;
          expect(length).toBe(2 ** shift);
          expect(slab.view.byteOffset).toBe(byteOffset);
          expect(overlaps(buffer, byteOffset, byteOffset + length)).toBe(false);
          lent.push({ slab, extent: buffer, start: byteOffset, end: byteOffset + length });
        }
        for (const { slab } of lent.splice(0)) extents.takeBack(slab);
        expect(extents.lent).toBe(0);
        // All of it is one piece again.
        const large = Array.from({ length: EXTENT_BYTES / LOAN.maxBytes }, () => extents.lend(LOAN.maxBytes));
        expect([large.length, extents.count]).toEqual([4, 1]);
      }),
      { numRuns: 60 },
    );
  });

  test('an extent that is empty goes, but for the last', () => {
    const extents = new Extents(testSlab, () => {});
    const slabs = Array.from({ length: 9 }, () => extents.lend(LOAN.maxBytes));
    expect(extents.count).toBe(3);
    for (const slab of slabs.slice(4, 8)) extents.takeBack(slab);
    expect([extents.count, slabs[4]!.bytes.length, slabs[0]!.bytes.length]).toEqual([2, 0, LOAN.maxBytes]);
    for (const slab of [...slabs.slice(0, 4), slabs[8]!]) extents.takeBack(slab);
    expect(extents.count).toBe(1);
  });

  test('what was not lent does not come back, and odd sizes are not lent', () => {
    const extents = new Extents(testSlab, () => {});
    const slab = extents.lend(4_096);
    extents.takeBack(slab);
    expect(() => extents.takeBack(slab)).toThrow('was not lent');
    for (const bytes of [0, 2_048, 5_000, 2 * LOAN.maxBytes])
      expect(() => extents.lend(bytes)).toThrow(RangeError);
  });
});

/** Resident memory of this process. */
function residentBytes(): number {
  return Number(readFileSync('/proc/self/statm', 'latin1').split(' ')[1]) * 4_096;
}

test.runIf(epollAvailable() && process.arch === 'x64')(
  'the epoll reactor gives memory back that was lent, though something between is still in use',
  () => {
    const reactor = createReactor('epoll');
    const slabs = Array.from({ length: 1_024 }, () => reactor.borrowSlab(262_144));
    for (const { bytes } of slabs) bytes.fill(1);
    const full = residentBytes();
    const kept = slabs.filter((_, at) => at % 64 === 0);
    for (const slab of slabs) if (!kept.includes(slab)) reactor.returnSlab(slab);
    expect(full - residentBytes()).toBeGreaterThan(200 * MIB);
    for (const { bytes, address } of kept) {
      expect([bytes.every((byte) => byte === 1), address % 4_096]).toEqual([true, 0]);
    }
    reactor.stop();
  },
);
