// Streams of users, counted on two threads, against a simple count.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UserStreams } from '../../src/engine/userStreams.ts';
import { makeSlots, UserSlots } from '../../src/ring/slots.ts';

test('a user never has more streams than allowed, and only an idle slot goes to another user', () => {
  const slots = makeSlots(2);
  const name = fc.constantFrom('a', 'b', 'c', 'd', 'e');
  const event = fc.oneof(
    fc.record({ do: fc.constant('open' as const), name }),
    fc.record({ do: fc.constant('close' as const), at: fc.nat(20), thread: fc.nat(1) }),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 100 }), (events) => {
      new Int32Array(slots.users).fill(0);
      const threads = [new UserSlots(slots, 0), new UserSlots(slots, 1)];
      const users = new UserStreams(threads[0]!, 3);
      const open: { name: string; slot: number }[] = [];
      for (const happens of events) {
        if (happens.do === 'close') {
          const [closed] = open.splice(happens.at, 1);
          if (closed !== undefined) threads[happens.thread]!.closed(closed.slot);
          continue;
        }
        const own = open.filter((stream) => stream.name === happens.name).length;
        const busyNames = new Set(open.map((stream) => stream.name));
        const slot = users.enter(happens.name, 2);
        const room = own > 0 ? own < 2 : busyNames.size < 3;
        expect(slot > 0).toBe(room);
        if (slot < 0) continue;
        for (const stream of open) expect(stream.slot === slot).toBe(stream.name === happens.name);
        users.opened(slot);
        open.push({ name: happens.name, slot });
      }
    }),
  );
});
