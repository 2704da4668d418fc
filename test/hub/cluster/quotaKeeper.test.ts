// A quota that hubs share, each with its own clock of bytes: what each may use, what it gives back, and what is lost with the cluster.

import { beforeEach, describe, expect, test } from 'vitest';
import { QuotaKeeper } from '../../../src/hub/cluster/quotaKeeper.ts';
import { QUOTA } from '../../../src/limits/cluster.ts';
import { MemoryBucket } from './memoryBucket.ts';

const MB = QUOTA.sliceMinBytes;
const NODE = '0123456789abcdef';

let bucket: MemoryBucket;
let month: string;
let nowMs: number;
let hubs: Hub[];

class Hub {
  usedBytes = 0;
  rate = 0;
  changes = 0;
  /** Where its clock is behind or ahead. */
  month: string | null = null;
  readonly name: string;
  keeper!: QuotaKeeper;

  constructor(name: string) {
    this.name = name;
    hubs.push(this);
    this.start();
  }

  /** Also after a crash: it has counted its bytes, and knows nothing else. */
  start(): void {
    this.keeper = new QuotaKeeper({
      hub: this.name,
      bucket: bucket.for(this.name),
      hubs: () => hubs.length,
      month: () => this.month ?? month,
      usedBytes: () => this.usedBytes,
      bytesPerSecond: () => this.rate,
      nowMs: () => nowMs,
      changed: () => {
        this.changes++;
      },
      onError: (error) => {
        throw error;
      },
    });
  }

  /** A second of traffic at its rate, as far as its limit allows. */
  async second(quotaBytes: number): Promise<void> {
    this.keeper.look(NODE, quotaBytes);
    for (let turn = 0; turn < 8; turn++) await new Promise(setImmediate);
    this.usedBytes = Math.max(
      this.usedBytes,
      Math.min(this.usedBytes + this.rate, this.keeper.limitOf(NODE)),
    );
  }
}

const sumUsed = () => hubs.reduce((all, hub) => all + hub.usedBytes, 0);

beforeEach(() => {
  bucket = new MemoryBucket();
  month = '2026-11';
  nowMs = 0;
  hubs = [];
});

async function seconds(count: number, quotaBytes: number): Promise<void> {
  for (let second = 0; second < count; second++) {
    nowMs += 1_000;
    await Promise.all(hubs.map((hub) => hub.second(quotaBytes)));
  }
}

