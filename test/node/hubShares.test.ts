// One hub's share of a node: what it may open, whatever it asks for.

import { describe, expect, test } from 'vitest';
import { NODE } from '../../src/limits/node.ts';
import { HubShares } from '../../src/node/hubShares.ts';

const LIMIT = 1_024;
/** What DESCRIPTORS leaves of it for streams. */
const ROOM = LIMIT - LIMIT / 8;

describe('descriptors', () => {
  test.each([1, 2, 7])(
    'a hub that opens all it can leaves each of %i hubs its share, and the node its reserve',
    (hubs) => {
      const shares = new HubShares(LIMIT, hubs);
      let used = 0;
      const openAll = () => {
        let streams = 0;
        while (shares.mayOpen(used, () => ({ streams }))) {
          streams++;
          used++;
        }
        return streams;
      };
      const greedy = openAll();
      expect(greedy).toBeGreaterThanOrEqual(ROOM - ROOM / NODE.sharedDivisor);
      for (let other = 1; other < hubs; other++)
        expect(openAll()).toBe(Math.floor(ROOM / NODE.sharedDivisor / hubs));
      expect(used).toBeLessThanOrEqual(ROOM);
      if (hubs === 1) expect(used).toBe(ROOM);
    },
  );

  test('without a limit there is always room', () => {
    const shares = new HubShares(Number.POSITIVE_INFINITY, 3);
    expect(shares.mayOpen(1e9, () => ({ streams: 1e9 }))).toBe(true);
    expect(shares.mayRace(1e9)).toBe(true);
  });

  test('attempts beside others stop at half of the room', () => {
    const shares = new HubShares(LIMIT, 2);
    expect([shares.mayRace(ROOM / 2 - 1), shares.mayRace(ROOM / 2)]).toEqual([true, false]);
  });
});
