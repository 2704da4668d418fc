// One lane dials for all until it stands; then the others, one after the other.

import { beforeEach, describe, expect, test } from 'vitest';
import { LaneTurns } from '../../src/node/laneTurns.ts';

let turns: LaneTurns;
/** Lanes whose dial has begun, in order. */
let dialled: number[];
/** By lane: ends its dial's handshake. */
let ends: Map<number, () => void>;

beforeEach(() => {
  turns = new LaneTurns();
  dialled = [];
  ends = new Map();
});

function start(lane: number): void {
  turns.take(lane, () => {
    dialled.push(lane);
    return new Promise((resolve) => ends.set(lane, resolve));
  });
}

async function fails(lane: number): Promise<void> {
  ends.get(lane)!();
  await settled();
}

async function connects(lane: number): Promise<void> {
  turns.stands(lane);
  await fails(lane);
}

async function settled(): Promise<void> {
  for (let step = 0; step < 20; step++) await Promise.resolve();
}

describe('at the start', () => {
  beforeEach(async () => {
    for (const lane of [0, 1, 2]) start(lane);
    await settled();
  });

  test('the first lane dials alone', () => expect(dialled).toEqual([0]));

  test('and again after a failure, while the others wait', async () => {
    await fails(0);
    expect(dialled).toEqual([0]);
    start(0);
    await settled();
    expect(dialled).toEqual([0, 0]);
  });

  test('once it stands the others follow, one after the other', async () => {
    await connects(0);
    expect(dialled).toEqual([0, 1]);
    await connects(1);
    expect(dialled).toEqual([0, 1, 2]);
  });

  test('a second lane that fails holds up no third one', async () => {
    await connects(0);
    await fails(1);
    expect(dialled).toEqual([0, 1, 2]);
    start(1);
    await fails(2);
    expect(dialled).toEqual([0, 1, 2, 1]);
  });

  test('others that have waited through failures follow in order', async () => {
    await fails(0);
    start(0);
    await settled();
    await connects(0);
    await connects(1);
    expect(dialled).toEqual([0, 0, 1, 2]);
  });
});

describe('after all sessions have ended', () => {
  beforeEach(async () => {
    for (const lane of [0, 1]) {
      start(lane);
      await settled();
      await connects(lane);
    }
    for (const lane of [0, 1]) turns.fell(lane);
    dialled = [];
  });

  test('whoever comes first dials for all', async () => {
    start(1);
    await settled();
    start(0);
    await fails(1);
    expect(dialled).toEqual([1]);
    start(1);
    await settled();
    await connects(1);
    expect(dialled).toEqual([1, 1, 0]);
  });
});

test('one that falls while another stands dials at once', async () => {
  for (const lane of [0, 1]) {
    start(lane);
    await settled();
    await connects(lane);
  }
  turns.fell(0);
  start(0);
  await settled();
  expect(dialled).toEqual([0, 1, 0]);
});
