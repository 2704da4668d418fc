// Rates, streams and users that hubs share: each hub's part of a limit, as they speak, fall silent, and are cut off.

import { beforeEach, describe, expect, test } from 'vitest';
import { ShareKeeper } from '../../../src/hub/cluster/shareKeeper.ts';
import { DEFAULT_SETTINGS } from '../../../src/hub/fleet/nodeSettings.ts';
import { HUB_LIST, SHARES } from '../../../src/limits/cluster.ts';
import type { NodeSettings } from '../../../src/model/fleet.ts';

const NODE = 'n1';
const LIMITED: NodeSettings = {
  ...DEFAULT_SETTINGS,
  limits: { ...DEFAULT_SETTINGS.limits, mbitPerSecond: 80, streams: 10, monthlyBytes: 5 },
};

let hubs: ShareKeeper[];

beforeEach(() => {
  hubs = ['a', 'b', 'c'].map((hub) => new ShareKeeper(hub));
});

/** Every hub that has something to say says it to all. */
function round(uses: readonly ({ mbit: number; streams: number } | null)[], nowMs = 0): void {
  for (const [at, use] of uses.entries()) {
    if (use === null) continue;
    const nodes = { [NODE]: { bytesPerSecond: use.mbit * 125_000, streams: use.streams } };
    const said = hubs[at]!.say(nodes, { ada: use.streams });
    for (const hub of hubs) hub.hear(said, nowMs);
  }
}

describe('limits of a node', () => {
  test('are whole where one hub reaches it, or where they are none', () => {
    round([{ mbit: 5, streams: 1 }, null, null]);
    expect(hubs[0]!.here(NODE, LIMITED)).toBe(LIMITED);
    round([{ mbit: 5, streams: 1 }, { mbit: 5, streams: 1 }, null]);
    expect(hubs[0]!.here(NODE, DEFAULT_SETTINGS)).toBe(DEFAULT_SETTINGS);
  });

  test('are divided by use among the hubs that reach it; a quota is not', () => {
    round([{ mbit: 60, streams: 6 }, { mbit: 0, streams: 0 }, null]);
    const [busy, idle, away] = hubs.map((hub) => hub.here(NODE, LIMITED).limits);
    expect(busy!.mbitPerSecond! + idle!.mbitPerSecond!).toBeCloseTo(80);
    expect(busy!.mbitPerSecond).toBeGreaterThan(70);
    expect(busy!.streams! + idle!.streams!).toBe(10);
    expect(busy!.monthlyBytes).toBe(5);
    // A hub that comes to reach the node has a small share before it has said anything.
    expect(away!.mbitPerSecond).toBeLessThan(10);
    expect(new ShareKeeper('d').here(NODE, LIMITED, ['e']).limits).toMatchObject({
      mbitPerSecond: 40,
      streams: 5,
    });
  });

  test('come back to the others when a hub falls silent, but not to one that is cut off', () => {
    round([{ mbit: 60, streams: 6 }, { mbit: 20, streams: 2 }, null], 0);
    hubs[1]!.isCutOff = true;
    for (const hub of hubs) hub.forgetSilent(SHARES.hubSilentMs + 1);
    expect(hubs[0]!.here(NODE, LIMITED)).toBe(LIMITED);
    expect(hubs[1]!.here(NODE, LIMITED).limits.mbitPerSecond).toBeLessThan(40);
  });
});

test('words of more hubs than a cluster can have are not kept', () => {
  const keeper = new ShareKeeper('a');
  for (let at = 0; at < 2 * HUB_LIST.hubsMax; at++) {
    keeper.hear({ hub: `h${at}`, nodes: { [NODE]: { bytesPerSecond: 0, streams: 0 } }, users: {} }, 0);
  }
  const { mbitPerSecond } = keeper.here(NODE, LIMITED).limits;
  expect(mbitPerSecond).toBeCloseTo(80 / (HUB_LIST.hubsMax + 1));
});

describe('streams of a user', () => {
  test('are divided among the hubs that serve it, a new one included', () => {
    round([{ mbit: 0, streams: 5 }, { mbit: 0, streams: 3 }, null]);
    const shares = (limit: number) => hubs.map((hub) => hub.userShares(new Map([['ada', limit]])).get('ada'));
    expect(shares(8)).toEqual([5, 3, 0]);
    // One is free, and whoever comes first has it.
    expect(shares(9)).toEqual([6, 4, 1]);
    expect(hubs[0]!.userShares(new Map([['bob', 9]])).size).toBe(0);
  });
});

test('a user may be called as something that every object has', () => {
  hubs[1]!.hear(hubs[0]!.say({}, { ada: 1 }), 0);
  for (const name of ['constructor', '__proto__'])
    expect(hubs[1]!.userShares(new Map([[name, 4]]))).toEqual(new Map());
});
