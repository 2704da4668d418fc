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

test('a rate that control orders before streams may come goes out behind the greeting, and a slow control ends no session', () => {
  const rig = new Rig(new Plan(null), false);
  const { net } = rig;
  rig.controlMs = 29_000;
  expect(net.runUntil(() => rig.worker.tunnels.get(1)?.isUp === true, PATIENCE_MS)).toBe(true);
  rig.worker.pace(1, 1, 1_000_000);
  expect(net.runUntil(() => rig.up + rig.connected > 0, PATIENCE_MS)).toBe(true);
  expect([rig.up, rig.connected]).toEqual([1, 0]);
  expect(net.runUntil(() => rig.connected > 0, PATIENCE_MS)).toBe(true);
  expect(rig.lost).toBe(0);
  rig.stop();
  net.runUntil(() => net.connections === 0, net.nowMs + PATIENCE_MS);
  expect(net.faults).toEqual([]);
});
