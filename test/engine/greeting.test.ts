// A node is connected once the hub routes streams to it, however long the hub's control takes for that.

import { expect, test } from 'vitest';
import { Plan } from './failingReactor.ts';
import { PATIENCE_MS, Rig } from './rig.ts';

test.each([false, true])('a node hears nothing before streams may come (over rings: %s)', (rings) => {
  const rig = new Rig(new Plan(null), rings);
  const { net } = rig;
  rig.controlMs = 5_000;
  expect(net.runUntil(() => rig.connected > 0, PATIENCE_MS)).toBe(true);
  expect([rig.up, rig.connected]).toEqual([1, 1]);
  rig.stop();
  net.runUntil(() => net.connections === 0, net.nowMs + PATIENCE_MS);
  expect(net.faults).toEqual([]);
});
