// struct epoll_event, packed and aligned.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  epollLayout,
  eventsAt,
  secondWordAt,
  wordAt,
  writeEvent,
} from '../../src/reactor/epoll/epollLayout.ts';

describe('epoll_event', () => {
  it.each([
    ['x64', '11000080 44332211 88776655', 12],
    ['arm64', '11000080 00000000 44332211 88776655', 16],
    ['riscv64', '11000080 00000000 44332211 88776655', 16],
  ])('lies on %s as the kernel has it', (arch, hex, strideBytes) => {
    const layout = epollLayout(arch);
    const bytes = new Uint8Array(2 * strideBytes);
    writeEvent(new DataView(bytes.buffer), layout, 1, 0x80000011, 0x11223344, 0x55667788);
    expect(layout.strideBytes).toBe(strideBytes);
    expect(Buffer.from(bytes.subarray(strideBytes)).toString('hex')).toBe(hex.replaceAll(' ', ''));
    expect(bytes.subarray(0, strideBytes).every((byte) => byte === 0)).toBe(true);
  });

  it.each(['x64', 'arm64'])('on %s every event keeps to its own place', (arch) => {
    const layout = epollLayout(arch);
    const u32 = fc.nat({ max: 0xffffffff });
    fc.assert(
      fc.property(fc.array(fc.tuple(u32, u32, u32), { minLength: 1, maxLength: 20 }), (events) => {
        const view = new DataView(new ArrayBuffer(events.length * layout.strideBytes));
        events.forEach(([mask, word, second], i) => {
          writeEvent(view, layout, i, mask, word, second);
        });
        const read = events.map((_, i) => [
          eventsAt(view, layout, i),
          wordAt(view, layout, i),
          secondWordAt(view, layout, i),
        ]);
        expect(read).toEqual(events);
      }),
    );
  });
});
