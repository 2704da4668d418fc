// The STATUS frame's content: what a node tells its hubs of itself. Pure but for the platform's names. Used by node.ts.

import { arch, platform, release } from 'node:os';
import { version } from '../version.ts';
import type { Battery } from './battery.ts';

export function statusJson(facts: {
  startedMs: number;
  nowMs: number;
  sentBytes: number;
  receivedBytes: number;
  battery: Battery;
}): string {
  const { startedMs, nowMs, sentBytes, receivedBytes, battery } = facts;
  return JSON.stringify({
    platform: `${platform()} ${arch()}`,
    system: release(),
    version: version(),
    uptimeS: Math.max(0, Math.round((nowMs - startedMs) / 1_000)),
    bytesSent: sentBytes,
    bytesReceived: receivedBytes,
    batteryPercent: battery.percent,
    charging: battery.charging,
  });
}
