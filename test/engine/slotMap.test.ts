// What few streams of a tunnel have: a Map that is made when something goes in.

import { expect, test } from 'vitest';
import { SlotMap } from '../../src/engine/slotMap.ts';

test('it is empty, keeps what it is given, and gives it up once', () => {
  const map = new SlotMap<string>();
  expect([map.size, map.get(1), map.has(1), map.delete(1), [...map.entries()]]).toEqual([
    0,
    undefined,
    false,
    false,
    [],
  ]);
  map.set(1, 'one');
  map.set(2, 'two');
  expect([map.size, map.get(1), map.has(2)]).toEqual([2, 'one', true]);
  expect([...map.entries()]).toEqual([
    [1, 'one'],
    [2, 'two'],
  ]);
  expect([map.delete(1), map.delete(1), map.size, map.has(1)]).toEqual([true, false, 1, false]);
});
