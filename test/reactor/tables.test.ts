// The connection table and the integer queue of the epoll reactor, against arrays and maps.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConnTable, QUEUED, UNATTACHED } from '../../src/reactor/epoll/connTable.ts';
import { IntQueue } from '../../src/reactor/epoll/intQueue.ts';
import { SLOTS_MAX } from '../../src/reactor/reactor.ts';

describe('ConnTable', () => {
  it('gives each connection an id of its own, as a map would', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1, max: 700 }), { maxLength: 2_000 }), (steps) => {
        const table = new ConnTable(1 << 20);
        const open = new Map<number, number>();
        const ever: number[] = [];
        for (const [fd, step] of steps.entries()) {
          const id = ever[step];
          if (id === undefined) {
            const slot = table.add(fd, 0, UNATTACHED, 0);
            const added = table.idOf(slot);
            expect(added & (SLOTS_MAX - 1)).toBe(slot);
            expect(slot).toBeGreaterThan(0);
            ever.push(added);
            open.set(added, fd);
          } else if (open.delete(id)) table.remove(table.slotOf(id));
        }
        expect(new Set(ever).size).toBe(ever.length);
        expect(table.open).toBe(open.size);
        for (const id of ever) {
          const slot = table.slotOf(id);
          expect(slot < 0 ? undefined : table.fdOf(slot)).toBe(open.get(id));
        }
      }),
      { numRuns: 50 },
    );
  });

  it('does not know the id 0, an id of another slot or of another generation', () => {
    const table = new ConnTable(16);
    const slot = table.add(5, 0, UNATTACHED, 0);
    const id = table.idOf(slot);
    for (const wrong of [0, -1, slot, id + 1, id + SLOTS_MAX, Number.NaN, 2 ** 52])
      expect(table.slotOf(wrong)).toBe(-1);
    expect(table.slotOf(id)).toBe(slot);
  });

  it('is full at its limit, and has room again after a removal', () => {
    const table = new ConnTable(4);
    const slots = [1, 2, 3].map((fd) => table.add(fd, 0, UNATTACHED, 0));
    expect(table.full).toBe(true);
    table.remove(slots[1]!);
    expect(table.full).toBe(false);
  });

  it('keeps a slot marked as queued from one connection to the next', () => {
    const table = new ConnTable(16);
    const slot = table.add(5, QUEUED, UNATTACHED, 0);
    table.remove(slot);
    expect(table.add(6, 0, UNATTACHED, 0)).toBe(slot);
    expect(table.flagsOf(slot)).toBe(QUEUED);
  });
});

describe('IntQueue', () => {
  it('returns values in the order an array would', () => {
    fc.assert(
      fc.property(
        fc.array(fc.option(fc.integer({ min: -5, max: 2 ** 31 - 1 })), { maxLength: 1_000 }),
        (steps) => {
          const queue = new IntQueue();
          const twin: number[] = [];
          for (const step of steps) {
            if (step !== null) {
              queue.push(step);
              twin.push(step);
            } else if (twin.length > 0) expect(queue.shift()).toBe(twin.shift());
            expect(queue.length).toBe(twin.length);
          }
          while (twin.length > 0) expect(queue.shift()).toBe(twin.shift());
        },
      ),
    );
  });

  it('grows while its values wrap around the end', () => {
    const queue = new IntQueue();
    for (let i = 0; i < 40; i++) queue.push(i);
    for (let i = 0; i < 40; i++) expect(queue.shift()).toBe(i);
    for (let i = 0; i < 500; i++) queue.push(i);
    for (let i = 0; i < 500; i++) expect(queue.shift()).toBe(i);
  });
});
