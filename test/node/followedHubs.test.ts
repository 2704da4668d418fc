// Which hubs of a cluster's list a device dials, and which it may leave.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { HubList } from '../../src/cluster/hubList.ts';
import { type FollowedHub, planHubs } from '../../src/node/followedHubs.ts';

const key = (at: number) => Buffer.alloc(32, at).toString('base64url');
const listed = (at: number, host = `h${at}`) => ({ name: `hub-${at}`, host, port: 9000, publicKey: key(at) });
const served = (at: number, isConnected: boolean, host = `h${at}`): FollowedHub => {
  return { publicKey: key(at), host, port: 9000, isConnected };
};
const list = (hubs: readonly number[], perDevice: number | null = null): HubList => {
  return { cluster: 'fleet', number: 1, perDevice, hubs: hubs.map((at) => listed(at)) };
};
const NONE: ReadonlySet<string> = new Set();
const plan = (change: Partial<Parameters<typeof planHubs>[0]>) =>
  planHubs({ devicePublicKey: key(200), list: list([]), followed: [], others: NONE, max: 64, ...change });
const keysOf = (hubs: readonly { publicKey: string }[]) => hubs.map(({ publicKey }) => publicKey).sort();

describe('a list of hubs', () => {
  test('brings every hub that the device does not serve yet', () => {
    const { add, move, leave } = plan({ list: list([1, 2, 3]), followed: [served(2, true)] });
    expect(keysOf(add)).toEqual([key(1), key(3)]);
    expect([move, leave]).toEqual([[], []]);
  });

  test('moves a hub to its new address', () => {
    const { add, move, leave } = plan({ list: list([1]), followed: [served(1, true, 'old')] });
    expect([add, move, leave]).toEqual([[], [listed(1)], []]);
  });

  test('takes a hub away only when another one of the list is reached', () => {
    const followed = [served(1, true), served(2, false)];
    expect(plan({ list: list([2]), followed }).leave).toEqual([]);
    expect(plan({ list: list([2]), followed: [served(1, true), served(2, true)] }).leave).toEqual([key(1)]);
  });

  test('that is empty takes no hub away', () => {
    expect(plan({ followed: [served(1, true), served(2, true)] }).leave).toEqual([]);
  });

  test('touches no hub that the device serves for other reasons', () => {
    const { add, move, leave } = plan({
      list: list([1, 2]),
      followed: [served(2, true)],
      others: new Set([key(1)]),
    });
    expect([add, move, leave]).toEqual([[], [], []]);
  });

  test('has each device dial as many as it says, and the device may have it less', () => {
    const hubs = Array.from({ length: 50 }, (_, at) => at + 1);
    expect(plan({ list: list(hubs, 3) }).add).toHaveLength(3);
    expect(plan({ list: list(hubs, 3), max: 2 }).add).toHaveLength(2);
    expect(plan({ list: list(hubs), max: 5 }).add).toHaveLength(5);
    const devices = Array.from({ length: 100 }, (_, at) => at);
    const dialled = devices.flatMap((at) =>
      keysOf(plan({ devicePublicKey: key(at), list: list(hubs, 3) }).add),
    );
    // All 50 of them have some of the 100 devices: 6 each on average.
    expect(new Set(dialled).size).toBeGreaterThan(40);
  });
});

test('whatever lists come, in the end the device serves the chosen hubs, and never loses the last one it reaches', () => {
  const hubs = fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 8 });
  const step = fc.record({ hubs, perDevice: fc.option(fc.integer({ min: 1, max: 4 })), up: hubs });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 8 }), (steps) => {
      let followed: FollowedHub[] = [served(1, true)];
      for (const { hubs: named, perDevice, up } of steps) {
        // Twice: what was added may be reached the next time.
        for (let round = 0; round < 2; round++) {
          followed = followed.map((hub) => ({
            ...hub,
            isConnected: up.some((at) => key(at) === hub.publicKey),
          }));
          const { add, leave } = plan({ list: list(named, perDevice), followed });
          const before = followed.filter(({ isConnected }) => isConnected).length;
          followed = followed.filter(({ publicKey }) => !leave.includes(publicKey));
          const after = followed.filter(({ isConnected }) => isConnected).length;
          if (before > 0) expect(after).toBeGreaterThan(0);
          followed.push(
            ...add.map(({ publicKey, host, port }) => ({ publicKey, host, port, isConnected: false })),
          );
          expect(new Set(followed.map(({ publicKey }) => publicKey)).size).toBe(followed.length);
        }
      }
      const { hubs: named, perDevice } = steps.at(-1)!;
      const all = followed.map((hub) => ({ ...hub, isConnected: true }));
      const last = plan({ list: list(named, perDevice), followed: all });
      expect(last.add).toEqual([]);
      const left = all.length - last.leave.length;
      if (named.length > 0) expect(left).toBe(Math.min(named.length, perDevice ?? 64));
    }),
  );
});
