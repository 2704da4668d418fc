// The content of a STATUS frame: what a node tells its hubs about itself. Pure apart from the platform's names.

import { arch, platform, release } from 'node:os';
import { version } from '../base/version.ts';
import type { Network, ViaKind } from '../model/fleet.ts';
import type { Battery } from './battery.ts';
import type { RotationAnswer } from './rotator.ts';

export interface NodeFacts {
  startedMs: number;
  nowMs: number;
  sentBytes: number;
  receivedBytes: number;
  battery: Battery;
  network: Network | null;
  publicAddress: string | null;
  /** Whether the owner gave a command for it. */
  canRotate: boolean;
  /** The proxy on the way to the hub that this is for; null: none. */
  via: ViaKind | null;
  /** The last answer to the hub that this is for; null: it has asked nothing. */
  rotation: RotationAnswer | null;
  /** Of the list of the hub's cluster, 0 before the first; null: this device follows none there. */
  hubList: number | null;
}

export function statusJson(facts: NodeFacts): string {
  const { startedMs, nowMs, sentBytes, receivedBytes, battery, network, publicAddress, canRotate } = facts;
  const { via, rotation, hubList } = facts;
  return JSON.stringify({
    platform: platformWord(platform()),
    arch: arch(),
    system: release().slice(0, 64),
    network,
    version: version(),
    uptimeS: Math.max(0, Math.round((nowMs - startedMs) / 1_000)),
    bytesSent: sentBytes,
    bytesReceived: receivedBytes,
    batteryPercent: battery.percent,
    charging: battery.charging,
    publicAddress,
    canRotate,
    via,
    ...(rotation === null ? {} : { rotation }),
    ...(hubList === null ? {} : { hubList }),
  });
}

/** The system in one word: linux, macos, windows, android, or what node calls it. */
export function platformWord(name: string): string {
  if (name === 'darwin') return 'macos';
  return name === 'win32' ? 'windows' : name;
}

/** A hub wants to hear at once when this changes. */
export function statusKey(network: Network | null, battery: Battery): string {
  return `${network} ${battery.percent} ${battery.charging}`;
}