describe('a quota', () => {
  test('is used up by all hubs together, never beyond it', async () => {
    for (const [name, rate] of [
      ['a', 3 * MB],
      ['b', MB],
      ['c', 0],
    ] as const)
      new Hub(name).rate = rate;
    await seconds(60, 100 * MB);
    expect(sumUsed()).toBeLessThanOrEqual(100 * MB);
    expect(sumUsed()).toBeGreaterThan(90 * MB);
    // What the idle hub holds is all that is left.
    await hubs[2]!.keeper.giveBackAll();
    await seconds(60, 100 * MB);
    expect(sumUsed()).toBeLessThanOrEqual(100 * MB);
    expect(sumUsed()).toBeGreaterThan(99 * MB);
  });

  test('does not close a node for the time that the answer takes', () => {
    const hub = new Hub('a');
    hub.usedBytes = 5;
    hub.keeper.look(NODE, MB);
    expect(hub.keeper.limitOf(NODE)).toBe(6);
  });

  test('that is used up does not open again for the time that the next answer takes', async () => {
    const hub = new Hub('a');
    hub.rate = MB;
    await seconds(30, 3 * MB);
    expect(hub.usedBytes).toBe(3 * MB);
    nowMs += QUOTA.askAgainMs;
    hub.keeper.look(NODE, 3 * MB);
    expect(hub.keeper.limitOf(NODE)).toBe(3 * MB);
  });

  test('does not close a node that has used up its slice before the next look, while there is more', async () => {
    const hub = new Hub('a');
    await hub.second(8 * MB);
    // A download has begun since.
    hub.usedBytes = 2 * MB;
    expect(hub.keeper.limitOf(NODE)).toBeGreaterThan(hub.usedBytes);
    nowMs += 1_000;
    await hub.second(8 * MB);
    expect(hub.keeper.limitOf(NODE)).toBeGreaterThan(hub.usedBytes + 1);
  });

  test('closes it when no question follows', async () => {
    const hub = new Hub('a');
    await hub.second(8 * MB);
    hub.usedBytes = 2 * MB;
    nowMs += QUOTA.askGraceMs;
    expect(hub.keeper.limitOf(NODE)).toBeLessThanOrEqual(hub.usedBytes);
  });

  test('of nothing closes the node', async () => {
    const hub = new Hub('a');
    await hub.second(0);
    expect(hub.keeper.limitOf(NODE)).toBe(0);
    expect(hub.changes).toBe(1);
  });

  test('is open again in a new month', async () => {
    const hub = new Hub('a');
    hub.rate = MB;
    await seconds(30, 3 * MB);
    expect(hub.usedBytes).toBe(3 * MB);
    month = '2026-12';
    hub.usedBytes = 0;
    await seconds(30, 3 * MB);
    expect(hub.usedBytes).toBe(3 * MB);
  });

  test('is given back by a hub that the node leaves while a question is under way', async () => {
    const [left, other] = [new Hub('a'), new Hub('b')];
    left.keeper.look(NODE, 100 * MB);
    await left.keeper.giveBack(NODE);
    other.rate = 10 * MB;
    for (let second = 0; second < 60; second++) {
      nowMs += 1_000;
      await other.second(100 * MB);
    }
    expect(other.usedBytes).toBe(100 * MB);
  });

  test('is not spoiled by a hub whose clock was months ahead', async () => {
    bucket.wallMs = Date.parse('2026-11-20T12:00:00Z');
    const [ahead, other] = [new Hub('a'), new Hub('b')];
    ahead.month = '2027-03';
    await ahead.second(100 * MB);
    other.rate = MB;
    ahead.month = null;
    for (let second = 0; second < 10; second++) {
      await other.second(100 * MB);
      await ahead.second(100 * MB);
    }
    expect(other.usedBytes).toBeGreaterThanOrEqual(9 * MB);
    expect(other.keeper.limitOf(NODE) + ahead.keeper.limitOf(NODE)).toBeLessThanOrEqual(100 * MB);
  });

  test('of a new month is not used up by what a hub whose clock is behind has used in the old one', async () => {
    const [ahead, behind] = [new Hub('ahead'), new Hub('behind')];
    behind.rate = 3 * MB;
    await seconds(16, 100 * MB);
    const before = behind.usedBytes;
    expect(before).toBeGreaterThan(40 * MB);
    ahead.month = '2026-12';
    ahead.rate = MB;
    await seconds(3, 100 * MB);
    // Nor does the turn of the month close the node there.
    expect(behind.usedBytes).toBe(before + 9 * MB);
    behind.month = '2026-12';
    behind.usedBytes = behind.rate = 0;
    await seconds(200, 100 * MB);
    expect(ahead.usedBytes).toBeGreaterThan(95 * MB);
  });

  test('survives a crash: the hub finds what it had in hand, and no more', async () => {
    const hub = new Hub('a');
    hub.rate = MB;
    await seconds(5, 10 * MB);
    hub.start();
    await seconds(30, 10 * MB);
    expect(hub.usedBytes).toBe(10 * MB);
  });

  test('lasts a hub without the cluster as long as what it has in hand', async () => {
    const [one, other] = [new Hub('one'), new Hub('other')];
    one.rate = other.rate = MB;
    await seconds(3, 100 * MB);
    bucket.away.add('one');
    await seconds(200, 100 * MB);
    expect(sumUsed()).toBeLessThanOrEqual(100 * MB);
    const before = one.usedBytes;
    await seconds(20, 100 * MB);
    expect(one.usedBytes).toBe(before);
    expect(other.usedBytes).toBeGreaterThan(50 * MB);
  });

  test('ends at what is in hand, and a moment, when the cluster does not answer', async () => {
    const hub = new Hub('a');
    hub.usedBytes = 5;
    hub.keeper.look(NODE, MB);
    nowMs += QUOTA.askGraceMs;
    expect(hub.keeper.limitOf(NODE)).toBe(0);
  });

  test('is not counted twice when a node comes back while its slice is being given back', async () => {
    for (let turns = 1; turns < 5; turns++) {
      let inTurn = 0;
      bucket = new MemoryBucket(() => (inTurn++ % 4 === 2 ? turns : 1));
      hubs = [];
      const [one, other] = [new Hub('one'), new Hub('other')];
      one.rate = other.rate = MB;
      await one.second(8 * MB);
      const returned = one.keeper.giveBack(NODE);
      one.keeper.look(NODE, 8 * MB);
      await returned;
      for (let turn = 0; turn < 16; turn++) await new Promise(setImmediate);
      await seconds(30, 8 * MB);
      // While an answer is under way, a node is open for one byte more.
      expect(sumUsed()).toBeLessThanOrEqual(8 * MB + hubs.length);
    }
  });

  test('of a later version is not divided', async () => {
    const value = new TextEncoder().encode(JSON.stringify({ v: 2 }));
    await bucket.for('later').update(NODE, value, 0);
    const errors: unknown[] = [];
    const keeper = new QuotaKeeper({
      ...{ hub: 'a', bucket: bucket.for('a'), hubs: () => 1, month: () => month, nowMs: () => nowMs },
      ...{ usedBytes: () => 0, bytesPerSecond: () => 0, changed: () => {} },
      onError: (error) => errors.push(error),
    });
    keeper.look(NODE, MB);
    for (let turn = 0; turn < 8; turn++) await new Promise(setImmediate);
    expect(errors).toMatchObject([{ message: expect.stringContaining('later version') }]);
    expect(keeper.limitOf(NODE)).toBe(0);
  });
});
