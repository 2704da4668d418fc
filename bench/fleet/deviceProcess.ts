// The process of a fleet's devices: LightNodes that dial, stay, and return as real nodes do, with the same pauses and patience.

import { setTimeout as delay } from 'node:timers/promises';
import { NODE } from '../../src/limits/node.ts';
import { Backoff } from '../../src/node/backoff.ts';
import { LightNode } from './lightNode.ts';
import type { DeviceNews, DeviceOrder } from './orders.ts';

const NEWS_MS = 5;

/** One for each lane of each device. */
const devices: LightNode[] = [];
let connected = 0;
let firstLanes = 0;
let failedAttempts = 0;
let telling = false;
let nextToVanish = 0;

function tell(): void {
  if (telling) return;
  telling = true;
  setTimeout(() => {
    telling = false;
    process.send!({ connected, firstLanes, failedAttempts } satisfies DeviceNews);
  }, NEWS_MS);
}

/** Connected for ever, like a device; its further lanes begin once it is paired. */
async function stay(device: LightNode, furtherLanes: LightNode[]): Promise<void> {
  const backoff = new Backoff();
  const count = (change: number) => {
    connected += change;
    if (device.lane === 0) firstLanes += change;
    tell();
  };
  for (;;) {
    try {
      await device.attempt(NODE.handshakeTimeoutMs);
    } catch {
      failedAttempts++;
      tell();
      await delay(backoff.failed(performance.now(), Math.random()));
      continue;
    }
    backoff.connected(performance.now());
    count(1);
    for (const lane of furtherLanes.splice(0)) void stay(lane, []);
    await new Promise<void>((resolve) => {
      if (!device.connected) resolve();
      device.onLost = resolve;
    });
    count(-1);
    await delay(backoff.failed(performance.now(), Math.random()));
  }
}

async function vanish(device: LightNode, mutely: boolean, backMs: number): Promise<void> {
  if (!device.connected) return;
  if (mutely) device.fallSilent();
  await delay(backMs);
  device.vanish();
  device.onLost();
}

process.on('message', (order: DeviceOrder) => {
  if (order.type === 'enrol') {
    for (const { link, name, from } of order.devices) {
      const device = new LightNode(link, order.tunnel, name);
      device.from = from;
      device.keepsHeard = false;
      const furtherLanes = Array.from({ length: order.lanes - 1 }, (_, at) => device.withLane(1 + at));
      devices.push(device, ...furtherLanes);
      void stay(device, furtherLanes);
    }
  } else if (order.type === 'drop') {
    for (const device of devices) {
      device.vanish();
      device.onLost();
    }
  } else {
    for (let left = order.count; left > 0; left--) {
      const at = nextToVanish++;
      void vanish(devices[at % devices.length]!, at % 2 === 1, order.backMs);
    }
  }
});
process.on('disconnect', () => process.exit(0));
